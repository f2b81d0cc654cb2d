"""Who may do what: tokens, agents' signatures, roles, and the one gate that every request passes.

Knows HTTP and the manager's enrolment service; knows no resource beyond its address. `guard` is the gate;
`policies` says for each route which rule it has.
"""
