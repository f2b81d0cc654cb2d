"""Cells in the store."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, func, or_, select

from cellnet_core.store import agents, listing, texts
from cellnet_core.store.records import CellRecord
from cellnet_core.store.schema import CellRow, CredentialRow, EndpointRow
from cellnet_core.store.session import Session

CELLS = cast(Table, CellRow.__table__)
COLUMNS: listing.Columns = {
    "id": CELLS.c.id,
    "name": CELLS.c.name,
    "kind": CELLS.c.kind,
    "asn": CELLS.c.asn,
    "nova_cell_uuid": CELLS.c.nova_cell_uuid,
    "drift_policy": CELLS.c.drift_policy,
    "tags": CELLS.c.tags,
    "created_at": CELLS.c.created_at,
    "updated_at": CELLS.c.updated_at,
}
REMEMBERED = 4096
"""Cells, those that were read last."""


@cache
def _columns() -> Select[Any]:
    return select(*texts.columns(CELLS))


@cache
def _named() -> Select[Any]:
    said = bindparam("reference", type_=CELLS.c.name.type)
    return _columns().where(or_(CELLS.c.id == said, CELLS.c.nova_cell_uuid == said, CELLS.c.name == said))


def find(session: Session, reference: str) -> CellRecord | None:
    """The cell with that id, Nova cell uuid or name, in this order."""
    rows = list(session.execute(_named(), {"reference": reference}))
    rows.sort(key=lambda row: (row.id != reference, row.nova_cell_uuid != reference))
    return _record(tuple(rows[0])) if rows else None


def page(session: Session, query: listing.PageQuery) -> listing.Page[CellRecord]:
    """A page of cells."""
    rows, more = listing.fetch(session, _columns(), COLUMNS, query)
    return listing.Page(tuple(_record(tuple(row)) for row in rows), more)


def everyone(session: Session) -> tuple[CellRecord, ...]:
    """All cells, by name."""
    return tuple(_record(tuple(row)) for row in session.execute(_columns().order_by(CELLS.c.name)))


def save(session: Session, cell: CellRecord) -> None:
    """Add the cell, or replace the one with its id."""
    session.mapped.merge(
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
    agents.remove_of_cell(session, cell_id)
    for credential in session.mapped.scalars(select(CredentialRow).where(CredentialRow.cell_id == cell_id)):
        session.mapped.delete(credential)
    session.flush()
    session.mapped.delete(session.mapped.get_one(CellRow, cell_id))
    session.flush()


def count_endpoints(session: Session, cell_id: str) -> int:
    """How many endpoints stand in the way of removing the cell."""
    counted = session.scalar(
        select(func.count()).select_from(EndpointRow).where(EndpointRow.cell_id == cell_id)
    )
    return counted or 0


_FIELDS = tuple(CELLS.columns.keys())


@lru_cache(maxsize=REMEMBERED)
def _record(values: tuple[Any, ...]) -> CellRecord:
    row = dict(zip(_FIELDS, values, strict=True))
    return CellRecord(
        **{
            **row,
            "prefixes": texts.words(row["prefixes"]),
            "tags": texts.words(row["tags"]),
            "created_at": texts.moment(row["created_at"]),
            "updated_at": texts.moment(row["updated_at"]),
        }
    )
