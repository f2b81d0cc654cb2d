"""Databases of every age become what the models describe, with all their rows, or are refused whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from cellnet_core.store import agents, backup, cells, connections, endpoints, engines, ports, upgrade
from cellnet_core.store.database import Database, open_database
from cellnet_core.store.errors import SchemaVersionError, StoreUnavailableError
from cellnet_core.store.schema import REVISION, Base

FORMER = Path(__file__).with_name("former") / "schema-version-2.sql"
"""What the last program before Alembic wrote: two cells, their endpoints, a connection that is ONLINE."""


def made_by_revisions(where: str) -> Engine:
    """A database by all revisions, one after the other, from nothing."""
    engine = engines.open_engine(where)
    with engines.writer(engine).begin() as connection:
        command.upgrade(upgrade.configuration(connection), "head")
    return engine


def former(path: Path, version: str = "2") -> Path:
    """A file as a former program left it."""
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(FORMER.read_text())
        raw.execute("PRAGMA journal_mode=WAL")
        if version == "1":
            for table, column in (
                ("endpoints", "managed_by"),
                ("connections", "managed_by"),
                ("connections", "state"),
            ):
                raw.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        raw.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (version,))
        raw.commit()
    return path


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def test_the_revisions_make_what_the_models_describe(where: str) -> None:
    engine = made_by_revisions(where)
    assert differences(engine) == []
    engine.dispose()


def test_the_comparison_sees_a_planted_difference(where: str) -> None:
    engine = made_by_revisions(where)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX endpoints_by_agent"))
        connection.execute(text("ALTER TABLE cells ADD COLUMN colour VARCHAR(10)"))
    found = str(differences(engine))
    assert "add_index" in found
    assert "remove_column" in found
    engine.dispose()


def test_a_new_database_is_made_as_the_revisions_would(opened: Callable[[], Database]) -> None:
    database = opened()
    assert differences(database.engine) == []
    assert database.prepared.before is None
    assert not database.prepared.upgraded


def test_the_revision_of_the_models_is_the_last_one(opened: Callable[[], Database]) -> None:
    with opened().engine.connect() as connection:
        scripts = ScriptDirectory.from_config(upgrade.configuration(connection))
        assert scripts.get_heads() == [REVISION]


def test_the_owner_stays_and_the_term_does_not(opened: Callable[[], Database]) -> None:
    first, second = opened(), opened()
    assert first.owner == second.owner
    assert first.term != second.term


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_former_file_keeps_its_rows_and_leaves_a_copy(tmp_path: Path, version: str) -> None:
    path = former(tmp_path / "manager.db", version)
    database = open_database(str(path))
    assert differences(database.engine) == []
    assert database.prepared.upgraded
    copy = database.prepared.copy
    assert copy == tmp_path / "manager.db.before-0002"
    with database.read() as session:
        assert [cell.name for cell in cells.everyone(session)] == ["east", "main"]
        found = connections.find(session, "main-east")
        assert found is not None
        assert len(found.paths) == 2
        assert found.told == ("", "")
        (first, _) = found.paths
        ends = (found.local.agent, first.local_interface), (found.remote.agent, first.remote_interface)
        for pair in (ends, ends[::-1]):
            (used,) = connections.paths_in_use(session, "no such name", [ports.key(*pair)])
            assert (used.name, used.connection_id) == (first.name, found.id)
        assert endpoints.find(session, "main-ep") == found.local
        assert {agent.generation for agent in agents.everyone(session)} == {1}
        assert all(agent.inventory for agent in agents.everyone(session))
    owner = database.owner
    database.close()
    again = open_database(str(path))
    assert (again.owner, again.prepared.upgraded) == (owner, False)
    again.close()
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == (version,)
        assert raw.execute("SELECT count(*) FROM connections").fetchone() == (1,)
    assert copy.stat().st_mode & 0o077 == 0


def test_rows_survive_the_upgrade_on_a_server_too(where: str) -> None:
    """No former program wrote to PostgreSQL; databases of the first revision are upgraded all the same."""
    engine = engines.open_engine(where)
    with engines.writer(engine).begin() as connection:
        command.upgrade(upgrade.configuration(connection), upgrade.FORMER)
        connection.execute(text("INSERT INTO meta VALUES ('owner', 'o-1'), ('schema_version', '2')"))
        connection.execute(
            text(
                "INSERT INTO cells (id, name, kind, asn, prefixes, description, revision_number, created_at, "
                "updated_at) VALUES ('c-1', 'main', 'main', 65001, '[]', '', 1, :at, :at)"
            ),
            {"at": "2026-01-01 00:00:00"},
        )
        connection.execute(
            text(
                "INSERT INTO agents (cell_id, gateway, generation, digest, confirmed_empty) "
                "VALUES (:c, :g, 7, '', :f)"
            ),
            {"c": "c-1", "g": "main-gw1", "f": False},
        )
    engine.dispose()
    database = open_database(where)
    assert (database.owner, database.prepared.before) == ("o-1", "0001")
    with database.read() as session:
        (agent,) = agents.everyone(session)
        assert (agent.generation, agent.lineage, agent.astray) == (7, (), None)
    database.close()


def test_a_newer_database_is_refused_and_left_as_it_is(opened: Callable[[], Database], where: str) -> None:
    database = opened()
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    for _ in range(2):
        with pytest.raises(SchemaVersionError, match=r"revision 0999.*put back the copy"):
            open_database(where)


def test_former_programs_refuse_what_this_one_wrote(opened: Callable[[], Database]) -> None:
    """They compare the row schema_version with "2"."""
    with opened().read() as session:
        found = session.execute(text("SELECT value FROM meta WHERE key = 'schema_version'")).scalar_one()
    assert found == "alembic"


def test_an_unknown_schema_version_is_refused(tmp_path: Path) -> None:
    path = former(tmp_path / "manager.db", "999")
    with pytest.raises(SchemaVersionError, match="schema version 999"):
        open_database(str(path))
    assert [file.name for file in tmp_path.iterdir() if "before" in file.name] == []


def test_tables_of_another_program_are_not_touched(where: str) -> None:
    engine = engines.open_engine(where)
    with engines.writer(engine).begin() as connection:
        connection.execute(text("CREATE TABLE events (id INTEGER PRIMARY KEY)"))
    with pytest.raises(SchemaVersionError, match=r"another program \(events\)"):
        open_database(where)
    assert inspect(engine).get_table_names() == ["events"]
    engine.dispose()


def test_without_leave_nothing_is_upgraded(tmp_path: Path) -> None:
    path = former(tmp_path / "manager.db")
    with pytest.raises(SchemaVersionError, match="cellnet-manage db upgrade"):
        open_database(str(path), upgrade_it=False)
    with pytest.raises(SchemaVersionError, match="empty"):
        open_database(str(tmp_path / "new.db"), upgrade_it=False)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == ("2",)


def test_an_upgrade_that_fails_leaves_the_former_database(tmp_path: Path) -> None:
    """A row that points nowhere: found after the revisions, and everything is taken back."""
    path = former(tmp_path / "manager.db")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("DELETE FROM cells WHERE name = 'east'")
        raw.commit()
        before = "\n".join(raw.iterdump())
    with pytest.raises(SchemaVersionError, match="points nowhere"):
        open_database(str(path))
    with closing(sqlite3.connect(path)) as raw:
        assert "\n".join(raw.iterdump()) == before


def test_a_copy_overwrites_nothing_and_is_whole_beside_a_writer(tmp_path: Path) -> None:
    path = former(tmp_path / "manager.db")
    (tmp_path / "there").write_text("mine")
    with pytest.raises(StoreUnavailableError, match="exists already"):
        backup.copy(path, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("DELETE FROM events")
        backup.copy(path, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as raw:
        assert raw.execute("SELECT count(*) FROM events").fetchone() != (0,)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(file.name for file in tmp_path.iterdir() if "copy" in file.name) == ["copy.db"]
