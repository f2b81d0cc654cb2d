"""Probes: steady UDP flows that measure what a fault cost, judged by the sender's own clock.

Knows flows, packets, records and what they say: sent, received, lost, duplicated, reordered, outages. Also
measures itself (lateness, drops at its own sockets, the machine's load), so that a verdict can say that the
machine was too busy to tell. Must not know faults, and passes no verdict itself.
"""
