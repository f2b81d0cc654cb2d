"""Brings a database to the tables of this program: makes them, recognises older ones, refuses newer ones.

Everything happens in one transaction: a process that dies within leaves the database as it was. Alembic is
loaded only when there is something to do.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from cellnet_core.store import backup, engines
from cellnet_core.store.errors import SchemaVersionError
from cellnet_core.store.schema import REVISION, Base

if TYPE_CHECKING:
    from alembic.config import Config

# It tells of its own plug-ins at the level of information.
logging.getLogger("alembic").setLevel(logging.WARNING)

FORMER = "0001"
"""The revision of what programs before Alembic made, their schema version 2."""
FORMER_UPGRADES = {
    "1": (
        "ALTER TABLE endpoints ADD COLUMN managed_by VARCHAR(63) NOT NULL DEFAULT ''",
        "ALTER TABLE connections ADD COLUMN managed_by VARCHAR(63) NOT NULL DEFAULT ''",
        "ALTER TABLE connections ADD COLUMN state VARCHAR(20) NOT NULL DEFAULT 'draft'",
        "UPDATE meta SET value = '2' WHERE key = 'schema_version'",
    ),
    "2": (),
}
"""From a schema version before Alembic to its last one."""
LOCK = 0x63656C6C
"""Which advisory lock keeps two programs from upgrading one PostgreSQL database at once ("cell")."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was found and done. `before` None: there was nothing; `copy`: what was there, in a file."""

    owner: str
    before: str | None
    copy: Path | None = None

    @property
    def upgraded(self) -> bool:
        """Whether there was an older database."""
        return self.before not in (None, REVISION)


def prepare(engine: Engine, *, upgrade: bool = True) -> Prepared:
    """Make what is missing, upgrade what is older. Returns what was done.

    Without `upgrade` only a database of this very revision is good. Raises SchemaVersionError and
    StoreUnavailableError.
    """
    with engines.translated(), engines.transaction(engines.writer(engine)) as connection:
        prepared = _prepare(engine, connection, upgrade=upgrade)
        connection.commit()
        return prepared


def _prepare(engine: Engine, connection: Connection, *, upgrade: bool) -> Prepared:
    if engine.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    before = recognise(connection)
    if before == REVISION:
        return Prepared(_owner(connection), before)
    if not upgrade:
        raise SchemaVersionError(
            f"the database {engines.shown(engine)} is "
            + ("empty" if before is None else f"of revision {before}")
            + f", this program needs {REVISION}: run `cellnet-manage db upgrade`"
        )
    if before is None:
        _create(connection)
        return Prepared(_owner(connection), None)
    copy = _copy(engine)
    _migrate(connection, before)
    return Prepared(_owner(connection), before, copy)


def recognise(connection: Connection) -> str | None:
    """The revision of the database; None when there is nothing of ours in it.

    Raises SchemaVersionError for one that is newer than this program, or not ours.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables and "meta" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        if found != REVISION and found not in _known():
            raise SchemaVersionError(
                f"the database is of revision {found}, this program knows up to {REVISION}: start the "
                "version of cellnet that wrote it, or put back the copy that was made before its upgrade "
                "(SQLite: a file beside it, named *.before-REVISION)"
            )
        return str(found)
    if "meta" in tables:
        version = connection.execute(
            text("SELECT value FROM meta WHERE key = 'schema_version'")
        ).scalar_one_or_none()
        if version in FORMER_UPGRADES:
            return f"schema version {version}"
        raise SchemaVersionError(
            f"the database has schema version {version}, this program knows 1 to 2 and the revisions up to "
            f"{REVISION}: start the version of cellnet that wrote it, or name another database"
        )
    strange = tables & {table.name for table in Base.metadata.sorted_tables}
    if strange or "alembic_version" in tables:
        raise SchemaVersionError(
            "the database has tables of another program "
            f"({', '.join(sorted(strange) or ['alembic_version'])}): name a database of cellnet's own"
        )
    return None


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's, for the revisions in this package; to apply them, over that connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("cellnet_core.store").joinpath("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _known() -> frozenset[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(configuration())
    return frozenset(script.revision for script in scripts.walk_revisions())


def _create(connection: Connection) -> None:
    """A new database is made as it is to be (a test compares that with what the revisions make)."""
    from alembic import command

    Base.metadata.create_all(connection)
    command.stamp(configuration(connection), REVISION)
    connection.execute(
        text("INSERT INTO meta (key, value) VALUES ('schema_version', 'alembic'), ('owner', :owner)"),
        {"owner": str(uuid.uuid4())},
    )


def _copy(engine: Engine) -> Path | None:
    """Of a file, before anything is changed in it. Other writers wait meanwhile."""
    file = engines.sqlite_file(engine)
    if file is None:
        return None
    target = backup.free_name(file, f"before-{REVISION}")
    backup.copy(file, target)
    return target


def _migrate(connection: Connection, before: str) -> None:
    from alembic import command

    config = configuration(connection)
    if before.startswith("schema version "):
        for statement in FORMER_UPGRADES[before.removeprefix("schema version ")]:
            connection.execute(text(statement))
        command.stamp(config, FORMER)
    command.upgrade(config, REVISION)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise SchemaVersionError(
                f"the upgrade from {before} to {REVISION} would leave a row of {broken[0]} that points "
                "nowhere; nothing was changed: mend the row with the sqlite3 shell, or put back a copy"
            )


def _owner(connection: Connection) -> str:
    return str(connection.execute(text("SELECT value FROM meta WHERE key = 'owner'")).scalar_one())
