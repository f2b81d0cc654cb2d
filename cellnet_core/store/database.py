"""Opens the database and hands out transactions.

What a transaction is on which database is in `engines`; how tables come about in `upgrade`.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from cellnet_core.store import engines, upgrade
from cellnet_core.store.session import Session


class Database:
    """One database, for the life of the process. `owner` is the id of the manager that it belongs to."""

    def __init__(self, engine: Engine, prepared: upgrade.Prepared) -> None:
        self.engine = engine
        self.prepared = prepared
        self.owner = prepared.owner
        self.term = str(uuid.uuid4())
        """Of this life of the program, see `model/lineage.py`."""
        self._turn = threading.Lock()
        self._reader = engines.reader(engine)
        self._writer = engines.writer(engine)

    @property
    def where(self) -> str:
        """For messages: the path, or the URL without its password."""
        return engines.shown(self.engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view. Raises StoreUnavailableError."""
        with engines.translated(), engines.transaction(self._reader) as connection:
            session = Session(connection)
            try:
                yield session
            finally:
                session.close()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """All or nothing: commits when the block ends, rolls back when it raises.

        When this returns the write is on the disk. Raises StoreUnavailableError, and StoreBusyError when
        another process wrote at the same time.
        """
        # In turn: SQLite's own waiting is not fair, and with many writers some would wait in vain; PostgreSQL
        # would refuse one of two that validated the same rows.
        with self._turn, engines.translated(), engines.transaction(self._writer) as connection:
            session = Session(connection)
            try:
                yield session
                session.flush()
                connection.commit()
            finally:
                session.close()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def open_database(where: str, *, upgrade_it: bool = True) -> Database:
    """Open the database at a path or a URL; create it where there is none, and upgrade it where it is older.

    With `upgrade_it` False only a database of this program's revision is opened. Raises
    StoreUnavailableError and SchemaVersionError.
    """
    engine = engines.open_engine(where)
    try:
        return Database(engine, upgrade.prepare(engine, upgrade=upgrade_it))
    except BaseException:
        engine.dispose()
        raise
