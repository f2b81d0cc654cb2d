"""What a running lab looks like from outside: frozen values that the daemon sends and clients read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from simulator.context import SEGMENT_NODE, Inventory
from topologies.model import Link, Topology

ServiceState = Literal["waiting", "starting", "ready", "backoff", "stopped"]
"""waiting: for a service it depends on; starting: runs, not ready yet; backoff: ended, will be restarted."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A network namespace. `pid` is a process inside the sandbox that holds it.

    `environment` is what a program run there by hand needs to find the node's own daemons (OVS_RUNDIR).
    """

    name: str
    pid: int
    interfaces: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A supervised process. `restarts` counts starts after the first; `pid` is inside the sandbox."""

    name: str
    node: str
    state: ServiceState
    pid: int | None
    restarts: int
    log: str

    @property
    def ready(self) -> bool:
        return self.state == "ready"


@dataclass(frozen=True, slots=True)
class FaultView:
    """A fault in force: the document it was asked for with, and since when (CLOCK_MONOTONIC seconds)."""

    id: str
    document: dict[str, Any]
    since: float


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A background process started by a client. `returncode` is None while it runs."""

    id: str
    node: str
    argv: tuple[str, ...]
    pid: int
    returncode: int | None
    log: str


@dataclass(frozen=True, slots=True)
class LabView:
    """A whole lab. `pid` (the daemon's) and `run_directory` are the host's; other pids are the sandbox's."""

    name: str
    pid: int
    run_directory: str
    topology: Topology
    nodes: tuple[NodeView, ...]
    links: tuple[Link, ...]
    faults: tuple[FaultView, ...]
    services: tuple[ServiceView, ...]
    processes: tuple[ProcessView, ...]

    @property
    def inventory(self) -> Inventory:
        """The names in this lab, in the form that faults are checked against."""
        return Inventory(
            topology=self.topology,
            nodes=frozenset(node.name for node in self.nodes) | {SEGMENT_NODE},
            links={link.name: link for link in self.links},
            services={service.name: service.node for service in self.services},
        )

    def node(self, name: str) -> NodeView:
        """The node of that name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def service(self, name: str) -> ServiceView:
        """The service of that name. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def seen_from_host(self, pid: int, run_directory: Path) -> LabView:
        """The same lab with the daemon's pid and the directory as the host knows them."""
        return replace(self, pid=pid, run_directory=str(run_directory))


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One fact from a journal of the lab. `t` is CLOCK_MONOTONIC seconds, the same for every process."""

    t: float
    source: str
    kind: str
    detail: dict[str, Any]
