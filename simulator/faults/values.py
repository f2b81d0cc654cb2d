"""The faults themselves: frozen values, complete and checked, without any way to act.

Each is named by what the peer sees. `seconds` is how long it lasts before it takes itself back; None means
until it is cleared. Which end of a link is `a` and which is `b` is the topology's word.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from simulator.faults.routing import Flood, Hijack, Leak, Malformed, ResetSession, RoutingFault, Withdraw

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
    """Packets arrive later, by `milliseconds` and up to `jitter_ms` more or less, in that direction."""

    kind: ClassVar[str] = "delay"
    link: str
    milliseconds: float
    direction: Direction = Direction.BOTH
    seconds: float | None = None
    jitter_ms: float | None = None


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
    """On the management network these groups of nodes no longer hear each other. Carrier stays.

    Nodes in no group hear everybody. One group alone is separated from all other nodes.
    """

    kind: ClassVar[str] = "partition"
    groups: tuple[tuple[str, ...], ...]
    seconds: float | None = None


class Control(StrEnum):
    """What of the control side a cell can be cut off from."""

    CONTROLLER = "controller"
    MANAGER = "manager"
    BUS = "bus"


@dataclass(frozen=True, slots=True)
class Isolate:
    """A cell's gateways and its controller, the manager or the message bus no longer hear each other.

    A message bus is a host: nobody else hears it either, since every way to it is through a gateway.
    """

    kind: ClassVar[str] = "isolate"
    target: Control
    cell: str
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


class Mode(StrEnum):
    """How a flapping link is down."""

    CUT = "cut"
    BLACKHOLE = "blackhole"
    ONEWAY = "oneway"


@dataclass(frozen=True, slots=True)
class Flap:
    """The link goes down and comes back, `count` times, once in `period_s` seconds; over after the last beat.

    It is down for the share `duty` of each period. Without `seed` the beats are exact; with one, each begins
    a little late and lasts a little longer or shorter, the same for the same seed. `direction` belongs to the
    mode `oneway`.
    """

    kind: ClassVar[str] = "flap"
    link: str
    mode: Mode = Mode.CUT
    period_s: float = 1.0
    duty: float = 0.5
    count: int = 10
    seed: int | None = None
    direction: Direction = Direction.BOTH


LinkFault = Cut | Blackhole | Loss | Delay | Rate
ServiceFault = Crash | Freeze | Restart
Single = LinkFault | Partition | Isolate | ServiceFault | Flap | RoutingFault


@dataclass(frozen=True, slots=True)
class All:
    """Several faults as one: all or none of them, one id, taken back together."""

    kind: ClassVar[str] = "all"
    faults: tuple[Single, ...]
    seconds: float | None = None


Fault = Single | All

MOMENTS = (Crash, Restart, ResetSession)
"""Over as soon as they are done; there is nothing to take back."""

TYPES: dict[str, type[Fault]] = {
    kind.kind: kind
    for kind in (
        *(Cut, Blackhole, Loss, Delay, Rate, Flap, Partition, Isolate, Crash, Freeze, Restart),
        *(ResetSession, Withdraw, Leak, Hijack, Flood, Malformed),
        All,
    )
}
KINDS: tuple[str, ...] = (*TYPES, "oneway")
"""Every kind a document may name. `oneway` is a `blackhole` whose direction must be given."""


def lasts(fault: Fault) -> float | None:
    """Seconds after which it takes itself back while its injector waits; None: it does not."""
    return getattr(fault, "seconds", None)


def to_document(fault: Fault) -> dict[str, Any]:
    """The document that `parse` makes the same fault from; fields that are None are left out."""
    values = {field.name: _plain(getattr(fault, field.name)) for field in dataclasses.fields(fault)}
    return {"kind": fault.kind, **{name: value for name, value in values.items() if value is not None}}


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return to_document(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]  # an instance; is_dataclass is true of types too
