"""Who holds what: an interface that two faults keep down comes up when the second one is taken back.

Counts per lab (per `FaultContext`, which it must not keep alive). No I/O.
"""

from __future__ import annotations

from collections import Counter
from weakref import WeakKeyDictionary

from simulator.context import FaultContext
from simulator.faults.errors import FaultError, Problem

Resource = tuple[str, ...]
"""("down", node, interface), ("frozen", service), ("shaped", node, interface), ("rogue", node)."""

_HELD: WeakKeyDictionary[FaultContext, Counter[Resource]] = WeakKeyDictionary()


def take(context: FaultContext, resource: Resource) -> int:
    """One more holder; returns how many there are now."""
    held = _HELD.setdefault(context, Counter())
    held[resource] += 1
    return held[resource]


def release(context: FaultContext, resource: Resource) -> int:
    """One holder less; returns how many are left."""
    held = _HELD.setdefault(context, Counter())
    held[resource] = max(held[resource] - 1, 0)
    return held[resource]


def holders(context: FaultContext, resource: Resource) -> int:
    """How many hold it now."""
    return _HELD.get(context, Counter())[resource]


def shape(context: FaultContext, node: str, interface: str, fault: str) -> None:
    """Be the one fault that shapes what an interface sends. Raises FaultError when there is one."""
    if holders(context, ("shaped", node, interface)):
        raise FaultError(
            Problem(
                fault,
                f"{interface} of {node} is shaped by another delay or rate",
                "clear that one first, or use loss, which adds up",
            )
        )
    take(context, ("shaped", node, interface))


def unshape(context: FaultContext, node: str, interface: str) -> None:
    """Let another one."""
    release(context, ("shaped", node, interface))
