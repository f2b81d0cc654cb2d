"""From intent and observations to actions: all decisions of an agent, as pure functions.

Knows intent documents, the site, observations and what little has to be remembered between two rounds.
Must not do I/O, log, read a clock or know a concrete driver: time and the drivers' pure `plan` functions
are arguments, and the same arguments give the same decision.
"""
