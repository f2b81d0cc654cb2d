"""Two cells with two WAN links between them, agents that do as they are told, and time that stands still."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cellnet_core.manager import service
from cellnet_core.manager.cells import CellRequest
from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.manager.context import Context
from cellnet_core.manager.reports import Reports
from cellnet_core.manager.resolution import EndpointRequest
from cellnet_core.manager.service import Manager
from cellnet_core.manager.wakeups import Wakeups
from cellnet_core.model.journal import NoJournal
from cellnet_core.model.wire import (
    ConnectionIntent,
    ConnectionReport,
    HealthReport,
    IntentDocument,
    Inventory,
    PathReport,
    PortInventory,
    ReportDocument,
    SessionReport,
)
from cellnet_core.store.database import open_database
from cellnet_core.store.records import TimersRecord

START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Time moves when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        done = asyncio.Event()
        self._sleepers.append((self.seconds + seconds, done))
        await done.wait()

    def advance(self, seconds: float) -> None:
        """From the event loop's thread when somebody sleeps."""
        self.seconds += seconds
        for until, done in self._sleepers:
            if until <= self.seconds:
                done.set()


def inventory(cell: int, asn: int, paths: int = 2, end: int = 1, first_link: int = 1) -> Inventory:
    """What the gateway of cell number `cell` offers; `end` is 1 or 2 of each WAN link."""
    return Inventory(
        asn=asn,
        router_id=f"10.0.{cell}.1",
        prefixes=(f"10.0.{cell}.0/24", f"fdce:11:0:{cell}::/64"),
        health_addresses=(f"10.0.{cell}.11/32", f"fdce:11:0:{cell}::11/128"),
        ports=tuple(
            PortInventory(
                interface=f"wan{port}",
                addresses=(f"172.16.{link}.{end}/30", f"fdce:11:ffff:{link}::{end}/64"),
            )
            for port, link in enumerate(range(first_link, first_link + paths), start=1)
        ),
    )


MAIN = inventory(1, 65001)
EAST = inventory(2, 65002, end=2)


def obey(
    intent: IntentDocument | None, offers: Inventory, sequence: int, agent_id: str = "first"
) -> ReportDocument:
    """The report of an agent that has made everything so, and finds everything well."""
    told = () if intent is None else intent.connections
    return ReportDocument(
        agent_id=agent_id,
        sequence=sequence,
        generation=-1 if intent is None else intent.generation,
        inventory=offers,
        connections=tuple(_made_so(connection) for connection in told),
    )


def _made_so(told: ConnectionIntent) -> ConnectionReport:
    if told.phase == "absent":
        return ConnectionReport(id=told.id, revision=told.revision, phase="absent")
    by_family = {
        family: tuple(p for p in told.remote.prefixes if (":" in p) == (family == "ipv6"))
        for family in told.families
    }
    return ConnectionReport(
        id=told.id,
        revision=told.revision,
        phase="applied",
        sessions=tuple(
            SessionReport(
                path=path.name,
                local_address=path.local_addresses[0],
                remote_address=path.remote_addresses[0],
                state="ESTABLISHED",
                since_s=1.0,
                hold_time=9,
                families=told.families,
                prefixes_received={family: len(p) for family, p in by_family.items()},
            )
            for path in told.paths
        ),
        paths=tuple(
            PathReport(path=path.name, interface=path.interface, link_up=True, bfd="up")
            for path in told.paths
        ),
        health=tuple(
            HealthReport(family=family, local_address="a", remote_address="b", ok=True, rtt_ms=0.4, sent=5)
            for family in told.families
        ),
        learned=by_family,
    )


@dataclass
class World:
    """A manager over a database in a file, and its two agents."""

    path: Path
    clock: ManualClock = field(default_factory=ManualClock)
    lives: int = 0
    sequence: int = 0
    manager: Manager = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A new life of the manager over the same database."""
        self.lives += 1
        self.manager = service.assemble(
            Context(
                database=open_database(str(self.path)),
                clock=self.clock,
                wall=lambda: START + timedelta(seconds=self.clock.now()),
                new_id=lambda: str(uuid.uuid4()),
                journal=NoJournal(),
                reports=Reports(self.clock.now()),
                wakeups=Wakeups(),
            )
        )

    def restart(self) -> None:
        """As after a kill: nothing is kept but the database."""
        self.manager.context.database.close()
        self.start()

    def add_cells(self) -> None:
        """main and east."""
        self.manager.cells.create(
            CellRequest("main", 65001, "main", prefixes=("10.0.1.0/24", "fdce:11:0:1::/64"))
        )
        self.manager.cells.create(CellRequest("east", 65002, prefixes=("10.0.2.0/24", "fdce:11:0:2::/64")))

    def intent(self, cell: str, after: int = -1) -> IntentDocument:
        """What the agent of the cell is told now."""
        found = asyncio.run(self.manager.agents.next_intent(cell, f"{cell}-gw1", after, 0))
        assert found is not None
        return found

    def report(self, cell: str, report: ReportDocument) -> None:
        """The agent of the cell reports."""
        key = self.manager.agents.report(cell, f"{cell}-gw1", report)
        if key is not None:
            self.manager.monitor.settle_agents((key,))

    def obey(self, *cells: str) -> None:
        """These agents (both, by default) make so what they are told, and report."""
        for cell in cells or ("main", "east"):
            self.sequence += 1
            offers = MAIN if cell == "main" else EAST
            self.report(cell, obey(self.intent(cell), offers, self.sequence, f"life-{self.lives}"))

    def add_endpoints(self) -> None:
        """main-ep and east-ep, from what the agents report."""
        self.obey()
        for cell in ("main", "east"):
            self.manager.endpoints.create(EndpointRequest(f"{cell}-ep", cell))

    def connect(self, **changes: Any) -> None:
        """The connection main-east."""
        request = ConnectionRequest("main-east", "main-ep", "east-ep", TimersRecord())
        self.manager.connections.create(replace(request, **changes))

    def online(self) -> None:
        """Everything up to a connection that is ONLINE."""
        self.add_cells()
        self.add_endpoints()
        self.connect()
        self.obey()

    def event_types(self) -> Sequence[str]:
        """All events so far, in order."""
        from cellnet_core.store.listing import PageQuery

        return [event.type for event in self.manager.events.page(PageQuery(1000)).items]
