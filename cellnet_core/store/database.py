"""Opens the database and hands out transactions.

SQLite runs in WAL mode with `synchronous=FULL`: a write that was acknowledged survives the death of the
process (NORMAL would do for that) and the loss of power (NORMAL would not). Writers take the lock at the
start of their transaction (BEGIN IMMEDIATE), so what they validated still holds when they commit.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from cellnet_core.store.errors import SchemaVersionError, StoreUnavailableError
from cellnet_core.store.schema import SCHEMA_VERSION, UPGRADES, Base, MetaRow

BUSY_TIMEOUT_MS = 5000
_WRITES = "cellnet_writes"


class Database:
    """One database, for the life of the process. `owner` is the id of the manager that it belongs to."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._read = sessionmaker(engine, expire_on_commit=False)
        writer = engine.execution_options(**{_WRITES: True})
        self._write = sessionmaker(writer, expire_on_commit=False)
        self.owner = self._prepare()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view. Raises StoreUnavailableError."""
        with _translated(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """All or nothing: commits when the block ends, rolls back when it raises.

        When this returns the write is on the disk. Raises StoreUnavailableError.
        """
        # In turn: SQLite's own waiting is not fair, and with many writers some would wait in vain.
        with self._turn, _translated(), self._write.begin() as session:
            yield session

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _prepare(self) -> str:
        """Make what is missing; refuse a database of another schema. Returns the owner."""
        with _translated():
            Base.metadata.create_all(self._engine)
        with self.write() as session:
            version = session.get(MetaRow, "schema_version")
            if version is None:
                owner = str(uuid.uuid4())
                session.add(MetaRow(key="schema_version", value=str(SCHEMA_VERSION)))
                session.add(MetaRow(key="owner", value=owner))
                return owner
            while version.value in UPGRADES:
                for statement in UPGRADES[version.value]:
                    session.execute(text(statement))
                version.value = str(int(version.value) + 1)
            if version.value != str(SCHEMA_VERSION):
                raise SchemaVersionError(
                    f"the database has schema version {version.value}, this manager needs {SCHEMA_VERSION}: "
                    "start the version of cellnet that wrote it, or name another database"
                )
            row = session.get(MetaRow, "owner")
            assert row is not None, "schema_version and owner are written in one transaction"
            return row.value


def open_database(where: str) -> Database:
    """Open, and create where it does not exist, the database at a path or a URL.

    Raises StoreUnavailableError and SchemaVersionError.
    """
    if "://" in where:
        engine = create_engine(where)
    else:
        try:
            Path(where).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot make the directory of the database {where}: {error}"
            ) from error
        engine = create_engine(f"sqlite:///{where}", connect_args={"check_same_thread": False})
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return Database(engine)


def _set_pragmas(connection: Any, _record: Any) -> None:
    """For each new SQLite connection. The driver's own transaction handling is off: `_begin` does it."""
    connection.isolation_level = None
    cursor = connection.cursor()
    # The order matters: switching to WAL may have to wait for another process.
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """The one edge where SQLAlchemy's errors become ours."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailableError(f"the database failed: {error.orig}") from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("too many requests use the database at once") from error
