"""Engines over SQLite and PostgreSQL: how each is opened, and what a transaction is there.

The only place that knows one database from another. Everywhere else is SQL that both understand.

SQLite runs in WAL mode with `synchronous=FULL`: a write that was acknowledged survives the death of the
process (NORMAL would do for that) and the loss of power (NORMAL would not). Writers take the lock at the
start of their transaction (BEGIN IMMEDIATE), so what they validated still holds when they commit.

PostgreSQL writers are SERIALIZABLE, readers REPEATABLE READ: what a writer validated still holds when it
commits, or it is refused. Waiting is bounded on both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cellnet_core.store.errors import BadQueryError, StoreBusyError, StoreUnavailableError

BUSY_TIMEOUT_MS = 5000
"""How long a statement waits for another's lock."""
STATEMENT_TIMEOUT_MS = 30_000
"""How long a statement may take at all, where the database can tell (PostgreSQL)."""
CONNECT_TIMEOUT_S = 5
POOL = 10
OVERFLOW = 40
"""As many as there are threads that serve requests: none waits for another's connection."""
BUSY_STATES = frozenset({"40001", "40P01", "55P03", "23505"})
"""SQLSTATE: serialization failure, deadlock, lock not available, and a unique name taken meanwhile."""
SQLITE_BUSY = 5
_WRITES = "cellnet_writes"


def open_engine(where: str) -> Engine:
    """An engine for a path of a SQLite file, or for a URL. Nothing is connected yet.

    Raises StoreUnavailableError.
    """
    if "://" not in where:
        return _sqlite(URL.create("sqlite", database=where))
    try:
        url = make_url(where)
    except ArgumentError as error:
        raise StoreUnavailableError(
            "the database URL cannot be read: write postgresql://USER@HOST/NAME, or a path for SQLite"
        ) from error
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return _postgresql(url.set(drivername="postgresql+psycopg"))
    raise StoreUnavailableError(
        f"{url.drivername} is no database that cellnet works with: write postgresql://USER@HOST/NAME, "
        "or a path for SQLite"
    )


def writer(engine: Engine) -> Engine:
    """The same database for those who write."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_WRITES: True})
    return engine.execution_options(isolation_level="SERIALIZABLE")


def reader(engine: Engine) -> Engine:
    """The same database for those who read: one consistent view."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction of its own, of which nothing stays unless it is committed."""
    with engine.connect() as connection:
        begin(connection)
        yield connection


def sqlite_file(engine: Engine) -> Path | None:
    """The file of a SQLite database; None for a server or a database in memory."""
    if engine.dialect.name != "sqlite" or engine.url.database in (None, "", ":memory:"):
        return None
    return Path(str(engine.url.database))


def shown(engine: Engine) -> str:
    """Where the database is, without its password."""
    file = sqlite_file(engine)
    return str(file) if file is not None else engine.url.render_as_string(hide_password=True)


@contextmanager
def translated() -> Iterator[None]:
    """The one edge where SQLAlchemy's errors become ours.

    Raises StoreUnavailableError, StoreBusyError and BadQueryError.
    """
    try:
        yield
    except DataError as error:
        if "NUL" not in str(error.orig):
            raise StoreUnavailableError(f"the database failed: {_said(error)}") from error
        # PostgreSQL takes no such text at all; SQLite looks for it and finds nothing.
        raise BadQueryError("request", "a NUL character is in no name or id; leave it out") from error
    except DBAPIError as error:
        if _is_busy(error):
            raise StoreBusyError(
                f"another writer was at work at the same time, and nothing was written: {_said(error)}"
            ) from error
        raise StoreUnavailableError(f"the database failed: {_said(error)}") from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("too many requests use the database at once") from error


def _sqlite(url: URL) -> Engine:
    file = url.database or ""
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(f"cannot make the directory of the database {file}: {error}") from error
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False},
        pool_size=POOL,
        max_overflow=OVERFLOW,
        # The connection that was used last still has the pages and the prepared statements.
        pool_use_lifo=True,
        **_json(),
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _postgresql(url: URL) -> Engine:
    # Times are read as text, and a server, a database or a role may have a style of its own for them.
    options = (
        f"-c lock_timeout={BUSY_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS} -c DateStyle=ISO"
    )
    try:
        return create_engine(
            url,
            # A server that was restarted costs a round trip, and not somebody's request.
            pool_pre_ping=True,
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_use_lifo=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": options,
                "application_name": "cellnet",
            },
            **_json(),
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreUnavailableError(
            "PostgreSQL needs psycopg, which is not installed: pip install 'cellnet[postgresql]'"
        ) from error


def _json() -> dict[str, Any]:
    """Documents in columns: compact, by the fastest reader and writer that are there anyway."""
    return {
        "json_serializer": lambda value: to_json(value).decode(),
        "json_deserializer": from_json,
    }


def _set_pragmas(connection: Any, _record: Any) -> None:
    """For each new SQLite connection. The driver's own transaction handling is off: `begin` does it."""
    connection.isolation_level = None
    cursor = connection.cursor()
    # The order matters: switching to WAL may have to wait for another process.
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def begin(connection: Connection) -> None:
    """Begin a transaction of SQLite; PostgreSQL's begins by itself.

    Not by an event of the engine: one that has any asks at every statement who is listening.
    """
    if connection.dialect.name != "sqlite":
        return
    writes = connection.get_execution_options().get(_WRITES, False)
    driver = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    try:
        # Not as a statement of SQLAlchemy: every transaction begins so, and that costs ten times as much.
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    except sqlite3.Error as error:
        raise DBAPIError.instance("BEGIN", None, error, sqlite3.Error) from error


def _is_busy(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in BUSY_STATES:
        return True
    code: int | None = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == SQLITE_BUSY


def _said(error: DBAPIError) -> str:
    """What the driver said, in one line."""
    return " ".join(str(error.orig).split())
