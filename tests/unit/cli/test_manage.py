"""`cellnet-manage` over real files: what it shows, what it refuses, and what it changes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cellnet_core.cli.manage.main import main
from tests.unit.manager.world import MAIN, World, obey
from tests.unit.store.test_migrations import former


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "manager.db")
    made.online()
    return made


def run(capsys: pytest.CaptureFixture[str], where: Path | str, *words: str) -> tuple[int, Any, str]:
    """Status, what was written as JSON (else text), and errors."""
    status = main(["--database", str(where), *words])
    written = capsys.readouterr()
    return status, json.loads(written.out) if "json" in words else written.out, written.err


def test_lists_without_a_manager(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.manager.context.database.close()
    lists = {
        kind: run(capsys, world.path, kind, "list", "-f", "json")
        for kind in ("cell", "endpoint", "connection", "agent")
    }
    assert {status for status, _, _ in lists.values()} == {0}
    assert [cell["name"] for cell in lists["cell"][1]] == ["east", "main"]
    assert [endpoint["gateway"] for endpoint in lists["endpoint"][1]] == ["east-gw1", "main-gw1"]
    (connection,) = lists["connection"][1]
    assert (connection["name"], connection["last_operating_status"]) == ("main-east", "ONLINE")
    assert [agent["generation"] for agent in lists["agent"][1]] == [1, 1]


def test_versions_and_upgrade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = former(tmp_path / "old.db")
    assert run(capsys, path, "db", "version", "-f", "json")[1]["revision"] == "schema version 2"
    status, _, error = run(capsys, path, "connection", "list")
    assert status == 1
    assert "cellnet-manage db upgrade" in error
    done = run(capsys, path, "db", "upgrade", "-f", "json")[1]
    assert (done["before"], done["revision"]) == ("schema version 2", "0002")
    assert Path(done["copy"]).exists()
    assert run(capsys, path, "db", "version", "-f", "json")[1]["revision"] == "0002"


def test_the_configuration_names_the_database(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    config = world.path.with_name("manager.yaml")
    config.write_text(f"database: {world.path}\nunix_socket: /tmp/m.sock\n")
    assert main(["--config", str(config), "cell", "list", "-f", "value", "-c", "name"]) == 0
    assert capsys.readouterr().out.split() == ["east", "main"]
    assert main(["cell", "list"]) == 2
    assert "name the database" in capsys.readouterr().err


def test_a_copy_is_a_database(world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run(capsys, world.path, "db", "backup", str(copy))[0] == 0
    assert run(capsys, copy, "db", "check") == (0, "\n", "")
    status, _, error = run(capsys, world.path, "db", "backup", str(copy))
    assert (status, "exists already" in error) == (1, True)


def test_no_database_is_made_by_looking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, error = run(capsys, tmp_path / "none.db", "cell", "list")
    assert (status, "there is no database" in error) == (1, True)
    assert list(tmp_path.iterdir()) == []


DAMAGE = {
    "DELETE FROM paths": "has no path",
    "UPDATE connections SET told_local = ''": "was told nothing",
    "UPDATE paths SET ports = 'x' WHERE position = 0": "other ports than its own",
    "DELETE FROM prefixes": "not kept against overlaps",
    "DELETE FROM endpoints WHERE name = 'east-ep'": "is not there",
    "DELETE FROM agents": "no agent that could be told",
    "DELETE FROM events": "without an event",
    "DROP INDEX endpoints_by_agent": "not as this revision has it",
}


@pytest.mark.parametrize("statement", DAMAGE)
def test_damage_is_found(world: World, capsys: pytest.CaptureFixture[str], statement: str) -> None:
    world.manager.context.database.close()
    assert run(capsys, world.path, "db", "check", "-f", "json")[:2] == (0, [])
    with closing(sqlite3.connect(world.path)) as raw:
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute(statement)
        raw.commit()
    status, problems, _ = run(capsys, world.path, "db", "check", "-f", "json")
    assert status == 1
    assert DAMAGE[statement] in " ".join(problem["problem"] for problem in problems)


def test_agents_are_confirmed_without_the_api(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, error = run(capsys, world.path, "agent", "confirm", "main", "main-gw1")
    assert (status, "nothing to confirm" in error) == (2, True)
    assert run(capsys, world.path, "agent", "confirm", "main")[0] == 2
    ahead = obey(world.intent("main"), MAIN, 1000, "life-1").model_copy(update={"generation": 41})
    world.report("main", ahead)
    (found,) = [a for a in run(capsys, world.path, "agent", "list", "-f", "json")[1] if a["astray"]]
    assert found["cell"] == "main"
    (done,) = run(capsys, world.path, "agent", "confirm", "--all", "-f", "json")[1]
    assert done == {"cell": "main", "gateway": "main-gw1", "generation": 42}
    told = world.intent("main")
    assert told.generation == 42
    assert told.supersedes is not None
    assert told.supersedes.generation == 41
