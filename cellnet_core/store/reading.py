"""Connections, endpoints and profiles as records, many at once: columns only, and each object asked for once.

Rows of the mapper are for writing: to make one costs several times what its columns cost. Statements are over
tables and made once: building one anew, or having the mapper look at it, costs more than the database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, select
from sqlalchemy.orm import Session

from cellnet_core.store import endpoints, profiles, texts
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
from cellnet_core.store.schema import ConnectionRow, PathRow

CONNECTIONS = cast(Table, ConnectionRow.__table__)
_PATHS = cast(Table, PathRow.__table__)
AT_ONCE = 500
"""Ids in one question."""


def read_connections(session: Session, *where: ColumnElement[bool]) -> tuple[ConnectionRecord, ...]:
    """All connections of which this is so, by name."""
    return complete(session, session.execute(connections_where(*where)).all())


def connections_by(
    session: Session, statement: Select[Any], values: Mapping[str, Any]
) -> tuple[ConnectionRecord, ...]:
    """The connections that a statement of `connections_where` finds for these values, by name."""
    return complete(session, session.execute(statement, values).all())


def connections_where(*where: ColumnElement[bool]) -> Select[Any]:
    """A statement to keep: its values are bound when it is asked."""
    return connections().where(*where).order_by(CONNECTIONS.c.name)


def connections_by_id(session: Session, ids: Iterable[str]) -> dict[str, ConnectionRecord]:
    """The connections with these ids that there are."""
    rows = _chunks(session, _connections_with(), ids)
    return {found.id: found for found in complete(session, rows)}


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
def connections() -> Select[Any]:
    """All that `complete` needs of connections themselves."""
    return select(*texts.columns(CONNECTIONS))


@cache
def _connections_with() -> Select[Any]:
    return connections().where(CONNECTIONS.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _endpoints_with() -> Select[Any]:
    return endpoints.columns().where(endpoints.ENDPOINTS.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _paths_of() -> Select[Any]:
    """Whose it is, and what `_path` takes."""
    of = {column.name: column for column in texts.columns(_PATHS)}
    ports = (of["local_interface"], of["remote_interface"])
    return (
        select(of["connection_id"], of["name"], *ports, of["local_addresses"], of["remote_addresses"])
        .where(_PATHS.c.connection_id.in_(bindparam("ids", expanding=True)))
        .order_by(_PATHS.c.connection_id, _PATHS.c.position)
    )


def complete(session: Session, rows: Sequence[Row[Any]]) -> tuple[ConnectionRecord, ...]:
    """Rows of `connections` as values, in their order, with their ends, profiles and paths."""
    if not rows:
        return ()
    # By position: to ask a row for a column by its name costs more than all that is done with it.
    found = [dict(zip(_FIELDS, row, strict=True)) for row in rows]
    ends = endpoints_by_id(session, (each[end] for each in found for end in _END_IDS))
    named = {
        row.id: profiles.record(row)
        for row in _chunks(session, profiles.with_ids(), (each["profile_id"] for each in found))
    }
    paths: dict[str, list[PathRecord]] = {each["id"]: [] for each in found}
    for path in _chunks(session, _paths_of(), paths):
        paths[path[0]].append(_path(*path[1:]))
    return tuple(_record(each, ends, named, tuple(paths[each["id"]])) for each in found)


_FIELDS = tuple(CONNECTIONS.columns.keys())
_END_IDS = ("local_endpoint_id", "remote_endpoint_id")


@lru_cache(maxsize=texts.REMEMBERED)
def _path(
    name: str, local_interface: str, remote_interface: str, local_addresses: str, remote_addresses: str
) -> PathRecord:
    return PathRecord(
        name=name,
        local_interface=local_interface,
        remote_interface=remote_interface,
        local_addresses=texts.words(local_addresses),
        remote_addresses=texts.words(remote_addresses),
    )


@lru_cache(maxsize=texts.REMEMBERED)
def _conditions(text: str) -> tuple[ConditionRecord, ...]:
    return tuple(
        ConditionRecord(
            type=condition["type"],
            status=condition["status"],
            reason=condition["reason"],
            message=condition["message"],
            since=datetime.fromisoformat(condition["since"]),
        )
        for condition in texts.document(text)
    )


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    """Families and tags: there are few that differ."""
    return texts.words(text)


@lru_cache(maxsize=256)
def _orders(text: str) -> tuple[OrderRecord, ...]:
    return tuple(
        OrderRecord(o["id"], o["action"], tuple(o["paths"]), tuple(o["sides"])) for o in texts.document(text)
    )


def _record(
    row: Mapping[str, Any],
    ends: Mapping[str, EndpointRecord],
    named: Mapping[str, ProfileRecord],
    paths: tuple[PathRecord, ...],
) -> ConnectionRecord:
    return ConnectionRecord(
        id=row["id"],
        name=row["name"],
        local=ends[row["local_endpoint_id"]],
        remote=ends[row["remote_endpoint_id"]],
        families=cast(tuple[Family, ...], _words(row["families"])),
        profile=named[row["profile_id"]],
        own=TimersRecord(row["own_hold_time"], row["own_graceful_restart_time"], row["own_hold_down"]),
        enabled=row["enabled"],
        deleting=row["deleting"],
        paths=paths,
        description=row["description"],
        managed_by=row["managed_by"],
        revision_number=row["revision_number"],
        status=StatusRecord(
            provisioning_status=row["provisioning_status"],
            operating_status=row["operating_status"],
            observed_revision=row["observed_revision"],
            state=row["state"],
            conditions=_conditions(row["conditions"]),
        ),
        created_at=texts.moment(row["created_at"]),
        updated_at=texts.moment(row["updated_at"]),
        told=(row["told_local"], row["told_remote"]),
        tags=_words(row["tags"]),
        orders=_orders(row["orders"]),
    )
