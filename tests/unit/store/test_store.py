"""Transactions, pages and overlaps, over a SQLite file and over PostgreSQL."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellnet_core.store import cells, listing, prefixes
from cellnet_core.store.database import Database, open_database
from cellnet_core.store.errors import BadQueryError, StoreUnavailableError
from cellnet_core.store.listing import Filter, PageQuery
from cellnet_core.store.records import CellRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cell(number: int, kind: str = "sub") -> CellRecord:
    return CellRecord(str(UUID(int=number)), f"cell{number}", kind, None, 65000 + number, (), "", 1, NOW, NOW)


def fill(database: Database, count: int) -> None:
    with database.write() as session:
        for number in range(1, count + 1):
            cells.save(session, cell(number, "main" if number % 3 == 0 else "sub"))


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def broken() -> None:
        with database.write() as session:
            cells.save(session, cell(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    with database.read() as session:
        assert cells.find(session, "cell1") is None


def test_times_come_back_aware_and_equal(database: Database) -> None:
    fill(database, 1)
    with database.read() as session:
        assert cells.find(session, "cell1") == cell(1)


def test_the_file_is_in_wal_mode_with_full_synchronisation(tmp_path: Path) -> None:
    database = open_database(str(tmp_path / "manager.db"))
    other = sqlite3.connect(tmp_path / "manager.db")
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    with database.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()


def test_a_file_that_is_no_database_is_a_typed_error(tmp_path: Path) -> None:
    path = tmp_path / "manager.db"
    path.write_text("this is no database, and long enough to be seen as none" * 40)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        open_database(str(path))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailableError, match="directory of the database"):
        open_database(str(tmp_path / "file" / "manager.db"))


@pytest.mark.parametrize("sort", [(), (("kind", "asc"),), (("kind", "desc"), ("asn", "desc"))])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_neither_overlap_nor_skip(
    database: Database, sort: tuple[tuple[str, listing.Direction], ...], limit: int
) -> None:
    fill(database, 10)
    with database.read() as session:
        whole = [c.id for c in cells.page(session, PageQuery(100, None, sort)).items]
        found: list[str] = []
        marker = None
        while True:
            page = cells.page(session, PageQuery(limit, marker, sort))
            found += [c.id for c in page.items]
            if not page.more:
                break
            marker = found[-1]
    assert found == whole
    assert len(set(found)) == 10


@pytest.mark.parametrize(
    ("field", "operator", "values", "expected"),
    [
        ("name", "eq", ("cell3",), [3]),
        ("name", "in", ("cell3", "cell5"), [3, 5]),
        ("kind", "neq", ("sub",), [3, 6]),
        ("asn", "gt", ("65004",), [5, 6]),
        ("asn", "lte", ("65002",), [1, 2]),
        ("asn", "nin", ("65001", "65002", "65003", "65004"), [5, 6]),
        ("asn", "eq", ("99999999999999999999999",), []),
        ("created_at", "gte", ("2026-01-01T00:00:00Z",), [1, 2, 3, 4, 5, 6]),
        ("created_at", "gt", ("2026-01-01T01:00:00+01:00",), []),
    ],
)
def test_filters(
    database: Database, field: str, operator: listing.Operator, values: tuple[str, ...], expected: list[int]
) -> None:
    fill(database, 6)
    with database.read() as session:
        page = cells.page(session, PageQuery(filters=(Filter(field, operator, values),)))
    assert [c.asn - 65000 for c in page.items] == expected


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        (PageQuery(marker="nowhere"), "marker"),
        (PageQuery(sort=(("colour", "asc"),)), "sort"),
        (PageQuery(filters=(Filter("colour", "eq", ("red",)),)), "colour"),
        (PageQuery(filters=(Filter("asn", "eq", ("many",)),)), "asn"),
        (PageQuery(filters=(Filter("created_at", "eq", ("yesterday",)),)), "created_at"),
    ],
)
def test_queries_without_an_answer_name_the_parameter(
    database: Database, query: PageQuery, parameter: str
) -> None:
    with database.read() as session, pytest.raises(BadQueryError) as caught:
        cells.page(session, query)
    assert caught.value.parameter == parameter


networks = st.tuples(st.integers(0, 255), st.integers(20, 30)).map(
    lambda pair: str(IPv4Network((0x0A000000 + pair[0] * 64, pair[1]), strict=False))
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(networks, max_size=8), networks)
def test_an_overlap_is_found_exactly_when_there_is_one(
    database: Database, claimed: list[str], wanted: str
) -> None:
    with database.write() as session:
        prefixes.replace(session, "one", "cell one", "one", claimed)
        found = prefixes.overlap(session, wanted, "two")
        own = prefixes.overlap(session, wanted, "one")
    assert own is None, "a cell does not collide with itself"
    expected = [p for p in claimed if IPv4Network(p).overlaps(IPv4Network(wanted))]
    assert (found is not None) == bool(expected)
    if found is not None:
        assert found.prefix in expected
        assert found.owner == "cell one"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(networks, max_size=40), st.lists(networks, min_size=17, max_size=40, unique=True))
def test_many_are_compared_at_once_with_the_same_answer(
    database: Database, claimed: list[str], wanted: list[str]
) -> None:
    with database.write() as session:
        prefixes.replace(session, "one", "cell one", "one", claimed)
        found = prefixes.first_overlap(session, wanted, "two")
        assert prefixes.first_overlap(session, wanted, "one") is None
    clashing = {
        (mine, theirs)
        for mine in wanted
        for theirs in claimed
        if IPv4Network(mine).overlaps(IPv4Network(theirs))
    }
    assert (found is not None) == bool(clashing)
    if found is not None:
        assert (found[0], found[1].prefix) in clashing


def test_a_nul_character_is_the_askers_fault(database: Database) -> None:
    """PostgreSQL refuses it, SQLite finds nothing: neither is a failure of the database."""
    with contextlib.suppress(BadQueryError), database.read() as session:
        assert cells.find(session, "a\x00b") is None
