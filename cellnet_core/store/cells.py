"""Cells in the store."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from cellnet_core.store import listing
from cellnet_core.store.records import CellRecord
from cellnet_core.store.schema import AgentRow, CellRow, CredentialRow, EndpointRow

COLUMNS: listing.Columns = {
    "id": CellRow.id,
    "name": CellRow.name,
    "kind": CellRow.kind,
    "asn": CellRow.asn,
    "nova_cell_uuid": CellRow.nova_cell_uuid,
    "drift_policy": CellRow.drift_policy,
    "tags": CellRow.tags,
    "created_at": CellRow.created_at,
    "updated_at": CellRow.updated_at,
}


def find(session: Session, reference: str) -> CellRecord | None:
    """The cell with that id, Nova cell uuid or name, in this order."""
    same = or_(CellRow.id == reference, CellRow.nova_cell_uuid == reference, CellRow.name == reference)
    rows = list(session.scalars(select(CellRow).where(same)))
    rows.sort(key=lambda row: (row.id != reference, row.nova_cell_uuid != reference))
    return record(rows[0]) if rows else None


def page(session: Session, query: listing.PageQuery) -> listing.Page[CellRecord]:
    """A page of cells."""
    rows, more = listing.fetch(session, select(CellRow), COLUMNS, query)
    return listing.Page(tuple(record(row) for row in rows), more)


def everyone(session: Session) -> tuple[CellRecord, ...]:
    """All cells, by name."""
    return tuple(record(row) for row in session.scalars(select(CellRow).order_by(CellRow.name)))


def save(session: Session, cell: CellRecord) -> None:
    """Add the cell, or replace the one with its id."""
    session.merge(
        CellRow(
            id=cell.id,
            name=cell.name,
            kind=cell.kind,
            nova_cell_uuid=cell.nova_cell_uuid,
            asn=cell.asn,
            prefixes=list(cell.prefixes),
            description=cell.description,
            drift_policy=cell.drift_policy,
            tags=list(cell.tags),
            revision_number=cell.revision_number,
            created_at=cell.created_at,
            updated_at=cell.updated_at,
        )
    )
    session.flush()


def remove(session: Session, cell_id: str) -> None:
    """Forget a cell without endpoints, and its agents."""
    for agent in session.scalars(select(AgentRow).where(AgentRow.cell_id == cell_id)):
        session.delete(agent)
    for credential in session.scalars(select(CredentialRow).where(CredentialRow.cell_id == cell_id)):
        session.delete(credential)
    session.flush()
    session.delete(session.get_one(CellRow, cell_id))
    session.flush()


def count_endpoints(session: Session, cell_id: str) -> int:
    """How many endpoints stand in the way of removing the cell."""
    counted = session.scalar(
        select(func.count()).select_from(EndpointRow).where(EndpointRow.cell_id == cell_id)
    )
    return counted or 0


def record(row: CellRow) -> CellRecord:
    """The row as a value."""
    return CellRecord(
        id=row.id,
        name=row.name,
        kind=row.kind,
        nova_cell_uuid=row.nova_cell_uuid,
        asn=row.asn,
        prefixes=tuple(row.prefixes),
        description=row.description,
        revision_number=row.revision_number,
        created_at=row.created_at,
        updated_at=row.updated_at,
        drift_policy=row.drift_policy,
        tags=tuple(row.tags),
    )
