"""What safety is judged from, and what it finds. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OWNED = "no flow without an owner"
LOOPLESS = "no forwarding loop"
RIGHT_CELL = "no delivery into the wrong cell"
AGREED = "desired and observed agree in the end"
PROPERTIES = (OWNED, LOOPLESS, RIGHT_CELL, AGREED)


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at a whole lab. `at` is monotonic seconds.

    `gateways` has the text of `ovs-ofctl dump-groups` and `dump-flows --names --no-stats` of each gateway
    that answered. `strays` counts, for each host since it was born, the packets that reached it and were
    addressed to somebody else.
    """

    at: float
    gateways: Mapping[str, str] = field(default_factory=dict)
    strays: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold, and where."""

    says: str
    what: str
