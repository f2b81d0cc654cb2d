"""Databases for the tests of the store: a SQLite file and a real PostgreSQL server, both for each test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cellnet_core.store.database import Database, open_database
from tests.postgresql import Server, running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """One server for all tests of a worker."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is to be that does not exist, or is empty."""
    if request.param == "sqlite":
        return str(tmp_path / "deep" / "manager.db")
    server: Server = request.getfixturevalue("postgresql")
    return server.create(f"t{uuid.uuid4().hex}")


@pytest.fixture
def opened(where: str) -> Iterator[Callable[[], Database]]:
    """Opens the database, as often as wanted; closed at the end."""
    with ExitStack() as stack:

        def again() -> Database:
            database = open_database(where)
            stack.callback(database.close)
            return database

        yield again


@pytest.fixture
def database(opened: Callable[[], Database]) -> Database:
    """A new database with all tables."""
    return opened()
