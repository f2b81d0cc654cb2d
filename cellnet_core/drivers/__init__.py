"""Southbound: the contract of speaker and forwarding drivers, and the drivers that implement it.

`contract` is all that the rest of the core may know; the concrete drivers beside it are named only by a
composition root or an entry point. A driver never calls its caller and knows nothing of the manager.
"""
