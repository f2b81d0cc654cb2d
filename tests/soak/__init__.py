"""Whole labs under random faults, and what must hold again once the faults are over.

`world` drives a lab, `invariants` looks for anything that is not as it should be, `acts` are the faults and
orders, `plans` draws them from a seed. Only public surfaces are used: API, lab client, what a switch says.
"""
