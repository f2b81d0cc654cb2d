"""Two programs that write to one database at once: one of them is told, and nothing is half-written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from cellnet_core.store import cells, engines
from cellnet_core.store.database import Database
from cellnet_core.store.errors import StoreBusyError, StoreUnavailableError
from cellnet_core.store.records import CellRecord
from tests.postgresql import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cell(number: int) -> CellRecord:
    return CellRecord(str(UUID(int=number)), f"cell{number}", "sub", None, number, (), "", 1, NOW, NOW)


def test_the_second_of_two_writers_is_told(
    opened: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look for the name, both find it free, both take it."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_MS", 200)
    one, other = opened(), opened()

    def both() -> None:
        with one.write() as first:
            assert cells.find(first, "cell1") is None
            with other.write() as second:
                assert cells.find(second, "cell1") is None
                cells.save(second, cell(1))
            cells.save(first, cell(1))

    with pytest.raises(StoreBusyError, match="nothing was written"):
        both()
    with one.read() as session:
        assert len(cells.everyone(session)) <= 1
    with one.write() as session:
        cells.save(session, cell(2))  # and life goes on


def test_a_server_that_was_restarted_costs_no_request(postgresql: Server) -> None:
    from cellnet_core.store.database import open_database

    database = open_database(postgresql.create("restarted"))
    with database.write() as session:
        cells.save(session, cell(1))
    postgresql.stop()
    with pytest.raises(StoreUnavailableError), database.read() as session:
        cells.everyone(session)
    postgresql.start()
    with database.read() as session:
        assert [found.name for found in cells.everyone(session)] == ["cell1"]
    database.close()


def test_passwords_are_in_no_message(postgresql: Server) -> None:
    engine = engines.open_engine(f"postgresql://me:secret@/none?host={postgresql.directory}")
    assert "secret" not in engines.shown(engine)
    with pytest.raises(StoreUnavailableError) as caught, engines.translated(), engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert "secret" not in str(caught.value)
    engine.dispose()


@pytest.mark.parametrize("where", ["mysql://x/y", "postgresql+asyncpg://x/y", "://"])
def test_other_databases_are_refused_with_what_to_write(where: str) -> None:
    with pytest.raises(StoreUnavailableError, match="write postgresql://"):
        engines.open_engine(where)
