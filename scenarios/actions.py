"""What a step of a scenario can do. Values only; `scenarios.acting` carries them out.

`IN_USE` and `spare(n)` stand for names of WAN links that only the run can know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .measurements import Flow
from .values import Expectation

IN_USE = "$path-in-use"
"""Stands for the name of the WAN link that carries the traffic when the step begins. The runner asks the
gateway which one that is, because a story cannot know it."""
_SPARE = "$spare-path-"


def spare(number: int) -> str:
    """Stands for the `number`th (from 1) of the ways that do not carry the traffic when the step begins."""
    return f"{_SPARE}{number}"


def spare_number(name: str) -> int | None:
    """Which spare path a name stands for; None for any other name."""
    digits = name.removeprefix(_SPARE)
    return int(digits) if digits != name and digits.isdecimal() and int(digits) > 0 else None


@dataclass(frozen=True, slots=True)
class Boot:
    """Bring the lab up, all daemons ready."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Create an endpoint for each side and the connection between them, over the API.

    The endpoints are called "<cell>-end", the connection "<local>-<remote>".
    """

    local_cell: str
    remote_cell: str


@dataclass(frozen=True, slots=True)
class StartProbes:
    """Start the flows; they run until the scenario ends."""

    flows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """Do nothing for that many seconds and measure: what the machine loses without any fault."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """One request to the manager's API: what is wanted changes, while everything runs.

    create: make an endpoint or a connection of that name with `fields`, as in the API. update: read it, put
    `fields` over what it has, write it back at the revision that was read. delete: have it taken away.
    """

    do: Literal["create", "update", "delete"]
    resource: Literal["endpoint", "connection"]
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    after_s: float = 0.0
    """Within a `Break`: so many seconds after the faults took hold."""


@dataclass(frozen=True, slots=True)
class Break:
    """Inject faults, keep them for a while, then clear them, the last first.

    A fault is in the form of the lab's faults: `{"kind": "cut", "link": "main-east-1"}`. `hold_s` is how long
    they stay after the last one; for faults that are over by themselves (a crash), how long to go on
    measuring at least. `phase_s` is a wait before the first, so that it does not always hit the same phase of
    a periodic protocol; it comes from the scenario's seed.
    """

    fault: Mapping[str, Any] | tuple[Mapping[str, Any], ...]
    hold_s: float
    phase_s: float = 0.0
    restarts: str | None = None
    """The service ("role@node") that this fault ends and its supervisor must bring back."""
    apart_s: float = 0.0
    """Seconds from one fault to the next; 0: all at once."""
    during: tuple[Expectation, ...] = ()
    """What must be so while the faults are in force; deadlines count from the moment the last took hold."""
    changes: tuple[Change, ...] = ()
    """What is asked of the API meanwhile, in order of `after_s`."""

    @property
    def faults(self) -> tuple[Mapping[str, Any], ...]:
        """All of them, in the order in which they are injected."""
        return self.fault if isinstance(self.fault, tuple) else (self.fault,)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Delete the connection and its endpoints over the API."""


Action = Boot | Connect | StartProbes | Watch | Change | Break | Disconnect
ACTIONS: dict[str, type[Action]] = {
    "boot": Boot,
    "connect": Connect,
    "start-probes": StartProbes,
    "watch": Watch,
    "change": Change,
    "break": Break,
    "disconnect": Disconnect,
}
"""By the names that files and reports use."""


def name_of(action: Action) -> str:
    """The action's name in files and reports."""
    return next(name for name, kind in ACTIONS.items() if isinstance(action, kind))
