"""Endpoints in the store."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, select
from sqlalchemy.orm import Session

from cellnet_core.store import listing
from cellnet_core.store.records import AgentKey, EndpointRecord, InterfaceRecord, PeerRecord
from cellnet_core.store.schema import CellRow, EndpointRow

COLUMNS: listing.Columns = {
    "id": EndpointRow.id,
    "name": EndpointRow.name,
    "cell": CellRow.name,
    "cell_id": EndpointRow.cell_id,
    "gateway": EndpointRow.gateway,
    "asn": EndpointRow.asn,
    "managed_by": EndpointRow.managed_by,
    "tags": EndpointRow.tags,
    "created_at": EndpointRow.created_at,
    "updated_at": EndpointRow.updated_at,
}


@cache
def columns() -> Select[Any]:
    """Everything that a record is made of."""
    return select(*EndpointRow.__table__.columns, CellRow.name.label("cell_name")).join(
        CellRow, EndpointRow.cell_id == CellRow.id
    )


@cache
def _named() -> Select[Any]:
    said = bindparam("reference", type_=EndpointRow.name.type)
    return columns().where(or_(EndpointRow.id == said, EndpointRow.name == said))


def find(session: Session, reference: str) -> EndpointRecord | None:
    """The endpoint with that id or name."""
    rows = list(session.execute(_named(), {"reference": reference}))
    rows.sort(key=lambda row: row.id != reference)
    return record(rows[0]) if rows else None


def page(session: Session, query: listing.PageQuery) -> listing.Page[EndpointRecord]:
    """A page of endpoints."""
    statement = select(EndpointRow.id).join(CellRow, EndpointRow.cell_id == CellRow.id)
    ids, more = listing.fetch(session, statement, COLUMNS, query)
    found = {row.id: record(row) for row in session.execute(columns().where(EndpointRow.id.in_(ids)))}
    return listing.Page(tuple(found[identifier] for identifier in ids), more)


def of_agent(session: Session, key: AgentKey) -> tuple[EndpointRecord, ...]:
    """All endpoints of one gateway, by name."""
    rows = session.execute(
        columns()
        .where(EndpointRow.cell_id == key.cell_id, EndpointRow.gateway == key.gateway)
        .order_by(EndpointRow.name)
    )
    return tuple(record(row) for row in rows)


def add(session: Session, endpoint: EndpointRecord) -> None:
    """Add the endpoint. Its cell must exist."""
    session.add(
        EndpointRow(
            id=endpoint.id,
            name=endpoint.name,
            cell_id=endpoint.cell_id,
            gateway=endpoint.gateway,
            asn=endpoint.asn,
            prefixes=list(endpoint.prefixes),
            health_check_addresses=list(endpoint.health_check_addresses),
            interfaces=[_document(port) for port in endpoint.interfaces],
            description=endpoint.description,
            managed_by=endpoint.managed_by,
            tags=list(endpoint.tags),
            revision_number=endpoint.revision_number,
            created_at=endpoint.created_at,
            updated_at=endpoint.updated_at,
        )
    )
    session.flush()


def update(session: Session, endpoint: EndpointRecord) -> None:
    """Replace everything but the id, the cell and the time of creation."""
    row = session.get_one(EndpointRow, endpoint.id)
    row.name = endpoint.name
    row.gateway = endpoint.gateway
    row.asn = endpoint.asn
    row.prefixes = list(endpoint.prefixes)
    row.health_check_addresses = list(endpoint.health_check_addresses)
    row.interfaces = [_document(port) for port in endpoint.interfaces]
    row.description = endpoint.description
    row.managed_by = endpoint.managed_by
    row.tags = list(endpoint.tags)
    row.revision_number = endpoint.revision_number
    row.updated_at = endpoint.updated_at
    session.flush()


def remove(session: Session, endpoint_id: str) -> None:
    """Forget an endpoint that no connection uses."""
    session.delete(session.get_one(EndpointRow, endpoint_id))
    session.flush()


def _document(port: InterfaceRecord) -> dict[str, Any]:
    document: dict[str, Any] = {"interface": port.interface, "addresses": list(port.addresses)}
    if port.peer is not None:
        document["peer"] = {**asdict(port.peer), "addresses": list(port.peer.addresses)}
    return document


def _interface(document: dict[str, Any]) -> InterfaceRecord:
    peer = document.get("peer")
    return InterfaceRecord(
        document["interface"],
        tuple(document["addresses"]),
        None if peer is None else PeerRecord(**{**peer, "addresses": tuple(peer["addresses"])}),
    )


def record(row: Row[Any]) -> EndpointRecord:
    """A row of `columns` as a value."""
    return EndpointRecord(
        id=row.id,
        name=row.name,
        cell_id=row.cell_id,
        cell_name=row.cell_name,
        gateway=row.gateway,
        asn=row.asn,
        prefixes=tuple(row.prefixes),
        health_check_addresses=tuple(row.health_check_addresses),
        interfaces=tuple(_interface(port) for port in row.interfaces),
        description=row.description,
        managed_by=row.managed_by,
        tags=tuple(row.tags),
        revision_number=row.revision_number,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
