"""What a runner needs of the world it plays in: a lab today; anything that can answer the same tomorrow.

A protocol and its values, no implementation. `scenarios.lab_stage` is the one over a real lab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from topologies.model import Topology

from .actions import Change
from .lookout.values import Told
from .machine import Snapshot, SwitchStall
from .measurements import Flow, FlowMeasurement
from .safety.values import Survey
from .values import Event


class StageError(Exception):
    """The stage could not do what a step asked: the step fails and the scenario stops. Says what to do."""


class StageGoneError(StageError):
    """The lab itself is gone: nothing more can be asked of it."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The connection as the API shows it now. `reasons`: what does not hold, each once, worst news first."""

    provisioning: str
    operating: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A supervised process of the lab."""

    ready: bool
    restarts: int
    state: str


class Stage(Protocol):
    """One lab with a manager in it. Blocking calls, each bounded. Any of them may raise StageError."""

    @property
    def name(self) -> str:
        """The lab's name; "" before it is up."""
        ...

    def up(self, topology: Topology, said: Callable[[str], None]) -> Mapping[str, Any]:
        """Boot and wait until all daemons are ready. Facts for the report."""
        ...

    def connect(self, local_cell: str, remote_cell: str) -> Mapping[str, Any]:
        """Two endpoints and a connection, over the API. Returns as soon as the API accepted them."""
        ...

    def status(self) -> ConnectionStatus | None:
        """The connection now; None when the API knows none, or does not answer."""
        ...

    def disconnect(self) -> None:
        """Ask the API to delete the connection and its endpoints."""
        ...

    def leftovers(self) -> Sequence[str]:
        """What is still there of a deleted connection: in the API, on the gateways, between the speakers."""
        ...

    def change(self, change: Change) -> Mapping[str, Any]:
        """Carry out one change of what is wanted, over the API. Facts for the report: id, revision."""
        ...

    def disagreements(self) -> Sequence[str]:
        """Where desired and observed do not agree, over all that the API has; [] when they do."""
        ...

    def survey(self) -> Survey:
        """The tables of all gateways and what strayed to hosts, now. A few programs a gateway."""
        ...

    def keep_watch(self) -> None:
        """Look for what breaks a safety property from now on, without a pause, until `end_watch`."""
        ...

    def watched(self) -> Told:
        """What that showed since it was asked last."""
        ...

    def end_watch(self) -> Told:
        """The last of it; nobody looks any more."""
        ...

    def start_probes(self, flows: Sequence[Flow]) -> None:
        """Start all flows; returns when each one sends and the control flows arrive."""
        ...

    def stop_probes(self) -> None:
        """End all flows; `measure` still answers."""
        ...

    def measure(self, start: float, end: float) -> tuple[FlowMeasurement, ...]:
        """What every flow saw among the packets sent in that time (monotonic seconds)."""
        ...

    def path_in_use(self) -> str:
        """Name of the WAN link that carries the flows out of the local cell now, from port counters."""
        ...

    def paths(self) -> tuple[str, ...]:
        """Names of all WAN links by which flows may leave the local cell for the remote one."""
        ...

    def inject(self, fault: Mapping[str, Any]) -> str:
        """Returns an id to clear it with; "" for a fault that is over at once."""
        ...

    def clear(self, fault: str) -> None:
        """Take a fault back."""
        ...

    def service(self, name: str) -> ServiceStatus:
        """The state of a supervised process, "role@node"."""
        ...

    def timeline(self, since: float) -> tuple[Event, ...]:
        """Every fact written down since then."""
        ...

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Write a fact into the timeline."""
        ...

    def look(self) -> Snapshot:
        """Counters of the machine now."""
        ...

    def stalls(self) -> tuple[SwitchStall, ...]:
        """Every warning so far of a switch about its own lateness."""
        ...
