"""Two agents over fake gateways and wired fake speakers, and their manager, all on a manual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx

from cellnet_core.agent.core import Agent
from cellnet_core.agent.manager import ManagerClient
from cellnet_core.agent.reconciler import Surroundings
from cellnet_core.agent.storage import Storage
from cellnet_core.drivers.fake import FakeForwarding, FakeSpeaker, FakeWan
from cellnet_core.model.wire import ConnectionReport, IntentDocument, ReportDocument
from cellnet_core.planner.seen import KernelNeighbor
from tests.contract import samples
from tests.contract.manual_clock import ManualClock, settle


class ListJournal:
    """Keeps everything, to be asked."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.lines: list[tuple[float, str, dict[str, Any]]] = []

    def record(self, kind: str, **detail: Any) -> None:
        json.dumps(detail)
        self.lines.append((self._clock.now(), kind, detail))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Details of one kind."""
        return [detail for _, found, detail in self.lines if found == kind]


class FakeManager:
    """Serves intents by long poll and keeps reports; can be cut off."""

    def __init__(self) -> None:
        self.intents: dict[str, IntentDocument] = {}
        self.reports: dict[str, list[ReportDocument]] = {}
        self.polls: list[int] = []
        self.cut = False
        self.refuse = 0
        self._changed = asyncio.Event()

    def want(self, cell: str, intent: IntentDocument) -> None:
        self.intents[cell] = intent
        self._changed.set()
        self._changed = asyncio.Event()

    async def serve(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ConnectError("cut off")
        if self.refuse:
            return httpx.Response(self.refuse, text="no")
        cell, what = request.url.path.split("/")[3], request.url.path.split("/")[5]
        if what == "report":
            self.reports.setdefault(cell, []).append(ReportDocument.model_validate_json(request.content))
            return httpx.Response(204)
        after = int(request.url.params["after"])
        self.polls.append(after)
        while cell not in self.intents or self.intents[cell].generation <= after:
            await self._changed.wait()
        return httpx.Response(200, text=self.intents[cell].model_dump_json())


class FakeTable:
    """The kernel's neighbour table; `resolve` finds whom the peers really have."""

    def __init__(self, peer: str) -> None:
        self.entries: dict[tuple[str, str], KernelNeighbor] = {}
        self.peer = peer
        self.asked: list[str] = []
        self.answers = True
        self._bell = asyncio.Event()

    def snapshot(self) -> tuple[KernelNeighbor, ...] | None:
        return tuple(sorted(self.entries.values()))

    async def changes(self) -> AsyncIterator[None]:
        while True:
            await self._bell.wait()
            self._bell.clear()
            yield

    def resolve(self, local: str, remote: str) -> None:
        self.asked.append(remote)
        for entry in samples.kernel_neighbors(self.peer, hosts=0):
            if entry.address == remote and self.answers:
                self.entries[entry.interface, entry.address] = entry
                self._bell.set()

    def close(self) -> None:
        """Nothing to let go of."""


class FakePinger:
    """Answers when the flows of both gateways lead there and back over paths that are alive."""

    def __init__(self, cloud: Cloud, cell: str) -> None:
        self._cloud = cloud
        self._cell = cell
        self.sent = 0

    async def ping(self, source: str, destination: str, wait: float) -> float | None:
        self.sent += 1
        family = 1 if ":" in destination else 0
        other = "east" if self._cell == "main" else "main"
        if self._cloud.passes(self._cell, samples.prefixes(other)[family]) and self._cloud.passes(
            other, samples.prefixes(self._cell)[family]
        ):
            return 0.5
        await self._cloud.clock.sleep(wait)
        return None


class Gateway:
    """One cell's devices, and its agent while it runs."""

    def __init__(self, cloud: Cloud, cell: str, directory: Path) -> None:
        self.cloud, self.cell = cloud, cell
        self.site = samples.site(cell, state=str(directory / cell))
        self.speaker = FakeSpeaker(cloud.clock, cloud.wan, f"speaker-{cell}")
        self.forwarding = FakeForwarding(cloud.clock, ["wan1", "wan2"], f"gateway-{cell}")
        self.table = FakeTable("east" if cell == "main" else "main")
        self.journal = ListJournal(cloud.clock)
        self.pinger = FakePinger(cloud, cell)
        self.ready = 0
        self.agent: Agent | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the agent. Devices that a dead agent let go of are given new drivers' ends."""
        self.speaker._closed = self.forwarding._closed = False
        around = Surroundings(
            self.cloud.clock,
            self.journal,
            Storage(Path(self.site.state_directory), self.journal),
            self.table,
            Random(1),
        )
        transport = httpx.MockTransport(self.cloud.manager.serve)
        manager = ManagerClient("http://manager", self.cell, f"{self.cell}-gw1", transport)
        self.agent = Agent(self.site, self.speaker, self.forwarding, manager, self.pinger, around)
        self._task = asyncio.create_task(self.agent.run(self._ready), name=f"agent {self.cell}")
        await settle()

    def _ready(self) -> None:
        self.ready += 1

    async def stop(self) -> None:
        """End the agent, as a signal does."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def report(self) -> ReportDocument:
        """The last report that arrived."""
        return self.cloud.manager.reports[self.cell][-1]

    @property
    def connection(self) -> ConnectionReport:
        """Its only connection."""
        (found,) = self.report.connections
        return found

    def writes(self) -> int:
        """How many actions both devices have seen."""
        return len(self.speaker.applied) + len(self.forwarding.applied)


class Cloud:
    """Everything, started."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.wan = FakeWan()
        self.manager = FakeManager()
        self.main = Gateway(self, "main", directory)
        self.east = Gateway(self, "east", directory)

    async def __aenter__(self) -> Cloud:
        await self.main.start()
        await self.east.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.main.stop()
        await self.east.stop()

    def passes(self, cell: str, prefix: str) -> bool:
        """Whether a packet to the prefix gets out of a cell's gateway on a live path."""
        gateway = self.main if cell == "main" else self.east
        hops = gateway.forwarding.next_hops(prefix)
        ports = gateway.forwarding.ports
        return any(ports[hop.interface].bfd == "up" for hop in hops)

    def connect(self, generation: int = 1, phase: str = "present", revision: int = 1) -> None:
        """Have both agents told of the connection."""
        for cell, peer in (("main", "east"), ("east", "main")):
            wanted = samples.connection(cell, peer, phase=phase, revision=revision)
            self.manager.want(cell, samples.intent(wanted, generation=generation))

    async def online(self) -> None:
        """Connect, and wait until it is online on both sides."""
        self.connect()
        await self.clock.advance(2.0)
        for gateway in (self.main, self.east):
            assert gateway.connection.phase == "applied", gateway.connection
            assert [h.ok for h in gateway.connection.health] == [True, True]


Story = Callable[[Cloud], Awaitable[None]]
"""What happens in a cloud; the fixture `play` runs it."""
