"""A lab that runs: its network, services, background programs and faults, changed one request at a time.

This is what a fault sees (`context.FaultContext`) and what the server serves. It decides nothing about cells.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from simulator import faults, ovs, sandbox
from simulator.background import Background
from simulator.context import SEGMENT_NODE, Completed, FaultTargetError, Inventory, Undo
from simulator.errors import LabUsageError, UnknownTargetError
from simulator.firewall import Firewall
from simulator.mininet_backend import Network
from simulator.processes import Program, Reaper
from simulator.protocol import Spawn
from simulator.services import ServiceSpec
from simulator.supervisor import Service, Supervisor, Surroundings
from simulator.timeline import Recorder
from simulator.view import FaultView, LabView, NodeView
from topologies.model import Link, Topology

T = TypeVar("T")
_NODE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_HIDDEN = (
    *("NOTIFY_SOCKET", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    "PYTHONDONTWRITEBYTECODE",
)
"""Variables of the caller that name places which are not in the sandbox, or slow every start down."""


class MonotonicClock:
    """The machine's CLOCK_MONOTONIC, which namespaces share."""

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def base_environment(given: Mapping[str, str]) -> dict[str, str]:
    """What programs in the lab inherit of the environment that the lab was started with."""
    kept = {key: value for key, value in given.items() if key not in _HIDDEN}
    path = kept.get("PATH", "/usr/bin:/bin").split(":")
    kept["PATH"] = ":".join([*path, *(extra for extra in ("/usr/sbin", "/sbin") if extra not in path)])
    return kept | {"PYTHONUNBUFFERED": "1"}


class RunningLab:
    """The lab inside its sandbox. Lives in the event loop's thread; implements `FaultContext`."""

    def __init__(self, name: str, topology: Topology, network: Network, reaper: Reaper) -> None:
        self.name = name
        self.topology = topology
        self.clock = MonotonicClock()
        self._network = network
        self._reaper = reaper
        self._recorder = Recorder(sandbox.LAB / "journal" / "lab.jsonl", "lab")
        self._environment = base_environment(os.environ)
        self._gateways = {gateway.name for cell in topology.cells for gateway in cell.gateways}
        logs = sandbox.LAB / "logs"
        self.supervisor = Supervisor(
            Surroundings(
                reaper,
                self._recorder,
                self.clock,
                logs,
                sandbox.NOTIFY,
                network.namespace,
                self._environment,
            )
        )
        self.background = Background(reaper, self._recorder, logs)
        self._faults: dict[str, tuple[FaultView, Undo]] = {}
        self._faults_over: set[str] = set()
        self._fault_number = 0
        self._one_change = asyncio.Lock()
        # pyroute2's calls block and must not run where an event loop does; setns acts on a thread.
        self._network_thread = ThreadPoolExecutor(1, thread_name_prefix="network")

    # --- what a fault sees -----------------------------------------------------------------------

    @property
    def inventory(self) -> Inventory:
        """The names in the lab, now."""
        return Inventory(
            topology=self.topology,
            nodes=frozenset(self._network.nodes),
            links=self._network.links,
            services={service.name: service.node for service in self.supervisor.services},
        )

    def node_pid(self, node: str) -> int:
        """The process that holds the node. Raises FaultTargetError."""
        return self._network.pid(node)

    def link(self, name: str) -> Link:
        """Raises FaultTargetError."""
        links = self._network.links
        if name not in links:
            raise FaultTargetError(f"there is no link {name!r}; links: {', '.join(sorted(links))}")
        return links[name]

    def service(self, name: str) -> Service:
        """Raises FaultTargetError."""
        return self.supervisor.service(name)

    def set_interface(self, node: str, interface: str, *, up: bool) -> None:
        """Raises FaultTargetError."""
        self._network.set_interface(node, interface, up=up)

    def firewall(self, node: str) -> Firewall:
        """Raises FaultTargetError and FirewallMissingError."""
        return Firewall(self._network.namespace(node))

    async def add_service(self, spec: ServiceSpec, within: float) -> None:
        """Raises FaultTargetError."""
        await self.supervisor.add(spec, within)

    async def remove_service(self, name: str) -> None:
        """Harmless when there is none."""
        await self.supervisor.remove(name)

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str | None = None, within: float = 10.0
    ) -> Completed:
        """Raises FaultTargetError and TimeoutError."""
        if not argv:
            raise LabUsageError("there is no command to run")
        program = Program(tuple(argv), self._environment | self.node_environment(node))
        return await self._reaper.run(program, self._network.namespace(node), stdin=stdin, within=within)

    def record(self, kind: str, **detail: Any) -> None:
        """Put a line into the timeline."""
        self._recorder.record(kind, detail)

    # --- looking ---------------------------------------------------------------------------------

    def node_environment(self, node: str) -> dict[str, str]:
        """What programs need to find the node's own daemons."""
        return ovs.environment(node) if node in self._gateways else {}

    def node_view(self, node: str) -> NodeView:
        """Raises FaultTargetError."""
        network = self._network
        return NodeView(node, network.pid(node), network.interfaces(node), self.node_environment(node))

    def view(self) -> LabView:
        """Everything, now; the pid is the sandbox's own and is corrected by the client."""
        return LabView(
            name=self.name,
            pid=os.getpid(),
            run_directory=str(sandbox.LAB),
            topology=self.topology,
            nodes=tuple(self.node_view(node) for node in self._network.nodes),
            links=tuple(link for _, link in sorted(self._network.links.items())),
            faults=tuple(view for view, _ in self._faults.values()),
            services=tuple(service.view() for service in self.supervisor.services),
            processes=self.background.views(),
        )

    def spawn(self, request: Spawn) -> str:
        """Start a background program; returns its id."""
        if not request.argv:
            raise LabUsageError("there is no command to run")
        if "/" in request.name or not request.name:
            raise LabUsageError(f"{request.name!r} cannot name a background process: no slashes, not empty")
        environment = self._environment | self.node_environment(request.node) | request.env
        program = Program(request.argv, environment, realtime=request.realtime)
        namespace = self._network.namespace(request.node)
        return self.background.spawn(request.node, namespace, request.name, program)

    # --- faults ----------------------------------------------------------------------------------

    async def inject(self, document: Mapping[str, Any]) -> str:
        """Apply a fault; returns its id, "" for one that is over already. Raises FaultError."""
        fault = faults.parse(document, self.inventory)
        self._fault_number += 1
        identity = f"f{self._fault_number}"
        since = self.clock.now()
        undo = await faults.apply(fault, self, identity, lambda: self._over(identity))
        if undo is None:
            return ""
        if identity not in self._faults_over:
            self._faults[identity] = (FaultView(identity, dict(document), since), undo)
        return identity

    def _over(self, identity: str) -> None:
        """It has come to its end by itself; whoever injected it may still clear it."""
        self._faults_over.add(identity)
        self._faults.pop(identity, None)

    async def clear(self, identity: str) -> None:
        """Take a fault back; harmless for one that ended by itself. Raises UnknownTargetError."""
        if identity in self._faults_over:
            return
        if identity not in self._faults:
            known = ", ".join(self._faults) or "none"
            raise UnknownTargetError(f"there is no fault {identity!r} in force; there are: {known}")
        _, undo = self._faults[identity]
        await undo()
        self._faults.pop(identity, None)  # only now: an undo that failed can be asked for again

    async def clear_all(self) -> None:
        """Take every fault back, the last one first."""
        for identity in reversed(tuple(self._faults)):
            await self.clear(identity)

    # --- changes of the network ------------------------------------------------------------------

    async def add_node(self, name: str) -> NodeView:
        """Add an empty node."""
        if not _NODE_NAME.fullmatch(name):
            raise LabUsageError(f"{name!r} cannot be a node: up to 31 lower-case letters, digits, hyphens")
        async with self._one_change:
            self._network.add_node(name)
            self.record("node-add", node=name)
            return self.node_view(name)

    async def remove_node(self, name: str) -> None:
        """Take a node away with its services, programs and links."""
        if name == SEGMENT_NODE:
            raise LabUsageError(f"{SEGMENT_NODE!r} is the management segment itself: cut its links instead")
        async with self._one_change:
            pid = self._network.pid(name)
            await self.supervisor.end_on(name)
            await self.background.stop_on(name)
            for link in self._network.links_of(name):
                await self._in_thread(partial(self._network.remove_link, link))
                self.record("link-remove", link=link)
            _end_processes_beside(pid)
            self._network.remove_node(name)
            self.record("node-remove", node=name)

    async def add_link(self, link: Link) -> None:
        """Lay a cable."""
        async with self._one_change:
            await self._in_thread(partial(self._network.add_link, link))
            self.record("link-add", link=link.name)

    async def remove_link(self, name: str) -> None:
        """Take a cable away."""
        async with self._one_change:
            await self._in_thread(partial(self._network.remove_link, name))
            self.record("link-remove", link=name)

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._network_thread, act)


def _end_processes_beside(holder: int) -> None:
    """Kill every process in the holder's network namespace except the holder: programs run there by hand."""
    wanted = Path(f"/proc/{holder}/ns/net").readlink()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in (1, holder):
            continue
        try:
            if (entry / "ns" / "net").readlink() == wanted:
                os.kill(int(entry.name), 9)
        except (FileNotFoundError, ProcessLookupError):
            continue
