"""Faults: what can be done to a running lab, each named by what the peer sees, each with its undo.

Knows links, nodes and services by name, and the back ends that impair them (nft, tc, signals). Must not know
the daemon that runs them (it sees a `FaultContext` only) nor judge what a fault did: that is for probes.
"""

from simulator.faults.acts import apply
from simulator.faults.errors import FaultError, Problem
from simulator.faults.parsing import parse
from simulator.faults.values import (
    KINDS,
    Blackhole,
    Crash,
    Cut,
    Delay,
    Direction,
    Fault,
    Freeze,
    Loss,
    Partition,
    Rate,
    Restart,
    to_document,
)

__all__ = [
    "KINDS",
    "Blackhole",
    "Crash",
    "Cut",
    "Delay",
    "Direction",
    "Fault",
    "FaultError",
    "Freeze",
    "Loss",
    "Partition",
    "Problem",
    "Rate",
    "Restart",
    "apply",
    "parse",
    "to_document",
]
