"""Connections as records, many at once: a row holds the connection, its two ends, and how their agents stand.

Rows of the mapper are for writing: to make one costs several times what its columns cost. Statements are over
tables and made once: building one anew, or having the mapper look at it, costs more than the database does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, and_, bindparam, select

from cellnet_core.store import agents, endpoints, profiles, texts
from cellnet_core.store.records import (
    AgentKey,
    ConditionRecord,
    ConnectionRecord,
    EndpointRecord,
    Family,
    OrderRecord,
    PathRecord,
    ProfileRecord,
    StandingRecord,
    StatusRecord,
    TimersRecord,
)
from cellnet_core.store.schema import ConnectionRow, PathRow
from cellnet_core.store.session import Session

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


def _chunks(session: Session, statement: Select[Any], ids: Iterable[str]) -> list[Row[Any]]:
    wanted = sorted(set(ids))
    rows: list[Row[Any]] = []
    for start in range(0, len(wanted), AT_ONCE):
        rows += session.execute(statement, {"ids": wanted[start : start + AT_ONCE]}).all()
    return rows


@cache
def connections() -> Select[Any]:
    """All that `complete` needs but profiles and paths.

    Ends are joined as if they could be missing: so the order of the joins stays, and connections come first.
    """
    chosen = [*texts.columns(CONNECTIONS)]
    joined: FromClause = CONNECTIONS
    for side in ("local", "remote"):
        end, cell, agent = (
            table.alias(f"{side}_{table.name}")
            for table in (endpoints.ENDPOINTS, endpoints.CELLS, agents.AGENTS)
        )
        joined = joined.outerjoin(end, end.c.id == CONNECTIONS.c[f"{side}_endpoint_id"])
        joined = joined.outerjoin(cell, cell.c.id == end.c.cell_id)
        mine = and_(agent.c.cell_id == end.c.cell_id, agent.c.gateway == end.c.gateway)
        joined = joined.outerjoin(agent, mine)
        columns = (*endpoints.of(end, cell), *agents.standing_of(agent))
        chosen += [column.label(f"{side}_{column.name}") for column in columns]
    return select(*chosen).select_from(joined)


@cache
def _connections_with() -> Select[Any]:
    return connections().where(CONNECTIONS.c.id.in_(bindparam("ids", expanding=True)))


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
    """Rows of `connections` as values, in their order, with their profiles and paths."""
    if not rows:
        return ()
    # By position: to ask a row for a column by its name costs more than all that is done with it.
    named = {
        row.id: profiles.record(row)
        for row in _chunks(session, profiles.with_ids(), {row[_PROFILE_ID] for row in rows})
    }
    unchanged = _unchanged(rows)
    paths = _paths_by_connection(session, {row[_ID] for row in rows} - unchanged.keys())
    standings: dict[AgentKey, StandingRecord | None] = {}
    found = []
    for row in rows:
        values = tuple(row)
        ends = []
        for start in _ENDS:
            end = endpoints.record(values[start : start + _END])
            standings[end.agent] = agents.standing(values[start + _END : start + _END + agents.STANDING])
            ends.append(end)
        before, parts = unchanged.get(row[_ID]), (ends[0], ends[1], named[row[_PROFILE_ID]])
        if before is None:
            found.append(_remember(values[: len(_FIELDS)], *parts, paths[row[_ID]]))
        # What is remembered itself is the same object; to look into it would cost as much as to make it.
        elif all(part is one for part, one in zip(parts, before.parts, strict=True)):
            found.append(before.record)
        else:
            found.append(_remember(before.own, *parts, before.record.paths))
    agents.heard(session, standings)
    return tuple(found)


def _unchanged(rows: Sequence[Row[Any]]) -> dict[str, _Made]:
    """Those whose own row is as it was when they were read last, and with it their paths.

    Paths change with their connection's row only: it has digests of what agents are told, which names them.
    """
    found = {}
    for row in rows:
        before = _made.get(row[_ID])
        if before is not None and before.own == row[: len(_FIELDS)]:
            found[before.record.id] = before
    return found


def _paths_by_connection(session: Session, ids: Iterable[str]) -> dict[str, tuple[PathRecord, ...]]:
    paths: dict[str, list[PathRecord]] = {identifier: [] for identifier in ids}
    for path in _chunks(session, _paths_of(), paths):
        paths[path[0]].append(_path(*path[1:]))
    return {identifier: tuple(of) for identifier, of in paths.items()}


_FIELDS = tuple(CONNECTIONS.columns.keys())
_ID, _PROFILE_ID = _FIELDS.index("id"), _FIELDS.index("profile_id")
_END = len(endpoints.FIELDS)
_ENDS = tuple(len(_FIELDS) + n * (_END + agents.STANDING) for n in (0, 1))
"""Where the columns of the local and of the remote end begin."""


class _Made(NamedTuple):
    """A record, and what it was made of besides its paths."""

    own: tuple[Any, ...]
    parts: tuple[EndpointRecord, EndpointRecord, ProfileRecord]
    record: ConnectionRecord


_made: OrderedDict[str, _Made] = OrderedDict()
"""By id of the connection; those that were read last, as `texts` has it."""


def _remember(
    own: tuple[Any, ...],
    local: EndpointRecord,
    remote: EndpointRecord,
    profile: ProfileRecord,
    paths: tuple[PathRecord, ...],
) -> ConnectionRecord:
    """A new record, to be found again."""
    record = _record(dict(zip(_FIELDS, own, strict=True)), local, remote, profile, paths)
    _made[record.id] = _Made(own, (local, remote, profile), record)
    if len(_made) > texts.REMEMBERED:
        _made.popitem(last=False)
    return record


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
    local: EndpointRecord,
    remote: EndpointRecord,
    profile: ProfileRecord,
    paths: tuple[PathRecord, ...],
) -> ConnectionRecord:
    return ConnectionRecord(
        id=row["id"],
        name=row["name"],
        local=local,
        remote=remote,
        families=cast(tuple[Family, ...], _words(row["families"])),
        profile=profile,
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
