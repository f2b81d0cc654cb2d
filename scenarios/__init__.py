"""Stories that prove recovery: steps, expectations, budgets, verdicts, reports.

Knows the lab through `simulator` and the product through its API client only. Must not know how the core
works inside: what a scenario cannot see from outside (packets, API, timeline) it does not judge.
"""
