"""A change costs what it touches: the same work among 5,000 connections as among 50, counted and not timed.

Counted are the statements that go to the database, the steps of SQLite's own machine while it answers them
(each row and each index entry it looks at is several), and the connections that are rendered for agents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from cellnet_core.manager import intent, service
from cellnet_core.manager.cells import CellRequest
from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.model.wire import ConnectionIntent, IntentDocument
from cellnet_core.store import connections
from cellnet_core.store.listing import PageQuery
from cellnet_core.store.records import AgentKey, ConnectionRecord, TimersRecord
from tests.population import Shape, inventory, populate
from tests.unit.manager.world import World, obey

FEW, MANY = 50, 5000
GROWTH = 1.25
"""What is left for deeper trees, and for a page whose rows belong to more gateways. A look at everything
would be a hundred times as much."""


@dataclass
class Cost:
    """What was counted."""

    statements: list[str] = field(default_factory=list)
    steps: int = 0
    rendered: int = 0


@contextmanager
def counting(world: Populated) -> Iterator[Cost]:
    """Everything that is done for the manager within the block."""
    cost = Cost()
    engine = world.manager.context.database.engine

    def step() -> int:
        cost.steps += 1
        return 0

    def before(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        cost.statements.append(statement)
        connection.connection.driver_connection.set_progress_handler(step, 1)

    rendered = world.rendered
    event.listen(engine, "before_cursor_execute", before)
    yield cost
    event.remove(engine, "before_cursor_execute", before)
    cost.rendered = world.rendered - rendered


class Populated(World):
    """A manager over many connections that are all as they should be, and whose agents have all reported."""

    def __init__(self, path: Path, count: int, kind: Any) -> None:
        self.rendered = 0
        super().__init__(path)
        self.shape = Shape(2 * count, count, kind)
        populate(self.manager.context.database, self.shape)
        self.restart()
        for cell in {self.shape.home(0), self.shape.home(1)}:
            self.follow(cell)
            self.follow(cell)

    def start(self) -> None:
        super().start()
        self.manager = service.assemble(replace(self.manager.context, tell=self.tell))

    def tell(self, key: AgentKey, connection: ConnectionRecord) -> ConnectionIntent:
        self.rendered += 1
        return intent.told(key, connection)

    def told(self, cell: int, after: int = -1) -> IntentDocument | None:
        return asyncio.run(self.manager.agents.next_intent(f"c{cell}", f"c{cell}-gw1", after, 0))

    def follow(self, cell: int) -> None:
        """The agent asks for its intent, makes it so and reports."""
        self.sequence += 1
        report = obey(self.told(cell), inventory(self.shape, cell), self.sequence, f"life-{cell}")
        key = self.manager.agents.report(f"c{cell}", f"c{cell}-gw1", report)
        assert key is not None
        self.manager.monitor.settle_agents((key,))


def change_one(world: Populated) -> None:
    """Another timer: a new revision for both agents."""
    request = ConnectionRequest("n0", "e0", "e1", TimersRecord(hold_time=30))
    world.manager.connections.put("n0", request, None)


def tell_and_hear(world: Populated) -> None:
    """Both agents of the connection ask, make it so and report."""
    for cell in (world.shape.home(0), world.shape.home(1)):
        world.follow(cell)


def hear_the_same_again(world: Populated) -> None:
    world.sequence += 1
    cell = world.shape.home(0)
    report = obey(world.told(cell), inventory(world.shape, cell), world.sequence, f"life-{cell}")
    key = world.manager.agents.report(f"c{cell}", f"c{cell}-gw1", report)
    assert key is not None
    world.manager.monitor.settle_agents((key,))


def take_one_down(world: Populated) -> None:
    world.manager.connections.delete("n0")
    tell_and_hear(world)
    tell_and_hear(world)


def connect_again(world: Populated) -> None:
    world.manager.connections.create(ConnectionRequest("again", "e0", "e1", TimersRecord()))
    tell_and_hear(world)


def add_a_cell(world: Populated) -> None:
    world.manager.cells.create(CellRequest("new", 65_000, prefixes=("192.168.0.0/24", "fdce:12::/64")))


def look(world: Populated) -> None:
    world.manager.connections.get("n1")
    world.manager.endpoints.get("e1")
    world.manager.connections.page(PageQuery(20))
    world.manager.endpoints.page(PageQuery(20, sort=(("name", "asc"),)))
    world.manager.events.page(PageQuery(20))


def let_time_pass(world: Populated) -> None:
    world.manager.monitor.tick()


ACTS: tuple[Callable[[Populated], None], ...] = (
    change_one,
    tell_and_hear,
    hear_the_same_again,
    look,
    let_time_pass,
    add_a_cell,
    take_one_down,
    connect_again,
)


def costs(path: Path, count: int, kind: str) -> dict[str, Cost]:
    world = Populated(path, count, kind)
    found = {}
    for act in ACTS:
        with counting(world) as cost:
            act(world)
        found[act.__name__] = cost
    return found


@pytest.mark.parametrize("kind", ["hub", "spread"])
def test_the_same_work_among_many_as_among_few(tmp_path: Path, kind: str) -> None:
    few = costs(tmp_path / "few.db", FEW, kind)
    many = costs(tmp_path / "many.db", MANY, kind)
    for act in few:
        one, other = few[act], many[act]
        assert len(other.statements) <= len(one.statements), act
        assert one.rendered == other.rendered, act
        assert other.steps <= GROWTH * one.steps + 20, act


def test_the_count_sees_a_planted_look_at_everything(tmp_path: Path) -> None:
    world = Populated(tmp_path / "few.db", FEW, "hub")
    with counting(world) as cost, world.manager.context.database.read() as session:
        connections.everyone(session)
    assert cost.steps > 40 * FEW
