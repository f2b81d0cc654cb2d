"""What a request and a report make the manager do, counted: statements, decoded rows, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from cellnet_core.manager import findings, intent
from cellnet_core.manager.caller import CALLER, Caller
from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.manager.findings import Side
from cellnet_core.manager.resolution import EndpointRequest, PortRequest
from cellnet_core.model.wire import ConnectionReport, IntentDocument
from cellnet_core.store import connections, endpoints
from cellnet_core.store.listing import PageQuery
from tests.population import Shape, gateway_of, inventory, populate, port
from tests.unit.manager.world import MAIN, World, obey

SHAPE = Shape(240, 100)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """100 connections, and endpoints beyond them."""
    made = World(tmp_path / "manager.db")
    populate(made.manager.context.database, SHAPE)
    token = CALLER.set(Caller("somebody", ("admin",), "POST", "/v1/somewhere", "req-1"))
    yield made
    CALLER.reset(token)
    made.manager.context.database.close()


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """Everything that goes to the database within the block."""
    engine = world.manager.context.database.engine
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    def began(connection: Connection) -> None:
        said.append(
            "BEGIN IMMEDIATE" if connection.get_execution_options().get("cellnet_writes") else "BEGIN"
        )

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "begin", began)
    yield said
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "begin", began)


def create_endpoint(world: World) -> None:
    offered = port(3)
    ports = (PortRequest(offered["interface"], tuple(offered["addresses"])),)
    world.manager.endpoints.create(EndpointRequest("made", f"c{SHAPE.home(3)}", interfaces=ports))


def create_connection(world: World) -> None:
    world.manager.connections.create(ConnectionRequest("made", "e200", "e201"))


def read_endpoint(world: World) -> None:
    world.manager.endpoints.get("e7")


def read_connection(world: World) -> None:
    world.manager.connections.get("n7")


def list_endpoints(world: World) -> None:
    world.manager.endpoints.page(PageQuery(100))


def list_connections(world: World) -> None:
    world.manager.connections.page(PageQuery(100))


@pytest.mark.parametrize(
    ("act", "most"),
    [
        (create_endpoint, 9),
        (create_connection, 10),
        (read_endpoint, 3),
        (read_connection, 4),
        (list_endpoints, 3),
        (list_connections, 5),
    ],
)
def test_a_request_asks_the_database_so_often(world: World, act: Callable[[World], None], most: int) -> None:
    """The first is BEGIN; a creation is one transaction, with its event and its audit."""
    with statements(world) as said:
        act(world)
    assert said[0].startswith("BEGIN")
    assert sum(statement.startswith("BEGIN") for statement in said) == 1
    assert len(said) <= most, "\n".join(said)


def test_statuses_of_many_are_written_at_once(world: World) -> None:
    """The first report after a start has something new of everything."""
    cell = SHAPE.home(0)
    for number in sorted({SHAPE.home(n) for n in range(SHAPE.endpoints)} - {cell}):
        _report(world, number)
    with statements(world) as said:
        _report(world, cell)
    found = {c.id for c in _of(world, cell)}
    assert len(found) > 10
    assert sum("UPDATE connections" in statement for statement in said) == 1


def test_agents_that_fall_silent_together_are_written_down_together(world: World) -> None:
    cells = sorted({SHAPE.home(n) for n in range(SHAPE.endpoints)})
    for cell in cells * 2:
        _report(world, cell)
    world.clock.advance(60.0)
    with statements(world) as said:
        world.manager.monitor.tick()
    assert sum(statement.startswith("BEGIN IMMEDIATE") for statement in said) == 2
    assert sum(statement.startswith("INSERT INTO events") for statement in said) == 2
    events = world.manager.events.page(PageQuery(1000)).items
    assert sum(event.type == "agent.silent" for event in events) == len(cells)
    assert sum("-> UNKNOWN" in event.message for event in events) == SHAPE.connections


def test_the_same_report_again_writes_nothing(world: World) -> None:
    cell = SHAPE.home(0)
    _report(world, cell)
    _report(world, cell)
    with statements(world) as said:
        _report(world, cell)
    assert not [s for s in said if s.startswith(("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE"))]


def test_parts_of_reports_share_what_they_can(world: World) -> None:
    cell = SHAPE.home(0)
    _report(world, cell)
    received = world.manager.context.reports.latest(gateway_of(cell))
    assert received is not None
    kept = received.connections.values()
    parts = [part for c in kept for part in (c, *c.sessions, *c.paths, *c.health)]
    assert len(parts) > 40
    assert len({id(part.model_fields_set) for part in parts}) == 4


def test_an_unchanged_row_is_decoded_once(world: World) -> None:
    database = world.manager.context.database
    with database.read() as session:
        once = endpoints.find(session, "e1")
    with database.read() as session:
        again = endpoints.find(session, "e1")
    assert once is again
    assert once is not None
    with database.write() as session:
        endpoints.update(session, replace(once, description="another"))
    with database.read() as session:
        changed = endpoints.find(session, "e1")
    assert changed == replace(once, description="another")


def test_what_is_told_is_what_is_there_after_it_was_kept_as_text(world: World) -> None:
    cell = SHAPE.home(0)
    for _ in range(2):  # rendered, then kept
        told = _told(world, cell)
        expected = tuple(
            intent.told(end.agent, c)
            for c in _of(world, cell)
            for end in (c.local, c.remote)
            if end.gateway == f"c{cell}-gw1"
        )
        assert told.connections == expected
    assert IntentDocument.model_validate_json(told.model_dump_json()) == told


class Counted(str):
    """A prefix that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_ten_thousand_prefixes_are_not_compared_each_with_each(world: World) -> None:
    with world.manager.context.database.read() as session:
        connection = connections.find(session, "n0")
    assert connection is not None
    prefixes = tuple(Counted(f"10.{n >> 8}.{n & 255}.0/24") for n in range(10_000))
    far = replace(connection.remote, prefixes=prefixes)
    wanted = replace(connection, remote=far)
    learned = {"ipv4": tuple(Counted(prefix) for prefix in reversed(prefixes))}
    about = ConnectionReport.model_construct(**{**_about(connection.id), "learned": learned})
    report = obey(None, MAIN, 1)
    near, other = (
        Side(end, report, {connection.id: about}, 0.0, 1, astray=False, ever_seen=True, fresh=True)
        for end in (connection.local, far)
    )
    Counted.compared = 0
    found = {f.type: f for f in findings.find(wanted, (near, other))}
    # The far side lacks what the near one announces in IPv6, and the near one lacks nothing.
    assert found["RoutesLearned"].message.startswith(f"{other.place} has no route to fdce:")
    assert f"{near.place} has no route" not in found["RoutesLearned"].message
    assert Counted.compared <= 4 * len(prefixes)


def _about(identifier: str) -> dict[str, Any]:
    return ConnectionReport(id=identifier, revision=1, phase="applied").__dict__


def _of(world: World, cell: int) -> tuple[Any, ...]:
    with world.manager.context.database.read() as session:
        return connections.of_agent(session, gateway_of(cell))


def _told(world: World, cell: int) -> IntentDocument:
    return world.intent(f"c{cell}")


def _report(world: World, cell: int) -> None:
    world.sequence += 1
    told = _told(world, cell)
    report = obey(told, inventory(SHAPE, cell), world.sequence, f"life-{cell}")
    key = world.manager.agents.report(f"c{cell}", f"c{cell}-gw1", report)
    assert key is not None
    world.manager.monitor.settle_agents((key,))
