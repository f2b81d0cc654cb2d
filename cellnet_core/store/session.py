"""What those who read and write are given for one transaction.

Statements over tables go straight to the connection: through a session of the mapper each would cost half as
much again, and to make and close such a session costs as much as three statements. Who wants rows as objects,
to change or delete them, finds the mapper at `mapped`; it is made when somebody first asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Select, orm
from sqlalchemy.exc import InvalidRequestError

First = TypeVar("First")
MAPPERS = orm.sessionmaker(expire_on_commit=False)
"""Makes the sessions behind `mapped`; who wants to know of all they write listens here."""
_OUTER = "cellnet session"


class Session:
    """One transaction. `info` is for whoever wants to remember something until it ends."""

    __slots__ = ("_connection", "_mapped", "_over", "info")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._mapped: orm.Session | None = None
        self._over = False
        self.info: dict[str, Any] = {}

    @property
    def mapped(self) -> orm.Session:
        """The same transaction, with rows as objects."""
        if self._mapped is None:
            self._check()
            self._mapped = MAPPERS(bind=self._connection)
            self._mapped.info[_OUTER] = self
        return self._mapped

    def execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Ask, or change, what is in tables. What objects are still to be written is written before."""
        self._check()
        self.flush()
        return self._connection.execute(statement, values)

    def scalar(self, statement: Select[First]) -> First | None:
        """The first column of the first row; None where there is none."""
        found: First | None = self.execute(statement).scalar()
        return found

    def scalars(self, statement: Select[First]) -> Sequence[First]:
        """The first column of all rows."""
        found: Sequence[First] = self.execute(statement).scalars().all()
        return found

    def flush(self) -> None:
        """Write what was changed in objects."""
        if self._mapped is not None:
            self._mapped.flush()

    def connection(self) -> Connection:
        """For tools that want one."""
        self.flush()
        return self._connection

    def rollback(self) -> None:
        """Leave nothing of this transaction, which is over."""
        self.close()
        self._over = True
        self._connection.rollback()

    def close(self) -> None:
        """Let go of the objects."""
        if self._mapped is not None:
            self._mapped.close()
            self._mapped = None

    def _check(self) -> None:
        # Without a transaction around it SQLite would keep each statement by itself.
        if self._over:
            raise InvalidRequestError("this transaction was rolled back")


def session_of(mapped: orm.Session) -> Session | None:
    """Whose mapper it is."""
    outer: Session | None = mapped.info.get(_OUTER)
    return outer
