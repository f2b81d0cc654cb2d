"""Endpoints in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, and_, bindparam, or_, select

from cellnet_core.store import agents, audit, listing, texts
from cellnet_core.store.agents import AGENTS
from cellnet_core.store.records import AgentKey, EndpointRecord, InterfaceRecord, PeerRecord
from cellnet_core.store.schema import CellRow, EndpointRow
from cellnet_core.store.session import Session

ENDPOINTS = cast(Table, EndpointRow.__table__)
CELLS = cast(Table, CellRow.__table__)
_REFERENCES = (ENDPOINTS.c.id, ENDPOINTS.c.name)
COLUMNS: listing.Columns = {
    "id": ENDPOINTS.c.id,
    "name": ENDPOINTS.c.name,
    "cell": CELLS.c.name,
    "cell_id": ENDPOINTS.c.cell_id,
    "gateway": ENDPOINTS.c.gateway,
    "asn": ENDPOINTS.c.asn,
    "managed_by": ENDPOINTS.c.managed_by,
    "tags": ENDPOINTS.c.tags,
    "created_at": ENDPOINTS.c.created_at,
    "updated_at": ENDPOINTS.c.updated_at,
}


@cache
def columns() -> Select[Any]:
    """Everything that a record is made of."""
    return select(*of(ENDPOINTS, CELLS)).join(CELLS, ENDPOINTS.c.cell_id == CELLS.c.id)


def of(table: FromClause, cells: FromClause) -> tuple[ColumnElement[Any], ...]:
    """The same columns, of a table that stands in a statement by another name."""
    return (*texts.columns(table), cells.c.name.label("cell_name"))


@cache
def _named() -> Select[Any]:
    said = bindparam("reference", type_=ENDPOINTS.c.name.type)
    return columns().where(or_(*(column == said for column in _REFERENCES)))


def find(session: Session, reference: str) -> EndpointRecord | None:
    """The endpoint with that id or name."""
    rows = session.execute(_named(), {"reference": reference})
    return _chosen([record(row) for row in rows], reference)


def find_two(session: Session, one: str, other: str) -> tuple[EndpointRecord | None, EndpointRecord | None]:
    """The endpoints with these ids or names, in one question; their agents are known from then on."""
    found = []
    for row in session.execute(_either(), {"one": one, "other": other}):
        values = tuple(row)
        found.append(record(values[: len(FIELDS)]))
        agents.read_with(session, values[len(FIELDS) :])
    return _chosen(found, one), _chosen(found, other)


@cache
def _either() -> Select[Any]:
    kind = ENDPOINTS.c.name.type
    said = (bindparam("one", type_=kind), bindparam("other", type_=kind))
    theirs = and_(AGENTS.c.cell_id == ENDPOINTS.c.cell_id, AGENTS.c.gateway == ENDPOINTS.c.gateway)
    both = columns().add_columns(
        *(column.label(f"agent_{column.name}") for column in agents.of(AGENTS, CELLS))
    )
    return both.outerjoin(AGENTS, theirs).where(
        or_(*(column == each for each in said for column in _REFERENCES))
    )


def _chosen(found: Iterable[EndpointRecord], reference: str) -> EndpointRecord | None:
    """The one with that id, else the one with that name."""
    same = [endpoint for endpoint in found if reference in (endpoint.id, endpoint.name)]
    return min(same, key=lambda endpoint: endpoint.id != reference, default=None)


def page(session: Session, query: listing.PageQuery) -> listing.Page[EndpointRecord]:
    """A page of endpoints."""
    rows, more = listing.fetch(session, columns(), COLUMNS, query)
    return listing.Page(tuple(record(row) for row in rows), more)


def of_agent(session: Session, key: AgentKey) -> tuple[EndpointRecord, ...]:
    """All endpoints of one gateway, by name."""
    rows = session.execute(
        columns()
        .where(ENDPOINTS.c.cell_id == key.cell_id, ENDPOINTS.c.gateway == key.gateway)
        .order_by(ENDPOINTS.c.name)
    )
    return tuple(record(row) for row in rows)


def add(session: Session, endpoint: EndpointRecord) -> None:
    """Add the endpoint. Its cell must exist."""
    audit.insert_row(
        session,
        ENDPOINTS,
        {
            "id": endpoint.id,
            "cell_id": endpoint.cell_id,
            **_desired(endpoint),
            "created_at": endpoint.created_at,
        },
    )


def update(session: Session, endpoint: EndpointRecord) -> None:
    """Replace everything but the id, the cell and the time of creation."""
    row = session.mapped.get_one(EndpointRow, endpoint.id)
    for name, value in _desired(endpoint).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.flush()


def _desired(endpoint: EndpointRecord) -> dict[str, Any]:
    """What may change of an endpoint."""
    return {
        "name": endpoint.name,
        "gateway": endpoint.gateway,
        "asn": endpoint.asn,
        "prefixes": list(endpoint.prefixes),
        "health_check_addresses": list(endpoint.health_check_addresses),
        "interfaces": [_document(port) for port in endpoint.interfaces],
        "description": endpoint.description,
        "managed_by": endpoint.managed_by,
        "tags": list(endpoint.tags),
        "revision_number": endpoint.revision_number,
        "updated_at": endpoint.updated_at,
    }


def remove(session: Session, endpoint_id: str) -> None:
    """Forget an endpoint that no connection uses."""
    session.mapped.delete(session.mapped.get_one(EndpointRow, endpoint_id))
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


def record(row: Row[Any] | tuple[Any, ...]) -> EndpointRecord:
    """A row of `columns` as a value; the same row is the same value."""
    return _record(tuple(row))


FIELDS = (*ENDPOINTS.columns.keys(), "cell_name")


@lru_cache(maxsize=texts.REMEMBERED)
def _record(values: tuple[Any, ...]) -> EndpointRecord:
    row = dict(zip(FIELDS, values, strict=True))
    return EndpointRecord(
        id=row["id"],
        name=row["name"],
        cell_id=row["cell_id"],
        cell_name=row["cell_name"],
        gateway=row["gateway"],
        asn=row["asn"],
        prefixes=texts.words(row["prefixes"]),
        health_check_addresses=texts.words(row["health_check_addresses"]),
        interfaces=tuple(_interface(port) for port in texts.document(row["interfaces"])),
        description=row["description"],
        managed_by=row["managed_by"],
        tags=texts.words(row["tags"]),
        revision_number=row["revision_number"],
        created_at=texts.moment(row["created_at"]),
        updated_at=texts.moment(row["updated_at"]),
    )
