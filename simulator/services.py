"""What a supervised process is: its command line, when it is ready, how it is stopped. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Notified:
    """Ready when it says READY=1 on $NOTIFY_SOCKET (sd_notify(3))."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Ready when a unix stream socket accepts. `{pid}` in the path stands for the process's id."""

    path: str


@dataclass(frozen=True, slots=True)
class Running:
    """Ready as soon as it runs."""


Readiness = Notified | Listening | Running


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One process of the lab, run again whenever it ends unasked.

    `place` names the node for people ("gateway main-gw1"). `after` names services that must be ready each
    time before this one is started. `environment` is added to the lab's own. `stale` are files that a killed
    predecessor may have left and that must be gone before the start. `data_plane` marks what moves packets or
    says whether a path is alive: a share of the processor of its own, however busy the rest of the lab is.
    """

    role: str
    node: str
    place: str
    argv: tuple[str, ...]
    ready: Readiness
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    data_plane: bool = False

    @property
    def name(self) -> str:
        """Unique in the lab: "role@node"."""
        return f"{self.role}@{self.node}"


FIRST_DELAY = 0.05
LONGEST_DELAY = 5.0
STEADY_SECONDS = 10.0
"""A process that ran this long has earned an immediate restart again."""


def restart_delay(ended_early: int) -> float:
    """Seconds to wait before a restart after that many runs in a row shorter than `STEADY_SECONDS`."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** max(0, ended_early - 1))
