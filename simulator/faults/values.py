"""The faults themselves: frozen values, complete and checked, without any way to act.

Each is named by what the peer sees. `seconds` is how long it lasts before it takes itself back; None means
until it is cleared. Which end of a link is `a` and which is `b` is the topology's word.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

LONGEST_SECONDS = 20.0
"""Whoever injects a fault that ends by itself waits for its end; longer ones are injected and cleared."""


class Direction(StrEnum):
    """Which way over a link a fault works. The end that sends comes first."""

    BOTH = "both"
    A_TO_B = "a-to-b"
    B_TO_A = "b-to-a"


@dataclass(frozen=True, slots=True)
class Cut:
    """The cable is pulled: both ends lose their carrier."""

    kind: ClassVar[str] = "cut"
    link: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Carrier stays, nothing arrives any more in that direction, BFD included."""

    kind: ClassVar[str] = "blackhole"
    link: str
    direction: Direction = Direction.BOTH
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets vanish at random, independently of each other: `percent` of them, above 0 to 100."""

    kind: ClassVar[str] = "loss"
    link: str
    percent: float
    direction: Direction = Direction.BOTH
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Packets arrive later, by `milliseconds` in that direction."""

    kind: ClassVar[str] = "delay"
    link: str
    milliseconds: float
    direction: Direction = Direction.BOTH
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """The link carries at most `mbit` megabit/s in that direction; what does not fit waits, then drops."""

    kind: ClassVar[str] = "rate"
    link: str
    mbit: float
    direction: Direction = Direction.BOTH
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """On the management network these nodes and all others no longer hear each other. Carrier stays."""

    kind: ClassVar[str] = "partition"
    nodes: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Crash:
    """The service is gone without a word (kill -9). Its supervisor starts it again. Over at once."""

    kind: ClassVar[str] = "crash"
    service: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """The service is there and silent (SIGSTOP): its sockets stay open, nothing is answered."""

    kind: ClassVar[str] = "freeze"
    service: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """The service is stopped in order and started again; over when it is ready."""

    kind: ClassVar[str] = "restart"
    service: str


LinkFault = Cut | Blackhole | Loss | Delay | Rate
ServiceFault = Crash | Freeze | Restart
Fault = LinkFault | Partition | ServiceFault

TYPES: dict[str, type[Fault]] = {
    kind.kind: kind for kind in (Cut, Blackhole, Loss, Delay, Rate, Partition, Crash, Freeze, Restart)
}
KINDS: tuple[str, ...] = (*TYPES, "oneway")
"""Every kind a document may name. `oneway` is a `blackhole` whose direction must be given."""


def to_document(fault: Fault) -> dict[str, Any]:
    """The document that `parse` makes the same fault from; fields that are None are left out."""
    fields: dict[str, Any] = {"kind": fault.kind}
    for field in dataclasses.fields(fault):
        value = getattr(fault, field.name)
        if isinstance(value, StrEnum):
            value = value.value
        elif isinstance(value, tuple):
            value = list(value)
        if value is not None:
            fields[field.name] = value
    return fields
