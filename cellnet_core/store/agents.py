"""Agents in the store: generations of their intent, and the inventory they last reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, cast

from sqlalchemy import Select, Table, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from cellnet_core.model.wire import Position, Term
from cellnet_core.store import listing
from cellnet_core.store.records import AgentKey, AgentRecord, StandingRecord
from cellnet_core.store.schema import AgentRow, CellRow

COLUMNS: listing.Columns = {
    "cell": CellRow.name,
    "cell_id": AgentRow.cell_id,
    "gateway": AgentRow.gateway,
}
AT_ONCE = 500
"""Cells in one question."""
_HELD = "cellnet agents"
ONE_BY_ONE = 4
"""Up to so many agents are asked for singly."""


def find(session: Session, key: AgentKey) -> AgentRecord | None:
    """What is remembered of the agent."""
    row = session.get(AgentRow, (key.cell_id, key.gateway))
    if row is None:
        return None
    # A session forgets rows that nobody holds, and would ask again for the same agent.
    session.info.setdefault(_HELD, set()).add(row)
    return _record(row)


def standings(session: Session, keys: Iterable[AgentKey]) -> dict[AgentKey, StandingRecord]:
    """How these agents stand to their intents; those nothing is known of are left out."""
    wanted = set(keys)
    found: dict[AgentKey, StandingRecord] = {}
    for statement, values in _places(wanted):
        for cell_id, gateway, generation, astray, first_seen_at in session.execute(statement, values):
            key = AgentKey(cell_id, gateway)
            if key in wanted:
                found[key] = StandingRecord(generation, astray is not None, first_seen_at is not None)
    return found


def _places(keys: set[AgentKey]) -> Iterator[tuple[Select[Any], dict[str, Any]]]:
    """Questions that find these agents by the primary key (SQLite looks up no pairs of values)."""
    one, several = _standings()
    if len(keys) <= ONE_BY_ONE:
        for key in sorted(keys):
            yield one, {"cell_id": key.cell_id, "gateway": key.gateway}
        return
    cells = sorted({key.cell_id for key in keys})
    for start in range(0, len(cells), AT_ONCE):
        yield several, {"cells": cells[start : start + AT_ONCE]}


@cache
def _standings() -> tuple[Select[Any], Select[Any]]:
    """Of one agent, and of all agents of some cells."""
    of = cast(Table, AgentRow.__table__).c
    columns = select(of.cell_id, of.gateway, of.generation, of.astray, of.first_seen_at)
    return (
        columns.where(of.cell_id == bindparam("cell_id"), of.gateway == bindparam("gateway")),
        columns.where(of.cell_id.in_(bindparam("cells", expanding=True))),
    )


def everyone(session: Session, cell_id: str | None = None) -> tuple[AgentRecord, ...]:
    """All agents, or those of a cell, by cell and gateway."""
    statement = select(AgentRow).join(CellRow).order_by(CellRow.name, AgentRow.gateway)
    if cell_id is not None:
        statement = statement.where(AgentRow.cell_id == cell_id)
    return tuple(_record(row) for row in session.scalars(statement))


def page(session: Session, query: listing.PageQuery) -> listing.Page[AgentRecord]:
    """A page of agents, by cell and gateway; the marker is "cell/gateway". Raises BadQueryError."""
    statement = select(AgentRow).join(CellRow).where(*listing.conditions(COLUMNS, query.filters))
    place = (CellRow.name, AgentRow.gateway)
    if query.marker is not None:
        cell, _, gateway = query.marker.partition("/")
        known = (
            select(AgentRow.gateway).join(CellRow).where(CellRow.name == cell, AgentRow.gateway == gateway)
        )
        if session.execute(known).first() is None:
            raise listing.unknown_marker(query.marker)
        statement = statement.where(
            or_(CellRow.name > cell, and_(CellRow.name == cell, AgentRow.gateway > gateway))
        )
    rows = session.scalars(statement.order_by(*place).limit(query.limit + 1)).all()
    return listing.Page(tuple(_record(row) for row in rows[: query.limit]), len(rows) > query.limit)


def save(session: Session, agent: AgentRecord) -> None:
    """Add the agent, or replace what is remembered of it."""
    session.merge(
        AgentRow(
            cell_id=agent.key.cell_id,
            gateway=agent.key.gateway,
            generation=agent.generation,
            lineage=[term.model_dump() for term in agent.lineage],
            astray=_document(agent.astray),
            supersedes=_document(agent.supersedes),
            confirmed_empty=agent.confirmed_empty,
            inventory=agent.inventory,
            first_seen_at=agent.first_seen_at,
        )
    )
    session.flush()


def _record(row: AgentRow) -> AgentRecord:
    inventory: dict[str, Any] | None = row.inventory
    return AgentRecord(
        key=AgentKey(row.cell_id, row.gateway),
        cell_name=row.cell.name,
        generation=row.generation,
        lineage=tuple(Term.model_validate(term) for term in row.lineage),
        astray=_position(row.astray),
        supersedes=_position(row.supersedes),
        confirmed_empty=row.confirmed_empty,
        inventory=inventory,
        first_seen_at=row.first_seen_at,
        drift_policy=row.cell.drift_policy,
    )


def _document(position: Position | None) -> dict[str, Any] | None:
    return None if position is None else position.model_dump()


def _position(document: dict[str, Any] | None) -> Position | None:
    return None if document is None else Position.model_validate(document)
