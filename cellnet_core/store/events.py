"""Events in the store: appended, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from cellnet_core.store import listing
from cellnet_core.store.records import EventRecord
from cellnet_core.store.schema import EventRow

_ADD = insert(cast(Table, EventRow.__table__))
COLUMNS: listing.Columns = {
    "id": EventRow.id,
    "time": EventRow.time,
    "type": EventRow.type,
    "severity": EventRow.severity,
    "resource_type": EventRow.resource_type,
    "resource_id": EventRow.resource_id,
    "resource_name": EventRow.resource_name,
}


def add(session: Session, events: Iterable[EventRecord]) -> None:
    """Append the events, in this order; the store gives them their ids."""
    rows = [
        {
            "time": event.time,
            "type": event.type,
            "severity": event.severity,
            "resource_type": event.resource_type,
            "resource_id": event.resource_id,
            "resource_name": event.resource_name,
            "message": event.message,
            "request_id": event.request_id,
            "detail": event.detail,
        }
        for event in events
    ]
    if rows:
        session.execute(_ADD, rows)


def page(session: Session, query: listing.PageQuery) -> listing.Page[EventRecord]:
    """A page of events."""
    rows, more = listing.fetch(session, select(EventRow), COLUMNS, query)
    return listing.Page(tuple(_record(row) for row in rows), more)


def find(session: Session, event_id: int) -> EventRecord | None:
    """The event with that id."""
    row = session.get(EventRow, event_id)
    return None if row is None else _record(row)


def _record(row: EventRow) -> EventRecord:
    return EventRecord(
        id=row.id,
        time=row.time,
        type=row.type,
        severity=row.severity,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        resource_name=row.resource_name,
        message=row.message,
        request_id=row.request_id,
        detail=dict(row.detail),
    )
