"""One transaction for statements and for objects: neither misses what the other has done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import InvalidRequestError

from cellnet_core.manager.cells import CellRequest
from cellnet_core.store.database import Database
from cellnet_core.store.schema import CellRow
from tests.unit.manager.world import World

CELLS = CellRow.__table__
DESCRIPTION = select(CELLS.c.description).where(CELLS.c.name == "west")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    world = World(tmp_path / "manager.db")
    world.manager.cells.create(CellRequest("west", asn=65010, prefixes=("10.9.0.0/24",), description="old"))
    yield world.manager.context.database
    world.manager.context.database.close()


def test_a_statement_sees_what_was_changed_in_an_object(database: Database) -> None:
    with database.write() as session:
        session.mapped.scalars(select(CellRow)).one().description = "new"
        assert session.scalar(DESCRIPTION) == "new"
        assert session.scalars(DESCRIPTION) == ["new"]


def test_what_was_changed_in_an_object_is_kept_without_being_asked_for(database: Database) -> None:
    with database.write() as session:
        session.mapped.scalars(select(CellRow)).one().description = "new"
    with database.read() as session:
        assert session.scalar(DESCRIPTION) == "new"


def test_an_object_has_what_a_statement_has_changed(database: Database) -> None:
    with database.write() as session:
        session.execute(update(CELLS).values(description="new"))
        assert session.mapped.scalars(select(CellRow)).one().description == "new"


@pytest.mark.parametrize("how", ["raises", "rolls back"])
def test_nothing_is_left_of_either(database: Database, how: str) -> None:
    def change() -> None:
        with database.write() as session:
            session.execute(update(CELLS).values(asn=65011))
            session.mapped.scalars(select(CellRow)).one().description = "new"
            session.flush()
            if how == "raises":
                raise LookupError
            session.rollback()

    if how == "raises":
        with pytest.raises(LookupError):
            change()
    else:
        change()
    with database.read() as session:
        assert session.execute(select(CELLS.c.asn, CELLS.c.description)).all() == [(65010, "old")]


def test_a_reader_keeps_its_view_and_nobody_waits_for_it(database: Database) -> None:
    with database.read() as reader:
        assert reader.scalar(DESCRIPTION) == "old"
        with database.write() as session:
            session.execute(update(CELLS).values(description="new"))
        assert reader.scalar(DESCRIPTION) == "old"
    with database.read() as reader:
        assert reader.scalar(DESCRIPTION) == "new"


def test_nothing_is_done_after_a_rollback(database: Database) -> None:
    with database.write() as session:
        session.rollback()
        with pytest.raises(InvalidRequestError):
            session.execute(update(CELLS).values(description="new"))
        with pytest.raises(InvalidRequestError):
            session.mapped.scalars(select(CellRow)).one()
    with database.read() as reader:
        assert reader.scalar(DESCRIPTION) == "old"
