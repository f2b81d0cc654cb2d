"""Connections and their paths in the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy import update as change_rows
from sqlalchemy.orm import Session

from cellnet_core.store import listing, ports
from cellnet_core.store.reading import connections_by_id, read_connections
from cellnet_core.store.records import (
    AgentKey,
    ConnectionRecord,
    OrderRecord,
    StatusRecord,
)
from cellnet_core.store.schema import ConnectionRow, EndpointRow, PathRow

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


def find(session: Session, reference: str) -> ConnectionRecord | None:
    """The connection with that id or name."""
    same = or_(ConnectionRow.id == reference, ConnectionRow.name == reference)
    found = sorted(read_connections(session, same), key=lambda connection: connection.id != reference)
    return found[0] if found else None


def get(session: Session, connection_id: str) -> ConnectionRecord | None:
    """The connection with that id."""
    return connections_by_id(session, (connection_id,)).get(connection_id)


def several(session: Session, ids: Iterable[str]) -> tuple[ConnectionRecord, ...]:
    """The connections with these ids that there are, by name."""
    found = connections_by_id(session, ids).values()
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
    ids, more = listing.fetch(session, select(ConnectionRow.id), COLUMNS, query)
    found = connections_by_id(session, ids)
    return listing.Page(tuple(found[identifier] for identifier in ids), more)


def of_agent(session: Session, key: AgentKey) -> tuple[ConnectionRecord, ...]:
    """All connections with an end on one gateway, by name. Costs what that gateway has."""
    mine = select(EndpointRow.id).where(
        EndpointRow.cell_id == key.cell_id, EndpointRow.gateway == key.gateway
    )
    return read_connections(
        session,
        (or_(ConnectionRow.local_endpoint_id.in_(mine), ConnectionRow.remote_endpoint_id.in_(mine))),
    )


def of_endpoint(session: Session, endpoint_id: str) -> tuple[ConnectionRecord, ...]:
    """All connections that use an endpoint, by name."""
    return read_connections(
        session,
        (
            or_(
                ConnectionRow.local_endpoint_id == endpoint_id,
                ConnectionRow.remote_endpoint_id == endpoint_id,
            )
        ),
    )


def everyone(session: Session) -> tuple[ConnectionRecord, ...]:
    """All connections, by name."""
    return read_connections(session)


def of_cells(session: Session, one: str, other: str) -> tuple[ConnectionRecord, ...]:
    """All connections between two cells (ids), by name, whichever is their local one."""
    here, there = (select(EndpointRow.id).where(EndpointRow.cell_id == cell) for cell in (one, other))
    ends = (ConnectionRow.local_endpoint_id, ConnectionRow.remote_endpoint_id)
    return read_connections(
        session,
        (
            or_(
                and_(ends[0].in_(here), ends[1].in_(there)),
                and_(ends[0].in_(there), ends[1].in_(here)),
            )
        ),
    )


def between(session: Session, one: str, other: str) -> ConnectionRecord | None:
    """The connection that joins two endpoints, whichever is its local one."""
    ends = (ConnectionRow.local_endpoint_id, ConnectionRow.remote_endpoint_id)
    found = read_connections(
        session,
        (
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
    found = read_connections(session, (ConnectionRow.id.in_(users)))
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
        **_status(connection.status),
        told_local=connection.told[0],
        told_remote=connection.told[1],
        created_at=connection.created_at,
    )
    _fill(row, connection)
    session.add(row)
    session.flush()


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
    return read_connections(session, (ConnectionRow.profile_id == profile_id))


def set_told(session: Session, connection_id: str, told: tuple[str, str]) -> None:
    """Keep what the agents of the local and the remote side are told from now on (digests)."""
    _write(session, connection_id, {"told_local": told[0], "told_remote": told[1]})


def set_status(session: Session, connection_id: str, status: StatusRecord) -> None:
    """Keep what was worked out. Touches one row and no revision."""
    _write(session, connection_id, _status(status))


def _write(session: Session, connection_id: str, values: dict[str, Any]) -> None:
    """What is only worked out goes straight into the row: nobody has to know what it was."""
    statement = change_rows(ConnectionRow).where(ConnectionRow.id == connection_id).values(**values)
    session.execute(statement, execution_options={"synchronize_session": False})


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
                "since": condition.since.isoformat(),
            }
            for condition in status.conditions
        ],
    }


def remove(session: Session, connection_id: str) -> None:
    """Forget a connection and its paths."""
    session.delete(session.get_one(ConnectionRow, connection_id))
    session.flush()


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


def _order_document(order: OrderRecord) -> dict[str, Any]:
    return {
        "id": order.id,
        "action": order.action,
        "paths": list(order.paths),
        "sides": list(order.sides),
    }
