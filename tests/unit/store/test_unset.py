"""Fields that may have no value, in orders, pages and filters; and times in a style of the server's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from cellnet_core.store import cells
from cellnet_core.store.database import Database
from cellnet_core.store.listing import Direction, Filter, Operator, PageQuery
from cellnet_core.store.records import CellRecord

NOW = datetime(2026, 1, 31, 12, 30, 0, 125000, tzinfo=UTC)
UNSET = (2, 3, 6)
"""Cells without a Nova cell."""


def cell(number: int) -> CellRecord:
    nova = None if number in UNSET else str(UUID(int=100 - number))
    return CellRecord(
        str(UUID(int=number)), f"cell{number}", "sub", nova, 65000 + number, (), "", 1, NOW, NOW
    )


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as session:
        for number in range(1, 8):
            cells.save(session, cell(number))
    return database


@pytest.mark.parametrize(
    ("direction", "expected"), [("asc", [7, 5, 4, 1, 2, 3, 6]), ("desc", [2, 3, 6, 1, 4, 5, 7])]
)
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_have_every_cell_and_those_without_a_value_stand_together(
    filled: Database, direction: Direction, expected: list[int], limit: int
) -> None:
    found: list[int] = []
    marker = None
    with filled.read() as session:
        for _ in range(10):
            page = cells.page(session, PageQuery(limit, marker, (("nova_cell_uuid", direction),)))
            found += [one.asn - 65000 for one in page.items]
            marker = page.items[-1].id
            if not page.more:
                break
    assert found == expected


@pytest.mark.parametrize(
    ("operator", "numbers", "expected"),
    [
        ("eq", (4,), [4]),
        ("neq", (4,), [1, 2, 3, 5, 6, 7]),
        ("nin", (1, 4, 5), [2, 3, 6, 7]),
        ("gt", (5,), [1, 4]),
        ("lte", (5,), [5, 7]),
    ],
)
def test_what_has_no_value_is_not_that_value_and_neither_above_nor_below(
    filled: Database, operator: Operator, numbers: tuple[int, ...], expected: list[int]
) -> None:
    values = tuple(str(cell(number).nova_cell_uuid) for number in numbers)
    with filled.read() as session:
        page = cells.page(session, PageQuery(filters=(Filter("nova_cell_uuid", operator, values),)))
    assert sorted(one.asn - 65000 for one in page.items) == expected


def test_the_servers_style_for_times_does_not_matter(opened: Callable[[], Database]) -> None:
    database = opened()
    if database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no styles for times")
    with database.write() as session:
        cells.save(session, cell(1))
        session.execute(text(f"ALTER DATABASE \"{database.engine.url.database}\" SET DateStyle = 'SQL, DMY'"))
    later = opened()
    with later.read() as session:
        assert cells.find(session, "cell1") == cell(1)
