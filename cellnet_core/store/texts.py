"""Columns as the database has them, and what documents and times in them mean.

A row that is read again is mostly the one that was read before. With documents and times left as text it can
be looked up as it is, and what it means is worked out once: to decode a row costs several times its reading.
Nothing has to be forgotten when somebody writes: another row is another key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import JSON, ColumnElement, FromClause, Text, cast

from cellnet_core.store.schema import UtcDateTime

REMEMBERED = 12_288
"""Rows of a kind, those that were read last: a store of 10,000 endpoints fits."""


def columns(table: FromClause) -> Iterable[ColumnElement[Any]]:
    """All columns of the table, documents and times as text."""
    return tuple(_plain(column) for column in table.columns)


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, JSON | UtcDateTime):
        return cast(column, Text).label(column.name)
    return column


def words(text: str) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(from_json(text))


def document(text: str) -> Any:
    """Any document."""
    return from_json(text)


def moment(text: str) -> datetime:
    """A time, which is kept in UTC and without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
