"""Agents in the store: generations of their intent, and the inventory they last reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import cast as cast_to

from cellnet_core.model.wire import Position, Term
from cellnet_core.store import listing, texts
from cellnet_core.store.records import AgentKey, AgentRecord, StandingRecord
from cellnet_core.store.schema import AgentRow, CellRow
from cellnet_core.store.session import Session

AGENTS = cast(Table, AgentRow.__table__)
_CELLS = cast(Table, CellRow.__table__)
COLUMNS: listing.Columns = {
    "cell": _CELLS.c.name,
    "cell_id": AGENTS.c.cell_id,
    "gateway": AGENTS.c.gateway,
}
AT_ONCE = 500
"""Cells in one question."""
INVENTORIES = 512
"""Inventories that are remembered as values, those that were read last: an agent's is mostly the same."""
_HELD = "cellnet agents"
_HEARD = "cellnet standings"
NOWHERE = (None, "null")
"""An `astray` that says nothing: no document, or the document of nothing."""
BY_NAME = 4
"""Up to so many agents are asked for by name, more by their cells."""


def find(session: Session, key: AgentKey) -> AgentRecord | None:
    """What is remembered of the agent. A session asks once for each."""
    held = _held(session)
    if key not in held:
        row = session.execute(_one(), {"cell_id": key.cell_id, "gateway": key.gateway}).first()
        if row is None:
            return None
        held[key] = _record(row)
    return held[key]


def read_with(session: Session, values: Sequence[Any]) -> None:
    """Somebody has read `of` together with something else: `find` need not ask for that agent.

    All None where the agent is not known.
    """
    if values[0] is not None:
        held, found = _held(session), _record(values)
        held.setdefault(found.key, found)


def _held(session: Session) -> dict[AgentKey, AgentRecord]:
    """What this session has read and written of agents."""
    held: dict[AgentKey, AgentRecord] = session.info.setdefault(_HELD, {})
    return held


def of(table: FromClause, cells: FromClause) -> tuple[ColumnElement[Any], ...]:
    """Everything that a record is made of, of tables by whatever names they stand in a statement."""
    return (*texts.columns(table), cells.c.name.label("cell_name"), cells.c.drift_policy)


@cache
def _columns() -> Select[Any]:
    return select(*of(AGENTS, _CELLS)).join(_CELLS, AGENTS.c.cell_id == _CELLS.c.id)


@cache
def _one() -> Select[Any]:
    return _columns().where(
        AGENTS.c.cell_id == bindparam("cell_id"), AGENTS.c.gateway == bindparam("gateway")
    )


def standings(session: Session, keys: Iterable[AgentKey]) -> dict[AgentKey, StandingRecord]:
    """How these agents stand to their intents; those nothing is known of are left out."""
    held, told = _held(session), _heard(session)
    wanted = set(keys)
    found = {key: stands for key in wanted & told.keys() if (stands := told[key]) is not None}
    found |= {key: _standing(held[key]) for key in wanted & held.keys()}
    wanted -= held.keys() | told.keys()
    for statement, values in _places(wanted):
        for cell_id, gateway, *columns in session.execute(statement, values).all():
            key = AgentKey(cell_id, gateway)
            if key in wanted and (known := standing(columns)) is not None:
                found[key] = known
    return found


def standing(values: Sequence[Any]) -> StandingRecord | None:
    """Columns of `standing_of` as a value; None where there is no such agent."""
    generation, astray, seen = values
    return None if generation is None else StandingRecord(generation, astray not in NOWHERE, bool(seen))


def heard(session: Session, stands: Mapping[AgentKey, StandingRecord | None]) -> None:
    """Somebody has just read how these agents stand: `standings` need not ask for them."""
    _heard(session).update(stands)


def _heard(session: Session) -> dict[AgentKey, StandingRecord | None]:
    """What this session has read of them. What it holds of an agent itself (`_held`) is newer."""
    known: dict[AgentKey, StandingRecord | None] = session.info.setdefault(_HEARD, {})
    return known


def _standing(agent: AgentRecord) -> StandingRecord:
    return StandingRecord(agent.generation, agent.astray is not None, agent.first_seen_at is not None)


def _places(keys: set[AgentKey]) -> Iterator[tuple[Select[Any], dict[str, Any]]]:
    """Questions that find these agents by the primary key (SQLite looks up no pairs of values)."""
    if not keys:
        return
    if len(keys) <= BY_NAME:
        pairs = enumerate(sorted(keys))
        values = {f"{name}{n}": getattr(key, name) for n, key in pairs for name in ("cell_id", "gateway")}
        yield _standings_of(len(keys)), values
        return
    cells = sorted({key.cell_id for key in keys})
    for start in range(0, len(cells), AT_ONCE):
        yield _standings_in(), {"cells": cells[start : start + AT_ONCE]}


@cache
def _standings() -> Select[Any]:
    return select(AGENTS.c.cell_id, AGENTS.c.gateway, *standing_of(AGENTS))


STANDING = 3
"""Columns of `standing_of`."""


def standing_of(table: FromClause) -> tuple[ColumnElement[Any], ...]:
    """What `standing` takes, of the table by whatever name it stands in a statement."""
    of = table.c
    return (
        of.generation,
        cast_to(of.astray, Text).label("astray"),
        of.first_seen_at.is_not(None).label("ever_seen"),
    )


@cache
def _standings_of(count: int) -> Select[Any]:
    """Of so many agents, each named."""
    of = AGENTS.c
    pairs = [
        and_(of.cell_id == bindparam(f"cell_id{n}"), of.gateway == bindparam(f"gateway{n}"))
        for n in range(count)
    ]
    return _standings().where(or_(*pairs))


@cache
def _standings_in() -> Select[Any]:
    """Of all agents of some cells."""
    return _standings().where(AGENTS.c.cell_id.in_(bindparam("cells", expanding=True)))


def everyone(session: Session, cell_id: str | None = None) -> tuple[AgentRecord, ...]:
    """All agents, or those of a cell, by cell and gateway."""
    if cell_id is not None:
        return of_cells(session, (cell_id,)).get(cell_id, ())
    statement = _columns().order_by(_CELLS.c.name, AGENTS.c.gateway)
    return tuple(_record(row) for row in session.execute(statement))


def of_cells(session: Session, ids: Iterable[str]) -> dict[str, tuple[AgentRecord, ...]]:
    """The agents of these cells, by id of the cell, each by gateway; cells without any are left out."""
    wanted = sorted(set(ids))
    found: dict[str, list[AgentRecord]] = {}
    for start in range(0, len(wanted), AT_ONCE):
        for row in session.execute(_of_cells(), {"cells": wanted[start : start + AT_ONCE]}):
            found.setdefault(row.cell_id, []).append(_record(row))
    return {cell_id: tuple(agents) for cell_id, agents in found.items()}


@cache
def _of_cells() -> Select[Any]:
    mine = AGENTS.c.cell_id.in_(bindparam("cells", expanding=True))
    return _columns().where(mine).order_by(AGENTS.c.gateway)


def page(session: Session, query: listing.PageQuery) -> listing.Page[AgentRecord]:
    """A page of agents, by cell and gateway; the marker is "cell/gateway". Raises BadQueryError."""
    statement = _columns().where(*listing.conditions(COLUMNS, query.filters))
    place = (_CELLS.c.name, AGENTS.c.gateway)
    if query.marker is not None:
        cell, _, gateway = query.marker.partition("/")
        known = (
            select(AgentRow.gateway).join(CellRow).where(CellRow.name == cell, AgentRow.gateway == gateway)
        )
        if session.execute(known).first() is None:
            raise listing.unknown_marker(query.marker)
        statement = statement.where(
            or_(_CELLS.c.name > cell, and_(_CELLS.c.name == cell, AGENTS.c.gateway > gateway))
        )
    rows = session.execute(statement.order_by(*place).limit(query.limit + 1)).all()
    return listing.Page(tuple(_record(row) for row in rows[: query.limit]), len(rows) > query.limit)


def save(session: Session, *several: AgentRecord) -> None:
    """Add the agents, or write down what of each is not as it was."""
    rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for agent in several:
        before = find(session, agent.key)
        key = {"cell_id": agent.key.cell_id, "gateway": agent.key.gateway}
        if before is None:
            session.execute(insert(AGENTS), {**key, **{name: _value(agent, name) for name in _KEPT}})
        else:
            changed = tuple(name for name in _KEPT if getattr(agent, name) != getattr(before, name))
            of = {f"of_{name}": value for name, value in key.items()}
            rows.setdefault(changed, []).append({**of, **{name: _value(agent, name) for name in changed}})
        _held(session)[agent.key] = agent
    for names, values in rows.items():
        if names:
            session.execute(_set(names), values)


def remove_of_cell(session: Session, cell_id: str) -> None:
    """Forget the agents of a cell."""
    session.execute(delete(AGENTS).where(AGENTS.c.cell_id == cell_id))
    for known in (_held(session), _heard(session)):
        for key in [key for key in known if key.cell_id == cell_id]:
            del known[key]


_KEPT = tuple(name for name in AGENTS.columns.keys() if name not in ("cell_id", "gateway"))  # noqa: SIM118 (columns are no mapping)


@cache
def _set(names: tuple[str, ...]) -> Update:
    """These columns of one agent."""
    return (
        update(AGENTS)
        .where(AGENTS.c.cell_id == bindparam("of_cell_id"), AGENTS.c.gateway == bindparam("of_gateway"))
        .values({name: bindparam(name, type_=AGENTS.c[name].type) for name in names})
    )


def _value(agent: AgentRecord, name: str) -> Any:
    """As its column takes it."""
    value = getattr(agent, name)
    if isinstance(value, Position):
        return value.model_dump()
    return [term.model_dump() for term in value] if name == "lineage" else value


FIELDS = (*AGENTS.columns.keys(), "cell_name", "drift_policy")


def _record(values: Sequence[Any]) -> AgentRecord:
    row = dict(zip(FIELDS, values, strict=True))
    return AgentRecord(
        key=AgentKey(row["cell_id"], row["gateway"]),
        cell_name=row["cell_name"],
        generation=row["generation"],
        lineage=_lineage(row["lineage"]),
        astray=_position(row["astray"]),
        supersedes=_position(row["supersedes"]),
        confirmed_empty=row["confirmed_empty"],
        inventory=_inventory(row["inventory"]),
        first_seen_at=None if row["first_seen_at"] is None else texts.moment(row["first_seen_at"]),
        drift_policy=row["drift_policy"],
    )


@lru_cache(maxsize=INVENTORIES)
def _inventory(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else texts.document(text)
    return found


@lru_cache(maxsize=INVENTORIES)
def _lineage(text: str) -> tuple[Term, ...]:
    return tuple(Term.model_validate(term) for term in texts.document(text))


@lru_cache(maxsize=INVENTORIES)
def _position(text: str | None) -> Position | None:
    document = None if text is None else texts.document(text)
    return None if document is None else Position.model_validate(document)
