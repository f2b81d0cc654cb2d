"""Operations in the store."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Table, delete, select

from cellnet_core.store import listing
from cellnet_core.store.records import OperationRecord, StepRecord
from cellnet_core.store.schema import OperationRow
from cellnet_core.store.session import Session

RUNNING = "running"
OPERATIONS = cast(Table, OperationRow.__table__)
COLUMNS: listing.Columns = {
    "id": OPERATIONS.c.id,
    "type": OPERATIONS.c.type,
    "state": OPERATIONS.c.state,
    "resource_type": OPERATIONS.c.resource_type,
    "resource_id": OPERATIONS.c.resource_id,
    "resource_name": OPERATIONS.c.resource_name,
    "request_id": OPERATIONS.c.request_id,
    "created_at": OPERATIONS.c.created_at,
    "updated_at": OPERATIONS.c.updated_at,
}


def find(session: Session, operation_id: str) -> OperationRecord | None:
    """The operation with that id."""
    return listing.one(session, OperationRow, operation_id, _record)


def page(session: Session, query: listing.PageQuery) -> listing.Page[OperationRecord]:
    """A page of operations."""
    return listing.page(session, OperationRow, COLUMNS, query, _record)


def running(session: Session, resource_id: str | None = None) -> tuple[OperationRecord, ...]:
    """All that run, or those of one object, oldest first. Costs what runs."""
    statement = select(OperationRow).where(OperationRow.state == RUNNING).order_by(OperationRow.created_at)
    if resource_id is not None:
        statement = statement.where(OperationRow.resource_id == resource_id)
    return tuple(_record(row) for row in session.mapped.scalars(statement))


def save(session: Session, operation: OperationRecord) -> None:
    """Add the operation, or replace the one with its id."""
    session.mapped.merge(
        OperationRow(
            id=operation.id,
            type=operation.type,
            resource_type=operation.resource_type,
            resource_id=operation.resource_id,
            resource_name=operation.resource_name,
            state=operation.state,
            progress=operation.progress,
            steps=[{"place": s.place, "state": s.state, "message": s.message} for s in operation.steps],
            error=operation.error,
            request_id=operation.request_id,
            created_at=operation.created_at,
            updated_at=operation.updated_at,
            finished_at=operation.finished_at,
        )
    )
    session.flush()


def forget(session: Session, before: datetime) -> None:
    """Those that ended before that moment."""
    session.execute(delete(OperationRow).where(OperationRow.finished_at < before))
    session.flush()


def _record(row: OperationRow) -> OperationRecord:
    steps = tuple(StepRecord(**step) for step in row.steps)
    return listing.same_fields(row, OperationRecord, steps=steps)
