"""Pages of every collection, in both databases, against what plain Python makes of the same objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cmp_to_key
from typing import Any

import pytest
from sqlalchemy import text

from cellnet_core.store import connections, drifts, listing
from cellnet_core.store.database import Database, open_database
from cellnet_core.store.errors import BadQueryError
from cellnet_core.store.listing import Direction, Filter, Operator, PageQuery
from cellnet_core.store.records import AgentKey
from tests.postgresql import Server
from tests.unit.store import collections
from tests.unit.store.collections import COLLECTIONS, Collection

ORDERS = [
    pytest.param(name, field, id=f"{name}-{field}")
    for name, collection in COLLECTIONS.items()
    for field, column in collection.columns.items()
    if not listing.is_list(column)
]
LISTS = [
    pytest.param(name, field, id=f"{name}-{field}")
    for name, collection in COLLECTIONS.items()
    for field, column in collection.columns.items()
    if listing.is_list(column)
]
MOST = 100


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """All collections, only read by these tests."""
    if request.param == "sqlite":
        where = str(tmp_path_factory.mktemp("pages") / "manager.db")
    else:
        server: Server = request.getfixturevalue("postgresql")
        where = server.create("pages")
    database = open_database(where)
    with database.write() as session:
        collections.fill(session)
    yield database
    database.close()


def everything(database: Database, collection: Collection) -> list[Any]:
    with database.read() as session:
        page = collection.page(session, PageQuery(limit=MOST))
    assert len(page.items) >= len(collections.NAMES)
    assert not page.more
    return list(page.items)


def pages(database: Database, collection: Collection, query: PageQuery) -> list[Any]:
    """The ids of all pages, in the order they come."""
    found: list[Any] = []
    marker = None
    with database.read() as session:
        for _ in range(MOST):
            page = collection.page(session, PageQuery(query.limit, marker, query.sort, query.filters))
            found += [one.id for one in page.items]
            if not page.more:
                return found
            marker = str(page.items[-1].id)
    raise AssertionError(f"more than {MOST} pages")


def in_order(collection: Collection, field: str, direction: Direction, objects: list[Any]) -> list[Any]:
    """As Python sorts them: unset last, first in "desc", ids decide."""

    def compare(one: Any, other: Any) -> int:
        left, right = collection.value(one, field), collection.value(other, field)
        if left == right:
            return -1 if one.id < other.id else 1
        higher = left is None or (right is not None and left > right)
        return 1 if higher == (direction == "asc") else -1

    return [one.id for one in sorted(objects, key=cmp_to_key(compare))]


def text_of(value: Any) -> str:
    """As a query says it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize(("name", "field"), ORDERS)
def test_small_pages_are_the_whole_in_order(
    filled: Database, name: str, field: str, direction: Direction
) -> None:
    collection = COLLECTIONS[name]
    expected = in_order(collection, field, direction, everything(filled, collection))
    assert pages(filled, collection, PageQuery(5, sort=((field, direction),))) == expected


COMPARE: dict[Operator, Callable[[Any, Any, Any], bool]] = {
    "eq": lambda value, one, _: value == one,
    "neq": lambda value, one, _: value != one,
    "in": lambda value, one, other: value in (one, other),
    "nin": lambda value, one, other: value not in (one, other),
    "gt": lambda value, one, _: value is not None and value > one,
    "gte": lambda value, one, _: value is not None and value >= one,
    "lt": lambda value, one, _: value is not None and value < one,
    "lte": lambda value, one, _: value is not None and value <= one,
}


@pytest.mark.parametrize("operator", COMPARE)
@pytest.mark.parametrize(("name", "field"), ORDERS)
def test_filters_find_what_they_say(filled: Database, name: str, field: str, operator: Operator) -> None:
    collection = COLLECTIONS[name]
    objects = everything(filled, collection)
    values = sorted({value for one in objects if (value := collection.value(one, field)) is not None})
    one, other = values[len(values) // 2], values[0]
    said = (one, other) if operator in ("in", "nin") else (one,)
    wanted = Filter(field, operator, tuple(text_of(value) for value in said))
    expected = {o.id for o in objects if COMPARE[operator](collection.value(o, field), one, other)}
    assert set(pages(filled, collection, PageQuery(MOST, filters=(wanted,)))) == expected


@pytest.mark.parametrize(
    ("operator", "words"),
    [("eq", "gold,lab"), ("eq", "l_b"), ("in", "lab,go"), ("nin", "gold"), ("neq", "go")],
)
@pytest.mark.parametrize(("name", "field"), LISTS)
def test_words_of_lists_are_found_whole(
    filled: Database, name: str, field: str, operator: Operator, words: str
) -> None:
    collection = COLLECTIONS[name]
    objects = everything(filled, collection)
    said = set(words.split(","))
    holds: dict[str, Callable[[set[str]], bool]] = {
        "eq": lambda has: said <= has,
        "in": lambda has: bool(said & has),
        "nin": lambda has: not said & has,
        "neq": lambda has: not said & has,
    }
    expected = {one.id for one in objects if holds[operator](set(collection.value(one, field)))}
    assert 0 < len(expected) < len(objects)
    values = tuple(words.split(",")) if operator in ("in", "nin") else (words,)
    found = pages(filled, collection, PageQuery(MOST, filters=(Filter(field, operator, values),)))
    assert set(found) == expected


@pytest.mark.parametrize(("name", "field"), LISTS)
def test_lists_have_no_order_and_are_not_compared(filled: Database, name: str, field: str) -> None:
    for query in (PageQuery(sort=((field, "asc"),)), PageQuery(filters=(Filter(field, "gt", ("a",)),))):
        with filled.read() as session, pytest.raises(BadQueryError):
            COLLECTIONS[name].page(session, query)


def test_what_was_added_comes_back_as_it_was(filled: Database) -> None:
    with filled.read() as session:
        for name, made in (
            ("cells", collections.cell),
            ("profiles", collections.profile),
            ("operations", collections.operation),
            ("drifts", collections.drift),
            ("events", collections.event),
            ("audit", collections.audited),
        ):
            found = COLLECTIONS[name].page(session, PageQuery(limit=MOST)).items
            for number in range(len(collections.NAMES)):
                assert made(number) in [collections.as_added(one) for one in found], name
        ends = [
            collections.endpoint(number, collections.cell(number % 5))
            for number in range(len(collections.NAMES))
        ]
        assert set(COLLECTIONS["endpoints"].page(session, PageQuery(limit=MOST)).items) == set(ends)
        for number, name in enumerate(collections.NAMES):
            its = collections.profile(number % 3)
            remote = ends[(number * 5 + 1) % len(ends)]
            assert connections.find(session, name) == collections.connection(
                number, ends[number], remote, its
            )


def test_drifts_are_counted_and_found_by_where_they_come_from(filled: Database) -> None:
    made = [collections.drift(number) for number in range(len(collections.NAMES))]
    with filled.read() as session:
        counted = drifts.count_by_state(session)
        found = drifts.by_origin(session, ["life:3", "life:11", "life:none"])
        there = drifts.there_still(session, AgentKey(made[0].cell_id, made[0].gateway))
    places = {(one.cell, one.gateway, one.state) for one in made}
    assert counted == {
        place: sum((one.cell, one.gateway, one.state) == place for one in made) for place in places
    }
    assert found == {"life:3": made[3], "life:11": made[11]}
    mine = (made[0].cell_id, made[0].gateway)
    assert set(there) == {one for one in made if (one.cell_id, one.gateway) == mine and one.state != "over"}


DIRECTIONS: tuple[Direction, ...] = ("asc", "desc")


def test_a_locale_that_ignores_punctuation_breaks_no_page(postgresql: Server) -> None:
    """A server of an ordinary installation sorts as people do: "a-1" beside "A1" and "a_1"."""
    with closing(open_database(postgresql.create("locale", locale="en-US"))) as database:
        with database.write() as session:
            collections.fill(session)
            first = session.scalar(text("SELECT name FROM cells ORDER BY name LIMIT 1 OFFSET 5"))
        assert first != sorted(collections.NAMES)[5], "the server sorts by bytes: this shows nothing"
        for name in ("cells", "endpoints", "connections"):
            collection = COLLECTIONS[name]
            whole = sorted(one.id for one in everything(database, collection))
            for direction in DIRECTIONS:
                query = PageQuery(5, sort=(("name", direction),))
                assert sorted(pages(database, collection, query)) == whole
        with database.read() as session:
            assert [path.name for path in connections.paths_in_use(session, "a-1--")] == ["a-1--1"]
