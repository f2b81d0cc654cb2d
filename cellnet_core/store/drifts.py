"""Drift in the store: what somebody else changed at gateways, as their agents found it."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, func, select

from cellnet_core.store import listing
from cellnet_core.store.records import AgentKey, DriftRecord
from cellnet_core.store.schema import DriftRow
from cellnet_core.store.session import Session

OVER = "over"
DRIFTS = cast(Table, DriftRow.__table__)
COLUMNS: listing.Columns = {
    "id": DRIFTS.c.id,
    "cell": DRIFTS.c.cell,
    "cell_id": DRIFTS.c.cell_id,
    "gateway": DRIFTS.c.gateway,
    "kind": DRIFTS.c.kind,
    "object": DRIFTS.c.object,
    "action": DRIFTS.c.action,
    "state": DRIFTS.c.state,
    "found_at": DRIFTS.c.found_at,
    "over_at": DRIFTS.c.over_at,
}


def find(session: Session, drift_id: str) -> DriftRecord | None:
    """The drift with that id."""
    return listing.one(session, DriftRow, drift_id, _record)


def page(session: Session, query: listing.PageQuery) -> listing.Page[DriftRecord]:
    """A page of drifts."""
    return listing.page(session, DriftRow, COLUMNS, query, _record)


def by_origin(session: Session, origins: Collection[str]) -> dict[str, DriftRecord]:
    """Those that are known of these origins."""
    rows = session.mapped.scalars(select(DriftRow).where(DriftRow.origin.in_(origins)))
    return {row.origin: _record(row) for row in rows}


def there_still(session: Session, key: AgentKey) -> tuple[DriftRecord, ...]:
    """What is not over at one gateway."""
    mine = (DriftRow.cell_id == key.cell_id, DriftRow.gateway == key.gateway)
    rows = session.mapped.scalars(
        select(DriftRow).where(*mine, DriftRow.state != OVER).order_by(DriftRow.found_at)
    )
    return tuple(_record(row) for row in rows)


def any_there_still(session: Session, key: AgentKey) -> bool:
    """Whether anything is not over at one gateway."""
    return session.execute(_one_there_still(), key._asdict()).first() is not None


@cache
def _one_there_still() -> Select[Any]:
    mine = (DRIFTS.c.cell_id == bindparam("cell_id"), DRIFTS.c.gateway == bindparam("gateway"))
    return select(DRIFTS.c.id).where(*mine, DRIFTS.c.state != OVER).limit(1)


def count_by_state(session: Session) -> dict[tuple[str, str, str], int]:
    """How many there are, by cell, gateway and state; what is over is counted too."""
    columns = (DriftRow.cell, DriftRow.gateway, DriftRow.state)
    found = session.execute(select(*columns, func.count()).group_by(*columns))
    return {(cell, gateway, state): number for cell, gateway, state, number in found}


def save(session: Session, drift: DriftRecord) -> None:
    """Add the drift, or replace the one with its id."""
    session.mapped.merge(
        DriftRow(
            id=drift.id,
            origin=drift.origin,
            cell_id=drift.cell_id,
            cell=drift.cell,
            gateway=drift.gateway,
            driver=drift.driver[:63],
            kind=drift.kind[:40],
            object=drift.object[:400],
            desired=drift.desired[:400],
            observed=drift.observed[:400],
            action=drift.action[:10],
            state=drift.state,
            message=drift.message[:400],
            found_at=drift.found_at,
            over_at=drift.over_at,
        )
    )
    session.flush()


def _record(row: DriftRow) -> DriftRecord:
    return listing.same_fields(row, DriftRecord)
