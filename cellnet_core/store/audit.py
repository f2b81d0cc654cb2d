"""Who changed what: seen by the session itself while rows are written, kept in the same transaction.

`Recorder` watches a session and knows which fields of which objects change, whoever changes them; so a
service cannot forget to say so. Rows that go past the mapper are written by `insert_row`, which tells it.
What is only worked out (statuses, derived rows) is no change of anybody's.
What somebody has done that changes no such row (a token given out, an action) is said by `acted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, cast

from sqlalchemy import Insert, Table, event, insert, inspect, orm

from cellnet_core.model import redaction
from cellnet_core.store import listing
from cellnet_core.store.records import AuditRecord
from cellnet_core.store.schema import AuditRow, Base
from cellnet_core.store.session import MAPPERS, Session, session_of

RESOURCES: Mapping[str, str] = {
    "cells": "cell",
    "endpoints": "endpoint",
    "connections": "connection",
    "profiles": "profile",
    "agent_credentials": "agent credential",
}
"""Tables whose rows people change, and what people call such a row."""
DERIVED = frozenset({"meta", "paths", "prefixes", "agents", "events", "audit", "operations", "drifts"})
"""Tables that only follow from the others; every table is in one of the two (a test sees to that)."""
WORKED_OUT = frozenset(
    {
        "id",  # as above
        "agent_nonce",
        "manager_nonce",
        "created_at",
        "updated_at",
        "revision_number",  # shown by itself
        "observed_revision",
        "state",
        "provisioning_status",
        "operating_status",
        "conditions",
        "told_local",
        "told_remote",
        "orders",
    }
)

_ACTS = "cellnet acts"
_RECORDER = "cellnet recorder"
AUDIT = cast(Table, AuditRow.__table__)
_ADD = insert(AUDIT)
COLUMNS: listing.Columns = {
    "id": AUDIT.c.id,
    "time": AUDIT.c.time,
    "request_id": AUDIT.c.request_id,
    "user": AUDIT.c.user,
    "method": AUDIT.c.method,
    "action": AUDIT.c.action,
    "resource_type": AUDIT.c.resource_type,
    "resource_id": AUDIT.c.resource_id,
    "resource_name": AUDIT.c.resource_name,
}


@dataclass(slots=True)
class Seen:
    """One object of a transaction: what happened to it, all flushes together."""

    resource_type: str
    resource_id: str
    name: str
    action: str
    revision_before: int | None
    revision_after: int | None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


class Recorder:
    """Sees what one session writes, from now on until `finish`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[tuple[str, str], Seen] = {}
        session.info[_RECORDER] = self

    def finish(self) -> tuple[Seen, ...]:
        """What changed; an object that ended as it began is left out."""
        self._session.info.pop(_RECORDER, None)
        found = [seen for seen in self._seen.values() if seen.action != "updated" or _differ(seen)]
        return (*found, *self._session.info.pop(_ACTS, ()))

    def flushed(self, mapped: orm.Session) -> None:
        """The session's mapper is about to write what is new, changed and deleted in it."""
        for row in mapped.new:
            self._note(row, "created")
        for row in mapped.dirty:
            self._note(row, "updated")
        for row in mapped.deleted:
            self._note(row, "deleted")

    def inserted(self, table: Table, values: Mapping[str, Any]) -> None:
        """A row is new in that table."""
        kind = RESOURCES.get(table.name)
        if kind is None:
            return
        identifier = "/".join(str(values[column.key]) for column in table.primary_key)
        name = str(values.get("name") or values.get("gateway") or identifier)
        after = {key: value for key, value in values.items() if key not in WORKED_OUT}
        revision = values.get("revision_number")
        seen = Seen(kind, identifier, name, "created", None, revision, after=after)
        self._seen[kind, identifier] = seen

    def _note(self, row: Any, action: str) -> None:
        kind = RESOURCES.get(row.__tablename__)
        if kind is None:
            return
        state = inspect(row)
        values = state.dict
        if action == "deleted":
            key = tuple(getattr(row, column.key) for column in state.mapper.primary_key)
        else:
            key = tuple(values.get(column.key) for column in state.mapper.primary_key)
        identifier = "/".join(str(part) for part in key)
        seen = self._seen.get((kind, identifier))
        if seen is None:
            revision = values.get("revision_number")
            seen = Seen(
                kind,
                identifier,
                str(values.get("name") or values.get("gateway") or identifier),
                action,
                revision,
                revision,
            )
            if action == "created":
                seen.revision_before = None
            self._seen[kind, identifier] = seen
        elif action == "deleted":
            seen.action = action
        if action == "deleted":
            seen.revision_after = None
            return
        for column in state.mapper.column_attrs:
            history = state.attrs[column.key].history
            if not history.added and not history.deleted:
                continue
            new = history.added[0] if history.added else None
            old = history.deleted[0] if history.deleted else None
            if column.key == "revision_number":
                seen.revision_after = new
                if seen.before.setdefault(column.key, old) is not None:
                    seen.revision_before = seen.before[column.key]
            elif column.key not in WORKED_OUT:
                seen.before.setdefault(column.key, old)
                seen.after[column.key] = new


def _flush(mapped: orm.Session, _context: Any, _instances: Any) -> None:
    session = session_of(mapped)
    recorder: Recorder | None = None if session is None else session.info.get(_RECORDER)
    if recorder is not None:
        recorder.flushed(mapped)


event.listen(MAPPERS, "before_flush", _flush)


def insert_row(session: Session, table: Table, values: Mapping[str, Any]) -> None:
    """A new row with all its columns, past the mapper: that costs several times as much."""
    session.execute(_insert(table), values)
    recorder: Recorder | None = session.info.get(_RECORDER)
    if recorder is not None:
        recorder.inserted(table, values)


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


def acted(session: Session, resource: tuple[str, str, str], action: str, **said: Any) -> None:
    """Somebody had something done to an object (type, id, name) that shows in no row of RESOURCES."""
    seen = Seen(*resource, action, None, None, after=said)
    session.info.setdefault(_ACTS, []).append(seen)


def _differ(seen: Seen) -> bool:
    return any(seen.before.get(name) != value for name, value in seen.after.items()) or (
        seen.revision_before != seen.revision_after
    )


def changed_fields(seen: Seen) -> dict[str, Any]:
    """Field to its value before and after, secrets masked."""
    return {
        name: {
            "before": _plain(redaction.masked(name, seen.before.get(name))),
            "after": _plain(redaction.masked(name, value)),
        }
        for name, value in sorted(seen.after.items())
        if seen.before.get(name) != value and (seen.action != "created" or value not in (None, "", [], {}))
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def add(session: Session, records: Iterable[AuditRecord]) -> None:
    """Append the records; the store gives them their ids."""
    rows = [
        {
            "time": record.time,
            "request_id": record.request_id,
            "user": record.user,
            "roles": list(record.roles),
            "method": record.method,
            "path": record.path,
            "action": record.action,
            "resource_type": record.resource_type,
            "resource_id": record.resource_id,
            "resource_name": record.resource_name,
            "revision_before": record.revision_before,
            "revision_after": record.revision_after,
            "changed": record.changed,
        }
        for record in records
    ]
    if rows:
        session.execute(_ADD, rows)


def page(session: Session, query: listing.PageQuery) -> listing.Page[AuditRecord]:
    """A page of records."""
    return listing.page(session, AuditRow, COLUMNS, query, _record)


def find(session: Session, record_id: int) -> AuditRecord | None:
    """The record with that id."""
    return listing.one(session, AuditRow, record_id, _record)


def tables() -> frozenset[str]:
    """Every table there is."""
    return frozenset(Base.metadata.tables)


def _record(row: AuditRow) -> AuditRecord:
    return listing.same_fields(row, AuditRecord, roles=tuple(row.roles), changed=dict(row.changed))
