"""A record made of a row is used again only while the row, and all that it names, are as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Update, update

from cellnet_core.store import agents, connections
from cellnet_core.store.database import Database
from cellnet_core.store.records import ConnectionRecord
from cellnet_core.store.schema import CellRow, ConnectionRow, EndpointRow, PathRow, ProfileRow
from tests.unit.manager.world import World

ENDPOINTS, CELLS, PROFILES = EndpointRow.__table__, CellRow.__table__, ProfileRow.__table__
CONNECTIONS, PATHS = ConnectionRow.__table__, PathRow.__table__


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    world = World(tmp_path / "manager.db")
    world.add_cells()
    world.add_endpoints()
    world.connect()
    yield world.manager.context.database
    world.manager.context.database.close()


def read(database: Database) -> ConnectionRecord:
    with database.read() as session:
        (found,) = connections.everyone(session)
        assert connections.find(session, found.name) == found
    return found


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (update(ENDPOINTS).where(ENDPOINTS.c.name == "main-ep"), lambda c: c.local.description),
        (update(ENDPOINTS).where(ENDPOINTS.c.name == "east-ep"), lambda c: c.remote.description),
        (update(PROFILES), lambda c: c.profile.description),
        (update(CONNECTIONS), lambda c: c.description),
    ],
)
def test_what_somebody_described_anew_is_read_anew(database: Database, change: Update, shown: Any) -> None:
    before = read(database)
    assert read(database) is before, "nothing was changed"
    with database.write() as session:
        session.execute(change.values(description="changed"))
    assert shown(before) != "changed"
    assert shown(read(database)) == "changed"


def test_a_cell_that_has_another_name_has_it_everywhere(database: Database) -> None:
    read(database)
    with database.write() as session:
        session.execute(update(CELLS).where(CELLS.c.name == "east").values(name="orient"))
    assert read(database).remote.place == "orient/east-gw1"


def test_paths_are_read_anew_with_what_agents_are_told_of_them(database: Database) -> None:
    """Each of the two digests that a connection's row has changes with every path."""
    before = read(database)
    with database.write() as session:
        session.execute(update(PATHS).values(local_interface="another"))
        session.execute(update(CONNECTIONS).values(told_local="changed"))
    assert {path.local_interface for path in before.paths} != {"another"}
    assert {path.local_interface for path in read(database).paths} == {"another"}


def test_what_was_rolled_back_is_forgotten(database: Database) -> None:
    before = read(database)
    with database.write() as session:
        session.execute(update(CONNECTIONS).values(description="tried"))
        (tried,) = connections.everyone(session)
        assert tried.description == "tried"
        session.rollback()
    assert read(database) == before


def test_what_a_transaction_wrote_of_an_agent_counts_more_than_what_it_read(database: Database) -> None:
    key = read(database).local.agent
    with database.write() as session:
        connections.everyone(session)  # and with them how their agents stand
        before = agents.find(session, key)
        assert before is not None
        agents.save(session, replace(before, generation=before.generation + 1))
        assert agents.standings(session, [key])[key].generation == before.generation + 1
