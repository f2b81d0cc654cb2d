"""Faults: what can be done to a running lab, each named by what the peer sees, each with its undo.

Knows links, nodes and services by name, and the back ends that impair them (nft, tc, signals). Must not know
the daemon that runs them (it sees a `FaultContext` only) nor judge what a fault did: that is for probes.
"""

from simulator.faults.acts import apply
from simulator.faults.errors import FaultError, Problem
from simulator.faults.parsing import parse
from simulator.faults.routing import Flood, Hijack, Leak, Malformed, ResetSession, Sort, Withdraw
from simulator.faults.values import (
    KINDS,
    All,
    Blackhole,
    Control,
    Crash,
    Cut,
    Delay,
    Direction,
    Fault,
    Flap,
    Freeze,
    Isolate,
    Loss,
    Mode,
    Partition,
    Rate,
    Restart,
    to_document,
)

__all__ = [
    "KINDS",
    "All",
    "Blackhole",
    "Control",
    "Crash",
    "Cut",
    "Delay",
    "Direction",
    "Fault",
    "FaultError",
    "Flap",
    "Flood",
    "Freeze",
    "Hijack",
    "Isolate",
    "Leak",
    "Loss",
    "Malformed",
    "Mode",
    "Partition",
    "Problem",
    "Rate",
    "ResetSession",
    "Restart",
    "Sort",
    "Withdraw",
    "apply",
    "parse",
    "to_document",
]
