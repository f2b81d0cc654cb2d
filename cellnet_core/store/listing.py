"""Pages of a collection: filters, order, marker. The same for every resource."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Generic, Literal, TypeVar, cast

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    false,
    not_,
    or_,
    select,
)
from sqlalchemy import cast as sql_cast

from cellnet_core.store.errors import BadQueryError
from cellnet_core.store.session import Session

Operator = Literal["eq", "neq", "in", "nin", "gt", "gte", "lt", "lte"]
Direction = Literal["asc", "desc"]
Columns = Mapping[str, Column[Any]]
Kind = TypeVar("Kind")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Filter:
    """`values` has one entry, several for "in" and "nin"."""

    field: str
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What part of a collection is wanted. `marker` is the id of the last object of the page before."""

    limit: int = 100
    marker: str | None = None
    sort: tuple[tuple[str, Direction], ...] = ()
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`more` says whether another page follows."""

    items: tuple[Item, ...]
    more: bool


_COMPARE: Mapping[Operator, Callable[[Column[Any], list[Any]], ColumnElement[bool]]] = {
    "eq": lambda column, values: column == values[0],
    "neq": lambda column, values: _or_unset(column, column != values[0]),
    "in": lambda column, values: column.in_(values),
    "nin": lambda column, values: _or_unset(column, column.not_in(values)),
    "gt": lambda column, values: _compared(operator.gt, column, values[0]),
    "gte": lambda column, values: _compared(operator.ge, column, values[0]),
    "lt": lambda column, values: _compared(operator.lt, column, values[0]),
    "lte": lambda column, values: _compared(operator.le, column, values[0]),
}


def fetch(
    session: Session, statement: Select[Any], columns: Columns, query: PageQuery
) -> tuple[Sequence[Row[Any]], bool]:
    """The rows of one page, and whether more follow.

    `columns` are the fields that may be filtered and sorted by; "id" must be among them and ends every order,
    so that pages neither overlap nor skip. What has no value comes after all that have one, and before them
    in "desc". Raises BadQueryError. A statement that is kept, and given each time, is put in order once.
    """
    wanted = conditions(columns, query.filters)
    _refuse_twice([name for name, _ in query.sort])
    order = [(_column(columns, "sort", name), direction) for name, direction in query.sort]
    for column, _ in order:
        if is_list(column):
            raise BadQueryError("sort", f"{column.key!r} is a list and has no order; filter by it instead")
    order.append((columns["id"], "asc"))
    if query.marker is not None:
        wanted.append(_after(session, columns, order, query.marker))
    statement = _ordered(statement, tuple(order))
    if wanted:
        statement = statement.where(*wanted)
    rows = session.execute(statement, {"at_most": query.limit + 1}).all()
    return rows[: query.limit], len(rows) > query.limit


@lru_cache(maxsize=256)
def _ordered(statement: Select[Any], order: tuple[tuple[Column[Any], Direction], ...]) -> Select[Any]:
    """To build a statement anew and compare it with those that were compiled costs more than its rows."""
    sorting = (each for column, direction in order for each in _sorted(column, direction))
    return statement.order_by(*sorting).limit(bindparam("at_most", type_=Integer))


def page(
    session: Session, kind: type[Kind], columns: Columns, query: PageQuery, record: Callable[[Kind], Item]
) -> Page[Item]:
    """A page of the rows of one table, each as a value. Raises BadQueryError."""
    rows, more = fetch(session, _all_of(cast(Any, kind)), columns, query)
    return Page(tuple(record(cast(Kind, row)) for row in rows), more)


@cache
def _all_of(kind: type[Any]) -> Select[Any]:
    """All columns: a row has them by the names that they have in an object."""
    return select(cast(Table, kind.__table__))


def one(session: Session, kind: type[Kind], key: object, record: Callable[[Kind], Item]) -> Item | None:
    """The row with that primary key as a value."""
    row = session.mapped.get(kind, key)
    return None if row is None else record(row)


def same_fields(row: object, value: type[Item], **others: Any) -> Item:
    """A value whose fields are called like the columns of the row; `others` are those that need more."""
    names = (field.name for field in fields(cast(Any, value)) if field.name not in others)
    return value(**{name: getattr(row, name) for name in names}, **others)


def conditions(columns: Columns, filters: Iterable[Filter]) -> list[ColumnElement[bool]]:
    """What a row must be. Raises BadQueryError."""
    return [_condition(columns, wanted) for wanted in filters]


def is_list(column: Column[Any]) -> bool:
    """Whether it holds several words: it has no order, and filters look into it."""
    return isinstance(column.type, JSON)


def unknown_marker(marker: str) -> BadQueryError:
    """To be raised when nothing stands where a page shall begin."""
    return BadQueryError("marker", f"there is no object {marker!r} to go on from: start without a marker")


def _refuse_twice(names: list[str]) -> None:
    """So an order has no more fields than the objects; a database takes only so many."""
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise BadQueryError("sort", f"{twice!r} stands there more than once: name each field once")


def _after(
    session: Session,
    columns: Columns,
    order: list[tuple[Column[Any], Direction]],
    marker: str,
) -> ColumnElement[bool]:
    """Everything behind the marker's row in this order (keyset, so the cost does not grow with the page)."""
    identifier = columns["id"]
    parents = select(*(column for column, _ in order)).select_from(identifier.table)
    for other in {column.table for column, _ in order} - {identifier.table}:
        parents = parents.join(other)
    row = session.execute(parents.where(identifier == _value(identifier, "marker", marker))).first()
    if row is None:
        raise unknown_marker(marker)
    alternatives: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for (column, direction), value in zip(order, row, strict=True):
        alternatives.append(and_(*same, _beyond(column, direction, value)))
        same.append(column.is_(None) if value is None else column == value)
    return or_(*alternatives)


def _sorted(column: Column[Any], direction: Direction) -> Iterator[ColumnElement[Any]]:
    """The order of one field. Databases do not agree where NULL is, so it is said."""
    if _may_be_unset(column):
        unset = column.is_(None)
        yield unset.desc() if direction == "desc" else unset.asc()
    yield column.desc() if direction == "desc" else column.asc()


def _beyond(column: Column[Any], direction: Direction, value: Any) -> ColumnElement[bool]:
    """What comes after that value in this order. NULL is neither greater nor less than anything."""
    if direction == "desc":
        return column.is_not(None) if value is None else _compared(operator.lt, column, value)
    if value is None:
        return false()
    return _or_unset(column, _compared(operator.gt, column, value))


def _compared(how: Callable[[Any, Any], Any], column: Column[Any], value: Any) -> ColumnElement[bool]:
    """Greater or less. Truth values are that as numbers only."""
    if isinstance(value, bool):
        return cast(ColumnElement[bool], how(sql_cast(column, Integer), int(value)))
    return cast(ColumnElement[bool], how(column, value))


def _or_unset(column: Column[Any], true: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(true, column.is_(None)) if _may_be_unset(column) else true


def _may_be_unset(column: Column[Any]) -> bool:
    return bool(column.nullable)


def _condition(columns: Columns, wanted: Filter) -> ColumnElement[bool]:
    column = _column(columns, wanted.field, wanted.field)
    if is_list(column):
        return _in_list(column, wanted)
    return _COMPARE[wanted.operator](column, [_value(column, wanted.field, text) for text in wanted.values])


def _in_list(column: Column[Any], wanted: Filter) -> ColumnElement[bool]:
    """A list of words: it has all that are said ("a,b"), any of them ("in:a,b"), none ("nin:a,b")."""
    words = [word for value in wanted.values for word in value.split(",")]
    has = [sql_cast(column, String).contains(f'"{word}"', autoescape=True) for word in words]
    match wanted.operator:
        case "eq":
            return and_(*has)
        case "in":
            return or_(*has)
        case "neq" | "nin":
            return not_(or_(*has))
        case other:
            raise BadQueryError(
                wanted.field, f"{other!r} does not go with a list; write a,b or in:a,b or nin:a,b"
            )


def _column(columns: Columns, parameter: str, name: str) -> Column[Any]:
    try:
        return columns[name]
    except KeyError:
        known = ", ".join(sorted(columns))
        raise BadQueryError(parameter, f"{name!r} is not a field of these objects; known: {known}") from None


def _value(column: Column[Any], parameter: str, text: str) -> Any:
    """The text of a query as the column's type."""
    kind = column.type.python_type
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is int:
            # Beyond 64 bits the database would refuse it; such a number equals none of ours anyway.
            return max(-(2**63), min(int(text), 2**63 - 1))
        if kind is datetime:
            moment = datetime.fromisoformat(text)
            # As it is kept: a moment may be in the year 0 or 10,000 there, which no calendar has here.
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (KeyError, ValueError, OverflowError):
        words = {
            bool: "true or false",
            int: "a whole number",
            datetime: "a time such as 2026-01-31T12:00:00Z",
        }
        raise BadQueryError(parameter, f"{text!r} is not {words[kind]}") from None
    return text
