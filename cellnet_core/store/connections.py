"""Connections and their paths in the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Delete,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
)
from sqlalchemy import update as change_rows

from cellnet_core.store import audit, listing, ports
from cellnet_core.store.endpoints import ENDPOINTS
from cellnet_core.store.reading import (
    CONNECTIONS,
    connections_by,
    connections_by_id,
    connections_where,
    read_connections,
)
from cellnet_core.store.records import (
    AgentKey,
    ConnectionRecord,
    OrderRecord,
    StatusRecord,
)
from cellnet_core.store.schema import ConnectionRow, PathRow
from cellnet_core.store.session import Session

PATHS = cast(Table, PathRow.__table__)
_ADD_PATHS = insert(PATHS)
_IDS = select(CONNECTIONS.c.id)
_ENDS = (CONNECTIONS.c.local_endpoint_id, CONNECTIONS.c.remote_endpoint_id)
COLUMNS: listing.Columns = {
    "id": CONNECTIONS.c.id,
    "name": CONNECTIONS.c.name,
    "local_endpoint_id": CONNECTIONS.c.local_endpoint_id,
    "remote_endpoint_id": CONNECTIONS.c.remote_endpoint_id,
    "profile_id": CONNECTIONS.c.profile_id,
    "enabled": CONNECTIONS.c.enabled,
    "managed_by": CONNECTIONS.c.managed_by,
    "tags": CONNECTIONS.c.tags,
    "state": CONNECTIONS.c.state,
    "provisioning_status": CONNECTIONS.c.provisioning_status,
    "operating_status": CONNECTIONS.c.operating_status,
    "created_at": CONNECTIONS.c.created_at,
    "updated_at": CONNECTIONS.c.updated_at,
}


def find(session: Session, reference: str) -> ConnectionRecord | None:
    """The connection with that id or name."""
    rows = connections_by(session, _named(), {"reference": reference})
    found = sorted(rows, key=lambda connection: connection.id != reference)
    return found[0] if found else None


@cache
def _named() -> Select[Any]:
    return connections_where(or_(*_has_name()))


def _has_name() -> tuple[ColumnElement[bool], ...]:
    said = bindparam("reference", type_=CONNECTIONS.c.name.type)
    return CONNECTIONS.c.id == said, CONNECTIONS.c.name == said


def get(session: Session, connection_id: str) -> ConnectionRecord | None:
    """The connection with that id."""
    return connections_by_id(session, (connection_id,)).get(connection_id)


def several(session: Session, ids: Iterable[str]) -> tuple[ConnectionRecord, ...]:
    """The connections with these ids that there are, by name."""
    found = connections_by_id(session, ids).values()
    return tuple(sorted(found, key=lambda connection: connection.name))


def any_of_agent(session: Session, key: AgentKey) -> bool:
    """Whether the agent has any connection. Costs one look."""
    mine = {"cell_id": key.cell_id, "gateway": key.gateway}
    return any(session.execute(question, mine).first() is not None for question in _any_of_agent())


@cache
def _any_of_agent() -> tuple[Select[Any], ...]:
    return tuple(
        select(CONNECTIONS.c.id)
        .join(ENDPOINTS, ENDPOINTS.c.id == end)
        .where(ENDPOINTS.c.cell_id == bindparam("cell_id"), ENDPOINTS.c.gateway == bindparam("gateway"))
        .limit(1)
        for end in _ENDS
    )


def page(session: Session, query: listing.PageQuery) -> listing.Page[ConnectionRecord]:
    """A page of connections."""
    # First which, then what they are: so the wide statement is always the same one.
    rows, more = listing.fetch(session, _IDS, COLUMNS, query)
    found = connections_by_id(session, (identifier for (identifier,) in rows))
    return listing.Page(tuple(found[identifier] for (identifier,) in rows), more)


def of_agent(session: Session, key: AgentKey) -> tuple[ConnectionRecord, ...]:
    """All connections with an end on one gateway, by name. Costs what that gateway has."""
    return connections_by(session, _of_agent(), {"cell_id": key.cell_id, "gateway": key.gateway})


@cache
def _of_agent() -> Select[Any]:
    mine = select(ENDPOINTS.c.id).where(
        ENDPOINTS.c.cell_id == bindparam("cell_id"), ENDPOINTS.c.gateway == bindparam("gateway")
    )
    return connections_where(or_(*(end.in_(mine) for end in _ENDS)))


def of_endpoint(session: Session, endpoint_id: str) -> tuple[ConnectionRecord, ...]:
    """All connections that use an endpoint, by name."""
    return read_connections(session, or_(*(end == endpoint_id for end in _ENDS)))


def everyone(session: Session) -> tuple[ConnectionRecord, ...]:
    """All connections, by name."""
    return read_connections(session)


def of_cells(session: Session, one: str, other: str) -> tuple[ConnectionRecord, ...]:
    """All connections between two cells (ids), by name, whichever is their local one."""
    here, there = (select(ENDPOINTS.c.id).where(ENDPOINTS.c.cell_id == cell) for cell in (one, other))
    return read_connections(
        session,
        or_(
            and_(_ENDS[0].in_(here), _ENDS[1].in_(there)),
            and_(_ENDS[0].in_(there), _ENDS[1].in_(here)),
        ),
    )


def in_the_way(session: Session, name: str, one: str, other: str) -> tuple[ConnectionRecord, ...]:
    """What a new connection would collide with: whoever has its name (also as an id), and whoever joins its
    two endpoints already, whichever is its local one."""
    return connections_by(session, _in_the_way(), {"reference": name, "one": one, "other": other})


@cache
def _in_the_way() -> Select[Any]:
    kind = CONNECTIONS.c.id.type
    one, other = bindparam("one", type_=kind), bindparam("other", type_=kind)
    joined = (and_(_ENDS[0] == one, _ENDS[1] == other), and_(_ENDS[0] == other, _ENDS[1] == one))
    return connections_where(or_(*_has_name(), *joined))


def paths_in_use(session: Session, stem: str, joined: Iterable[str] = ()) -> Sequence[Row[str, str, str]]:
    """Paths whose names start like this, and those that join these ports (keys of `ports.py`).

    Of each its name, the key of its ports, and the id of the connection that has it.
    """
    # A range, which an index finds everywhere; LIKE is looked up in none of SQLite's.
    behind = stem[:-1] + chr(ord(stem[-1]) + 1)
    wanted = tuple(joined)
    values = {"stem": stem, "behind": behind, **{f"ports{n}": key for n, key in enumerate(wanted)}}
    return session.execute(_in_use(len(wanted)), values).all()


@lru_cache(maxsize=64)
def _in_use(count: int) -> Select[Any]:
    kind = PATHS.c.name.type
    stem, behind = bindparam("stem", type_=kind), bindparam("behind", type_=kind)
    joined = (PATHS.c.ports == bindparam(f"ports{n}") for n in range(count))
    named = and_(PATHS.c.name >= stem, PATHS.c.name < behind)
    return select(PATHS.c.name, PATHS.c.ports, PATHS.c.connection_id).where(or_(named, *joined))


def add(session: Session, connection: ConnectionRecord) -> None:
    """Add the connection with its paths. Its endpoints must exist."""
    values = {
        "id": connection.id,
        "local_endpoint_id": connection.local.id,
        "remote_endpoint_id": connection.remote.id,
        "deleting": connection.deleting,
        **_desired(connection),
        **_status(connection.status),
        "told_local": connection.told[0],
        "told_remote": connection.told[1],
        "orders": [_order_document(order) for order in connection.orders],
        "created_at": connection.created_at,
    }
    audit.insert_row(session, CONNECTIONS, values)
    session.execute(_ADD_PATHS, [{"connection_id": connection.id, **path} for path in _paths(connection)])


def update(session: Session, connection: ConnectionRecord) -> None:
    """Replace what may change of a connection: everything desired but its endpoints."""
    row = session.mapped.get_one(ConnectionRow, connection.id)
    for name, value in _desired(connection).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.flush()
    paths = _paths(connection)
    kept = session.execute(_their_paths(), {"of": connection.id}).mappings().all()
    if [dict(path) for path in kept] != paths:
        # The names of those that were are free before the new ones come.
        session.execute(_forget_paths(), {"of": connection.id})
        session.execute(_ADD_PATHS, [{"connection_id": connection.id, **path} for path in paths])


@cache
def _their_paths() -> Select[Any]:
    columns = [column for column in PATHS.columns if column.key != "connection_id"]
    return select(*columns).where(PATHS.c.connection_id == bindparam("of")).order_by(PATHS.c.position)


@cache
def _forget_paths() -> Delete:
    return delete(PATHS).where(PATHS.c.connection_id == bindparam("of"))


def set_deleting(session: Session, connection_id: str, revision_number: int, at: datetime) -> None:
    """From now on its agents are told to take it down."""
    row = session.mapped.get_one(ConnectionRow, connection_id)
    row.deleting = True
    row.revision_number = revision_number
    row.updated_at = at
    session.flush()


def set_orders(session: Session, connection_id: str, orders: Iterable[OrderRecord]) -> None:
    """What its agents shall do once, from now on exactly this. Touches no revision."""
    row = session.mapped.get_one(ConnectionRow, connection_id)
    row.orders = [_order_document(order) for order in orders]
    session.flush()


def of_profile(session: Session, profile_id: str) -> tuple[ConnectionRecord, ...]:
    """All connections with that profile, by name."""
    return read_connections(session, CONNECTIONS.c.profile_id == profile_id)


def set_told(session: Session, connection_id: str, told: tuple[str, str]) -> None:
    """Keep what the agents of the local and the remote side are told from now on (digests)."""
    # What is only worked out goes straight into the row: nobody has to know what it was.
    values = {"told_local": told[0], "told_remote": told[1]}
    session.execute(_set("told_local", "told_remote"), {"connection_id": connection_id, **values})


def set_statuses(session: Session, statuses: Mapping[str, StatusRecord]) -> None:
    """Keep what was worked out, by id of the connection. Touches one row each and no revision."""
    rows = [{"connection_id": identifier, **_status(status)} for identifier, status in statuses.items()]
    if rows:
        session.execute(_set(*_status(next(iter(statuses.values())))), rows)


@cache
def _set(*names: str) -> Update:
    """These columns of one connection, from then on as they are bound."""
    values = {name: bindparam(name, type_=CONNECTIONS.c[name].type) for name in names}
    return change_rows(CONNECTIONS).where(CONNECTIONS.c.id == bindparam("connection_id")).values(values)


def _status(status: StatusRecord) -> dict[str, Any]:
    return {
        "provisioning_status": status.provisioning_status,
        "operating_status": status.operating_status,
        "observed_revision": status.observed_revision,
        "state": status.state,
        "conditions": [
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "since": condition.since,
            }
            for condition in status.conditions
        ],
    }


def remove(session: Session, connection_id: str) -> None:
    """Forget a connection and its paths."""
    session.mapped.delete(session.mapped.get_one(ConnectionRow, connection_id))
    session.flush()


def _desired(connection: ConnectionRecord) -> dict[str, Any]:
    """What may change of a connection."""
    return {
        "name": connection.name,
        "families": list(connection.families),
        "profile_id": connection.profile.id,
        "own_hold_time": connection.own.hold_time,
        "own_graceful_restart_time": connection.own.graceful_restart_time,
        "own_hold_down": connection.own.hold_down,
        "enabled": connection.enabled,
        "description": connection.description,
        "managed_by": connection.managed_by,
        "tags": list(connection.tags),
        "revision_number": connection.revision_number,
        "updated_at": connection.updated_at,
    }


def _paths(connection: ConnectionRecord) -> list[dict[str, Any]]:
    return [
        {
            "name": path.name,
            "position": position,
            "local_interface": path.local_interface,
            "remote_interface": path.remote_interface,
            "ports": ports.key(
                (connection.local.agent, path.local_interface),
                (connection.remote.agent, path.remote_interface),
            ),
            "local_addresses": list(path.local_addresses),
            "remote_addresses": list(path.remote_addresses),
        }
        for position, path in enumerate(connection.paths)
    ]


def _order_document(order: OrderRecord) -> dict[str, Any]:
    return {
        "id": order.id,
        "action": order.action,
        "paths": list(order.paths),
        "sides": list(order.sides),
    }
