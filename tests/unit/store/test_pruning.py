"""Old events and drifts that are over are forgotten, by age and by number, in batches; what is open stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cellnet_core.store import drifts, events, pruning
from cellnet_core.store.database import Database
from cellnet_core.store.listing import PageQuery
from cellnet_core.store.records import DriftRecord, EventRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
NEVER = START - timedelta(days=1)
MANY = 1000


def happened(database: Database, count: int) -> None:
    """Events 1 to `count`, one each minute."""
    with database.write() as session:
        events.add(
            session,
            [
                EventRecord(0, START + timedelta(minutes=n), "t", "info", "cell", "1", "main", "m", None, {})
                for n in range(1, count + 1)
            ],
        )


def numbers(database: Database) -> list[int]:
    with database.read() as session:
        return [event.id for event in events.page(session, PageQuery(MANY, None, ())).items]


def test_events_by_age(database: Database) -> None:
    happened(database, 10)
    with database.write() as session:
        assert pruning.prune_events(session, START + timedelta(minutes=5), MANY, MANY) == 4
        assert pruning.oldest_event(session) == 5
    assert numbers(database) == [5, 6, 7, 8, 9, 10]


def test_events_by_number_in_batches(database: Database) -> None:
    happened(database, 10)
    for removed, left in ((3, 7), (3, 4), (0, 4)):
        with database.write() as session:
            assert pruning.prune_events(session, NEVER, 4, 3) == removed
        assert numbers(database) == list(range(11 - left, 11))


def test_the_newest_event_stays_whatever_its_age(database: Database) -> None:
    with database.write() as session:
        assert pruning.oldest_event(session) is None
        assert pruning.prune_events(session, START, 1, MANY) == 0
    happened(database, 3)
    with database.write() as session:
        assert pruning.prune_events(session, START + timedelta(days=9), 1, MANY) == 2
    assert numbers(database) == [3]


def found(database: Database, number: int, over: bool, state: str = "open") -> None:
    at = START + timedelta(minutes=number)
    with database.write() as session:
        drifts.save(
            session,
            DriftRecord(
                id=str(number),
                origin=f"a:{number}",
                cell_id="c",
                cell="main",
                gateway="gw",
                driver="openflow",
                kind="flow",
                object=f"flow {number}",
                desired="absent",
                observed="present",
                action="repair",
                state=drifts.OVER if over else state,
                message="",
                found_at=at,
                over_at=at if over else None,
            ),
        )


def left(database: Database) -> set[str]:
    with database.read() as session:
        return {drift.id for drift in drifts.page(session, PageQuery(MANY, None, ())).items}


def test_drifts_that_are_over_by_age_and_by_number_and_open_ones_never(database: Database) -> None:
    for number in range(1, 9):
        found(database, number, over=number % 2 == 0, state=("open", "ignored", "adopted")[number % 3])
    with database.write() as session:
        assert pruning.prune_drifts(session, START + timedelta(minutes=2), MANY, MANY) == 1
    assert left(database) == {"1", "3", "4", "5", "6", "7", "8"}
    for removed in (1, 1, 0):  # 4, 6 and 8 are over; the newest stays
        with database.write() as session:
            assert pruning.prune_drifts(session, NEVER, 1, 1) == removed
    assert left(database) == {"1", "3", "5", "7", "8"}
    with database.write() as session:
        assert pruning.prune_drifts(session, START + timedelta(days=900), 1, MANY) == 1
    assert left(database) == {"1", "3", "5", "7"}
