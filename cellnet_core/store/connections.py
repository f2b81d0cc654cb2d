"""Connections and their paths in the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, object_session

from cellnet_core.store import endpoints, listing, ports, profiles
from cellnet_core.store.records import (
    AgentKey,
    ConditionRecord,
    ConnectionRecord,
    Family,
    OrderRecord,
    PathRecord,
    ProfileRecord,
    StatusRecord,
    TimersRecord,
)
from cellnet_core.store.schema import ConnectionRow, EndpointRow, PathRow, ProfileRow

COLUMNS: listing.Columns = {
    "id": ConnectionRow.id,
    "name": ConnectionRow.name,
    "local_endpoint_id": ConnectionRow.local_endpoint_id,
    "remote_endpoint_id": ConnectionRow.remote_endpoint_id,
    "profile_id": ConnectionRow.profile_id,
    "enabled": ConnectionRow.enabled,
    "managed_by": ConnectionRow.managed_by,
    "tags": ConnectionRow.tags,
    "state": ConnectionRow.state,
    "provisioning_status": ConnectionRow.provisioning_status,
    "operating_status": ConnectionRow.operating_status,
    "created_at": ConnectionRow.created_at,
    "updated_at": ConnectionRow.updated_at,
}


AT_ONCE = 500
"""Connections in one question."""


def find(session: Session, reference: str) -> ConnectionRecord | None:
    """The connection with that id or name."""
    same = or_(ConnectionRow.id == reference, ConnectionRow.name == reference)
    rows = list(session.scalars(select(ConnectionRow).where(same)).unique())
    rows.sort(key=lambda row: row.id != reference)
    return record(rows[0]) if rows else None


def get(session: Session, connection_id: str) -> ConnectionRecord | None:
    """The connection with that id."""
    row = session.get(ConnectionRow, connection_id)
    return None if row is None else record(row)


def several(session: Session, ids: Iterable[str]) -> tuple[ConnectionRecord, ...]:
    """The connections with these ids that there are, by name."""
    wanted = sorted(set(ids))
    found: list[ConnectionRecord] = []
    for start in range(0, len(wanted), AT_ONCE):
        some = ConnectionRow.id.in_(wanted[start : start + AT_ONCE])
        found += _records(session, select(ConnectionRow).where(some))
    return tuple(sorted(found, key=lambda connection: connection.name))


def any_of_agent(session: Session, key: AgentKey) -> bool:
    """Whether the agent has any connection. Costs one look."""
    ends = (ConnectionRow.local_endpoint_id, ConnectionRow.remote_endpoint_id)
    mine = (EndpointRow.cell_id == key.cell_id, EndpointRow.gateway == key.gateway)
    questions = (
        select(ConnectionRow.id).join(EndpointRow, EndpointRow.id == end).where(*mine) for end in ends
    )
    return any(session.scalar(question.limit(1)) is not None for question in questions)


def page(session: Session, query: listing.PageQuery) -> listing.Page[ConnectionRecord]:
    """A page of connections."""
    rows, more = listing.fetch(session, select(ConnectionRow), COLUMNS, query)
    return listing.Page(tuple(record(row) for row in rows), more)


def of_agent(session: Session, key: AgentKey) -> tuple[ConnectionRecord, ...]:
    """All connections with an end on one gateway, by name. Costs what that gateway has."""
    mine = select(EndpointRow.id).where(
        EndpointRow.cell_id == key.cell_id, EndpointRow.gateway == key.gateway
    )
    return _records(
        session,
        select(ConnectionRow).where(
            or_(ConnectionRow.local_endpoint_id.in_(mine), ConnectionRow.remote_endpoint_id.in_(mine))
        ),
    )


def of_endpoint(session: Session, endpoint_id: str) -> tuple[ConnectionRecord, ...]:
    """All connections that use an endpoint, by name."""
    return _records(
        session,
        select(ConnectionRow).where(
            or_(
                ConnectionRow.local_endpoint_id == endpoint_id,
                ConnectionRow.remote_endpoint_id == endpoint_id,
            )
        ),
    )


def everyone(session: Session) -> tuple[ConnectionRecord, ...]:
    """All connections, by name."""
    return _records(session, select(ConnectionRow))


def of_cells(session: Session, one: str, other: str) -> tuple[ConnectionRecord, ...]:
    """All connections between two cells (ids), by name, whichever is their local one."""
    here, there = (select(EndpointRow.id).where(EndpointRow.cell_id == cell) for cell in (one, other))
    ends = (ConnectionRow.local_endpoint_id, ConnectionRow.remote_endpoint_id)
    return _records(
        session,
        select(ConnectionRow).where(
            or_(
                and_(ends[0].in_(here), ends[1].in_(there)),
                and_(ends[0].in_(there), ends[1].in_(here)),
            )
        ),
    )


def between(session: Session, one: str, other: str) -> ConnectionRecord | None:
    """The connection that joins two endpoints, whichever is its local one."""
    ends = (ConnectionRow.local_endpoint_id, ConnectionRow.remote_endpoint_id)
    found = _records(
        session,
        select(ConnectionRow).where(
            or_(
                and_(ends[0] == one, ends[1] == other),
                and_(ends[0] == other, ends[1] == one),
            )
        ),
    )
    return found[0] if found else None


def using_ports(
    session: Session, one: tuple[AgentKey, str], other: tuple[AgentKey, str]
) -> ConnectionRecord | None:
    """The connection whose path joins these two ports (agent, interface), in either direction."""
    users = select(PathRow.connection_id).where(PathRow.ports == ports.key(one, other))
    found = _records(session, select(ConnectionRow).where(ConnectionRow.id.in_(users)))
    return found[0] if found else None


def path_names(session: Session, stem: str) -> frozenset[str]:
    """Names of paths in use that start like this."""
    # A range, which an index finds everywhere; LIKE is looked up in none of SQLite's.
    behind = stem[:-1] + chr(ord(stem[-1]) + 1)
    return frozenset(session.scalars(select(PathRow.name).where(PathRow.name >= stem, PathRow.name < behind)))


def add(session: Session, connection: ConnectionRecord) -> None:
    """Add the connection with its paths. Its endpoints must exist."""
    row = ConnectionRow(
        id=connection.id,
        local_endpoint_id=connection.local.id,
        remote_endpoint_id=connection.remote.id,
        deleting=connection.deleting,
        observed_revision=0,
        provisioning_status="",
        operating_status="",
        conditions=[],
        told_local=connection.told[0],
        told_remote=connection.told[1],
        created_at=connection.created_at,
    )
    _fill(row, connection)
    session.add(row)
    session.flush()
    set_status(session, connection.id, connection.status)


def update(session: Session, connection: ConnectionRecord) -> None:
    """Replace what may change of a connection: everything desired but its endpoints."""
    row = session.get_one(ConnectionRow, connection.id)
    row.paths.clear()
    session.flush()  # the old paths' names are free before the new ones come
    _fill(row, connection)
    session.flush()


def set_deleting(session: Session, connection_id: str, revision_number: int, at: datetime) -> None:
    """From now on its agents are told to take it down."""
    row = session.get_one(ConnectionRow, connection_id)
    row.deleting = True
    row.revision_number = revision_number
    row.updated_at = at
    session.flush()


def set_orders(session: Session, connection_id: str, orders: Iterable[OrderRecord]) -> None:
    """What its agents shall do once, from now on exactly this. Touches no revision."""
    row = session.get_one(ConnectionRow, connection_id)
    row.orders = [_order_document(order) for order in orders]
    session.flush()


def of_profile(session: Session, profile_id: str) -> tuple[ConnectionRecord, ...]:
    """All connections with that profile, by name."""
    return _records(session, select(ConnectionRow).where(ConnectionRow.profile_id == profile_id))


def set_told(session: Session, connection_id: str, told: tuple[str, str]) -> None:
    """Keep what the agents of the local and the remote side are told from now on (digests)."""
    row = session.get_one(ConnectionRow, connection_id)
    row.told_local, row.told_remote = told
    session.flush()


def set_status(session: Session, connection_id: str, status: StatusRecord) -> None:
    """Keep what was worked out. Touches one row and no revision."""
    row = session.get_one(ConnectionRow, connection_id)
    row.provisioning_status = status.provisioning_status
    row.operating_status = status.operating_status
    row.observed_revision = status.observed_revision
    row.state = status.state
    row.conditions = [
        {
            "type": condition.type,
            "status": condition.status,
            "reason": condition.reason,
            "message": condition.message,
            "since": condition.since.isoformat(),
        }
        for condition in status.conditions
    ]
    session.flush()


def remove(session: Session, connection_id: str) -> None:
    """Forget a connection and its paths."""
    session.delete(session.get_one(ConnectionRow, connection_id))
    session.flush()


def _records(session: Session, statement: Select[ConnectionRow]) -> tuple[ConnectionRecord, ...]:
    rows = session.scalars(statement.order_by(ConnectionRow.name)).unique()
    return tuple(record(row) for row in rows)


def _fill(row: ConnectionRow, connection: ConnectionRecord) -> None:
    row.name = connection.name
    row.families = list(connection.families)
    row.profile_id = connection.profile.id
    row.own_hold_time = connection.own.hold_time
    row.own_graceful_restart_time = connection.own.graceful_restart_time
    row.own_hold_down = connection.own.hold_down
    row.enabled = connection.enabled
    row.description = connection.description
    row.managed_by = connection.managed_by
    row.tags = list(connection.tags)
    row.revision_number = connection.revision_number
    row.updated_at = connection.updated_at
    row.paths = [
        PathRow(
            name=path.name,
            position=position,
            local_interface=path.local_interface,
            remote_interface=path.remote_interface,
            ports=ports.key(
                (connection.local.agent, path.local_interface),
                (connection.remote.agent, path.remote_interface),
            ),
            local_addresses=list(path.local_addresses),
            remote_addresses=list(path.remote_addresses),
        )
        for position, path in enumerate(connection.paths)
    ]


def record(row: ConnectionRow) -> ConnectionRecord:
    """The row as a value."""
    return ConnectionRecord(
        id=row.id,
        name=row.name,
        local=endpoints.record(row.local),
        remote=endpoints.record(row.remote),
        families=cast(tuple[Family, ...], tuple(row.families)),
        profile=_profile(row),
        own=TimersRecord(row.own_hold_time, row.own_graceful_restart_time, row.own_hold_down),
        enabled=row.enabled,
        deleting=row.deleting,
        paths=tuple(
            PathRecord(
                name=path.name,
                local_interface=path.local_interface,
                remote_interface=path.remote_interface,
                local_addresses=tuple(path.local_addresses),
                remote_addresses=tuple(path.remote_addresses),
            )
            for path in row.paths
        ),
        description=row.description,
        managed_by=row.managed_by,
        revision_number=row.revision_number,
        status=StatusRecord(
            provisioning_status=row.provisioning_status,
            operating_status=row.operating_status,
            observed_revision=row.observed_revision,
            state=row.state,
            conditions=tuple(
                ConditionRecord(
                    type=condition["type"],
                    status=condition["status"],
                    reason=condition["reason"],
                    message=condition["message"],
                    since=datetime.fromisoformat(condition["since"]),
                )
                for condition in row.conditions
            ),
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
        told=(row.told_local, row.told_remote),
        tags=tuple(row.tags),
        orders=tuple(
            OrderRecord(o["id"], o["action"], tuple(o["paths"]), tuple(o["sides"])) for o in row.orders
        ),
    )


def _order_document(order: OrderRecord) -> dict[str, Any]:
    return {
        "id": order.id,
        "action": order.action,
        "paths": list(order.paths),
        "sides": list(order.sides),
    }


def _profile(row: ConnectionRow) -> ProfileRecord:
    """Its profile; fetched by itself for a row that was added in this very transaction."""
    found = row.profile
    if found is None or found.id != row.profile_id:
        session = object_session(row)
        assert session is not None, "a record is made of a row within its transaction"
        found = session.get_one(ProfileRow, row.profile_id)
    return profiles.record(found)
