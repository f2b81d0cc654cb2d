"""Connections, endpoints and profiles as records, many at once: columns only, and each object asked for once.

Rows of the mapper are for writing: to make one costs several times what its columns cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, bindparam, select
from sqlalchemy.orm import Session

from cellnet_core.store import endpoints, profiles
from cellnet_core.store.records import (
    ConditionRecord,
    ConnectionRecord,
    EndpointRecord,
    Family,
    OrderRecord,
    PathRecord,
    ProfileRecord,
    StatusRecord,
    TimersRecord,
)
from cellnet_core.store.schema import ConnectionRow, EndpointRow, PathRow, ProfileRow

AT_ONCE = 500
"""Ids in one question."""


def read_connections(session: Session, *where: ColumnElement[bool]) -> tuple[ConnectionRecord, ...]:
    """All connections of which this is so, by name."""
    statement = _connections().where(*where).order_by(ConnectionRow.name)
    return _complete(session, session.execute(statement).all())


def connections_by_id(session: Session, ids: Iterable[str]) -> dict[str, ConnectionRecord]:
    """The connections with these ids that there are."""
    rows = _chunks(session, _connections_with(), ids)
    return {found.id: found for found in _complete(session, rows)}


def endpoints_by_id(session: Session, ids: Iterable[str]) -> dict[str, EndpointRecord]:
    """The endpoints with these ids that there are."""
    return {row.id: endpoints.record(row) for row in _chunks(session, _endpoints_with(), ids)}


def _chunks(session: Session, statement: Select[Any], ids: Iterable[str]) -> list[Row[Any]]:
    wanted = sorted(set(ids))
    rows: list[Row[Any]] = []
    for start in range(0, len(wanted), AT_ONCE):
        rows += session.execute(statement, {"ids": wanted[start : start + AT_ONCE]}).all()
    return rows


@cache
def _connections() -> Select[Any]:
    return select(*ConnectionRow.__table__.columns)


@cache
def _connections_with() -> Select[Any]:
    return _connections().where(ConnectionRow.id.in_(bindparam("ids", expanding=True)))


@cache
def _endpoints_with() -> Select[Any]:
    return endpoints.columns().where(EndpointRow.id.in_(bindparam("ids", expanding=True)))


@cache
def _profiles_with() -> Select[Any]:
    columns = ProfileRow.__table__.columns
    return select(*columns).where(ProfileRow.id.in_(bindparam("ids", expanding=True)))


@cache
def _paths_of() -> Select[Any]:
    return (
        select(*PathRow.__table__.columns)
        .where(PathRow.connection_id.in_(bindparam("ids", expanding=True)))
        .order_by(PathRow.connection_id, PathRow.position)
    )


def _complete(session: Session, rows: Sequence[Row[Any]]) -> tuple[ConnectionRecord, ...]:
    """The rows with their ends, profiles and paths."""
    if not rows:
        return ()
    ends = endpoints_by_id(session, (i for r in rows for i in (r.local_endpoint_id, r.remote_endpoint_id)))
    named = {
        row.id: profiles.record(row)
        for row in _chunks(session, _profiles_with(), (row.profile_id for row in rows))
    }
    paths: dict[str, list[PathRecord]] = {row.id: [] for row in rows}
    for row in _chunks(session, _paths_of(), paths):
        paths[row.connection_id].append(
            PathRecord(
                name=row.name,
                local_interface=row.local_interface,
                remote_interface=row.remote_interface,
                local_addresses=tuple(row.local_addresses),
                remote_addresses=tuple(row.remote_addresses),
            )
        )
    return tuple(_record(row, ends, named[row.profile_id], tuple(paths[row.id])) for row in rows)


def _record(
    row: Row[Any], ends: dict[str, EndpointRecord], profile: ProfileRecord, paths: tuple[PathRecord, ...]
) -> ConnectionRecord:
    return ConnectionRecord(
        id=row.id,
        name=row.name,
        local=ends[row.local_endpoint_id],
        remote=ends[row.remote_endpoint_id],
        families=cast(tuple[Family, ...], tuple(row.families)),
        profile=profile,
        own=TimersRecord(row.own_hold_time, row.own_graceful_restart_time, row.own_hold_down),
        enabled=row.enabled,
        deleting=row.deleting,
        paths=paths,
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
