"""Who holds what: an interface that two faults keep down comes up when the second one is taken back.

Counts per lab (per `FaultContext`, which it must not keep alive). No I/O.
"""

from __future__ import annotations

from collections import Counter
from weakref import WeakKeyDictionary

from simulator.context import FaultContext

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
