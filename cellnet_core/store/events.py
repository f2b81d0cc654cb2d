"""Events in the store: appended, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, insert

from cellnet_core.store import listing
from cellnet_core.store.records import EventRecord
from cellnet_core.store.schema import EventRow
from cellnet_core.store.session import Session

EVENTS = cast(Table, EventRow.__table__)
_ADD = insert(EVENTS)
COLUMNS: listing.Columns = {
    "id": EVENTS.c.id,
    "time": EVENTS.c.time,
    "type": EVENTS.c.type,
    "severity": EVENTS.c.severity,
    "resource_type": EVENTS.c.resource_type,
    "resource_id": EVENTS.c.resource_id,
    "resource_name": EVENTS.c.resource_name,
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
    return listing.page(session, EventRow, COLUMNS, query, _record)


def find(session: Session, event_id: int) -> EventRecord | None:
    """The event with that id."""
    return listing.one(session, EventRow, event_id, _record)


def _record(row: EventRow) -> EventRecord:
    return listing.same_fields(row, EventRecord, detail=dict(row.detail))
