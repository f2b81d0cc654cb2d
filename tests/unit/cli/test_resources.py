"""The commands of version 1.2, run as a user runs them; what a command loads; shell completion."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from cellnet_core.cli import event
from cellnet_core.cli.main import main
from cellnet_core.client import Event, UnreachableError
from tests.unit.manager.world import World

HEAVY = (
    *("httpx", "fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "pydantic", "oslo_policy", "ssl"),
    *("mininet", "ryu", "os_ken", "exabgp", "scapy", "cmd2", "networkx", "rich", "jsonschema", "ruamel"),
    *("simulator", "scenarios", "topologies", "cellnet_core.manager", "cellnet_core.northbound"),
)


@pytest.mark.parametrize(
    "command",
    [
        "connection list",
        "connection create",
        "profile set",
        "event watch",
        "drift list",
        "plan",
        "apply",
        "export",
    ],
)
def test_a_command_loads_what_it_needs_and_nothing_else(command: str) -> None:
    script = (
        "import sys\n"
        "from cellnet_core.cli.main import main\n"
        f"status = main({[*command.split(), '--help']!r})\n"
        "print(status, *sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    status, *modules = ran.stderr.split()
    assert status == "0", ran.stderr[-2000:]
    allowed = ("cellnet_core.manager", "ruamel") if command in ("plan", "apply", "export") else ()
    loaded = {name for name in HEAVY if name in modules} - set(allowed)
    assert loaded == set()


def test_completion_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "cellnet_core.cli.main", "complete"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    for words in ("cmds_connection=", "cmds_profile=", "reconcile", "--graceful-restart-time"):
        assert words in ran.stdout


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> Any:
    status = main([*argv, "-f", "json"])
    found = capsys.readouterr()
    assert status == 0, found.out + found.err
    return json.loads(found.out)


def test_profiles_cells_and_tags(lab: World, capsys: pytest.CaptureFixture[str]) -> None:
    lab.online()
    made = run(capsys, "profile", "create", "fast", "--hold-time", "3", "--prefix-limit", "ipv4=100")
    assert (made["hold_time"], made["prefix_limits"]) == (3, {"ipv4": 100})
    shown = run(capsys, "profile", "set", "fast", "--bfd", "50,50,3", "--tag", "lab")
    assert shown["bfd"] is not None
    # No driver here says that it takes BFD timers, so a connection may not name a profile that has them.
    assert main(["connection", "set", "main-east", "--profile", "fast"]) == 2
    assert "leave bfd out of the profile" in capsys.readouterr().err
    assert run(capsys, "profile", "unset", "fast", "--bfd")["bfd"] is None
    shown = run(capsys, "connection", "set", "main-east", "--profile", "fast", "--hold-time", "6")
    assert (shown["profile"], shown["hold_time"]) == ("fast", 6)
    shown = run(capsys, "connection", "unset", "main-east", "--hold-time")
    assert (shown["hold_time"], shown["timers"]["hold_time"]) == (None, 3)
    shown = run(capsys, "profile", "unset", "fast", "--prefix-limits", "--tag", "lab")
    assert (shown["prefix_limits"], shown["tags"]) == ({}, [])
    shown = run(capsys, "cell", "set", "east", "--drift-policy", "ignore", "--tag", "b", "--tag", "a")
    assert (shown["drift_policy"], shown["tags"]) == ("ignore", ["a", "b"])
    assert run(capsys, "cell", "list", "--filter", "tags=a", "-c", "name") == [{"name": "east"}]
    assert run(capsys, "cell", "unset", "east", "--tag", "a")["tags"] == ["b"]
    assert main(["cell", "unset", "east", "--tag", "a"]) == 2
    assert "it has no tag a; it has b" in capsys.readouterr().err
    made = run(capsys, "cell", "create", "north", "--asn", "65009", "--announce", "10.0.9.0/24")
    assert made["prefixes"] == ["10.0.9.0/24"]
    assert main(["cell", "delete", "north"]) == 0
    assert main(["profile", "delete", "fast"]) == 2
    assert "profile fast is used by connection main-east" in capsys.readouterr().err


def test_a_password_is_taken_from_the_environment_and_shown_nowhere(
    lab: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLNET_PROFILE_PASSWORD", "s3cret")
    shown = run(capsys, "profile", "create", "signed", "--password-prompt")
    assert shown["has_password"] is True
    assert "s3cret" not in json.dumps(shown)
    assert run(capsys, "profile", "unset", "signed", "--password")["has_password"] is False


def test_actions_and_operations(lab: World, capsys: pytest.CaptureFixture[str]) -> None:
    lab.online()
    started = run(capsys, "connection", "refresh", "main-east", "--path", "main-east-1")
    assert (started["type"], started["state"]) == ("connection.refresh", "running")
    assert main(["connection", "reset", "main-east", "--wait", "--timeout", "0.2"]) == 1
    err = capsys.readouterr().err
    assert "connection.reset main-east: 0 % (main/main-gw1 waiting)" in err
    assert "it waits for main/main-gw1" in err
    rows = run(capsys, "operation", "list", "--filter", "type=connection.refresh")
    assert [row["id"] for row in rows] == [started["id"]]
    assert run(capsys, "operation", "show", started["id"])["resource_name"] == "main-east"
    assert run(capsys, "drift", "list", "--now", "--cell", "main") == []


class _Restarting:
    """A client whose manager goes away twice, and tells an event each time it is there."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def follow_events(self, after: int, **filters: str) -> Any:
        self.asked.append(after)
        if len(self.asked) not in (3, 4):
            yield Event(
                id=after + 1,
                time="t",
                type="x",
                severity="info",
                resource_type="",
                resource_id="",
                resource_name="",
                message=f"event {after + 1}",
            )
        raise UnreachableError("gone")


def test_watching_goes_on_where_it_was_with_bounded_pauses(capsys: pytest.CaptureFixture[str]) -> None:
    class App:
        stdout = sys.stdout

        class LOG:
            warning = staticmethod(lambda *_: None)

    class Command:
        app = App

    client, pauses = _Restarting(), []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        event.follow(Command, client, (), {}, after=7, as_json=False, sleep=sleep)  # type: ignore[arg-type]
    assert client.asked[:5] == [7, 8, 9, 9, 9]
    assert pauses[:4] == [0.5, 0.5, 1.0, 2.0]
    assert max(pauses) <= event.LONGEST_RETRY
