"""The agent of one gateway: a thin shell that lets the planner think and the drivers act.

Knows asyncio, the manager's wire, the kernel's neighbour table and two drivers by their contract. Must not
decide anything that the planner can decide, nor need the manager: loss of it changes nothing but the
intent's age. Concrete drivers are named in `__main__` only, which is the composition root.
"""
