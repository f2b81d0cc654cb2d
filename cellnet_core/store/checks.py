"""What must hold in a database, whatever happened to its writers. Reads only.

The database's own constraints keep most of it; this finds what they cannot say, and damage below them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from cellnet_core.store import ports
from cellnet_core.store.database import Database
from cellnet_core.store.records import AgentKey
from cellnet_core.store.schema import Base
from cellnet_core.store.session import Session

MUST_BE_EMPTY: tuple[tuple[str, str, str], ...] = (
    (
        "connections",
        "connection {0} has no path",
        "SELECT name FROM connections WHERE id NOT IN (SELECT connection_id FROM paths)",
    ),
    (
        "connections",
        "connection {0} joins an endpoint to itself",
        "SELECT name FROM connections WHERE local_endpoint_id = remote_endpoint_id",
    ),
    (
        "connections",
        "connection {0} has no status",
        "SELECT name FROM connections WHERE provisioning_status = '' OR operating_status = ''",
    ),
    (
        "connections",
        "connection {0} is wanted, and an agent was told nothing of it",
        "SELECT name FROM connections WHERE told_local = '' OR told_remote = ''",
    ),
    (
        "agents",
        "gateway {0} has connections and no agent that could be told of them",
        """SELECT DISTINCT e.gateway FROM endpoints e
        JOIN connections c ON e.id = c.local_endpoint_id OR e.id = c.remote_endpoint_id
        WHERE NOT EXISTS (SELECT 1 FROM agents a
            WHERE a.cell_id = e.cell_id AND a.gateway = e.gateway AND a.generation > 0)""",
    ),
    (
        "prefixes",
        "{0} announces {1} and is no cell or endpoint that there is",
        """SELECT owner, prefix FROM prefixes
        WHERE owner_id NOT IN (SELECT id FROM cells) AND owner_id NOT IN (SELECT id FROM endpoints)""",
    ),
    (
        "prefixes",
        "endpoint {0} announces something that is not kept against overlaps",
        "SELECT name FROM endpoints WHERE id NOT IN (SELECT owner_id FROM prefixes)",
    ),
    (
        "events",
        "{0} {1} was created without an event",
        """SELECT 'connection', name FROM connections
        WHERE id NOT IN (SELECT resource_id FROM events WHERE type = 'connection.created')""",
    ),
)
"""Table, what it means when there is a row, and how to look for rows."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not hold, and in which table."""

    where: str
    text: str


def problems(database: Database) -> tuple[Problem, ...]:
    """Everything that is found. Raises StoreUnavailableError."""
    with database.read() as session:
        return tuple(_all(session, database.engine.dialect.name))


def _all(session: Session, dialect: str) -> Iterator[Problem]:
    if dialect == "sqlite":
        for (found,) in session.execute(text("PRAGMA integrity_check")):
            if found != "ok":
                yield Problem("file", str(found))
        for row in session.execute(text("PRAGMA foreign_key_check")):
            yield Problem(str(row[0]), f"row {row[1]} points at a row of {row[2]} that is not there")
    context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
    for difference in compare_metadata(context, Base.metadata):
        yield Problem("tables", f"not as this revision has it: {difference}")
    for where, meaning, query in MUST_BE_EMPTY:
        for row in session.execute(text(query)):
            yield Problem(where, meaning.format(*row))
    yield from _ports(session)


def _ports(session: Session) -> Iterator[Problem]:
    """Each path's key is that of its ports, and no two paths have the same."""
    rows = session.execute(
        text(
            "SELECT p.name, p.ports, l.cell_id, l.gateway, p.local_interface, r.cell_id, r.gateway, "
            "p.remote_interface FROM paths p JOIN connections c ON c.id = p.connection_id "
            "JOIN endpoints l ON l.id = c.local_endpoint_id JOIN endpoints r ON r.id = c.remote_endpoint_id"
        )
    )
    seen: dict[str, str] = {}
    for name, key, cell, gateway, interface, far_cell, far_gateway, far_interface in rows:
        ends = ((AgentKey(cell, gateway), interface), (AgentKey(far_cell, far_gateway), far_interface))
        if key != ports.key(*ends):
            yield Problem("paths", f"path {name} is kept under other ports than its own")
        if key in seen:
            yield Problem("paths", f"paths {seen[key]} and {name} join the same ports")
        seen[key] = name
