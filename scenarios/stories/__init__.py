"""The stories, one file each, and the list of them.

A story is a pure function from a topology to a scenario, told in words a demo audience understands. It may
name what is in the topology; it must not run, measure or decide anything.
"""
