"""What a user types, sees and gets as exit status."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cellnet_core.cli.main import main
from tests.unit.manager.world import World


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    try:
        status = main(argv)
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        # The command is meant to be a process of its own: it leaves its handlers.
        root.handlers[:], level = before
        root.setLevel(level)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return status, out, err


def test_the_way_of_a_connection(lab: World, capsys: pytest.CaptureFixture[str]) -> None:
    lab.add_cells()
    lab.obey()
    for cell in ("main", "east"):
        status, out, _ = run(capsys, "endpoint", "create", "--cell", cell, f"{cell}-ep", "-f", "json")
        assert (status, json.loads(out)["name"]) == (0, f"{cell}-ep")
    create = ("connection", "create", "--local", "main-ep", "--remote", "east-ep", "main-east")
    status, out, _ = run(capsys, *create, "-f", "value", "-c", "provisioning_status")
    assert (status, out) == (0, "PENDING_CREATE\n")
    status, out, err = run(capsys, *create)
    assert status == 2
    assert err.strip() == "there is a connection main-east already: choose another name"
    lab.obey()
    status, out, _ = run(capsys, "connection", "show", "main-east")
    assert "ok  HealthChecked (AsWanted): round trips both ways in ipv4 and ipv6" in out
    assert "main-east-2: wan2 172.16.2.1 fdce:11:ffff:2::1 - wan2 172.16.2.2 fdce:11:ffff:2::2" in out
    status, out, _ = run(capsys, "connection", "show", "main-east", "-f", "json")
    shown = json.loads(out)
    assert shown["operating_status"] == "ONLINE"
    assert {c["status"] for c in shown["conditions"]} == {"True"}
    status, out, _ = run(capsys, "session", "list", "main-east", "-f", "csv", "-c", "path", "-c", "bgp_state")
    assert out.splitlines()[1:] == ['"main-east-1","ESTABLISHED"'] * 2 + ['"main-east-2","ESTABLISHED"'] * 2
    status, out, _ = run(capsys, "event", "list", "-f", "json", "--type", "connection.operating_status")
    assert json.loads(out)[-1]["message"] == "main-east: OFFLINE -> ONLINE"
    status, _, err = run(capsys, "endpoint", "delete", "main-ep")
    assert status == 2
    assert "delete that first" in err
    assert run(capsys, "connection", "delete", "main-east")[0] == 0
    lab.obey()
    assert run(capsys, "connection", "delete", "main-east")[0] == 2
    assert run(capsys, "endpoint", "delete", "main-ep", "east-ep")[0] == 0


@pytest.mark.parametrize("form", ["table", "json", "yaml", "csv", "value"])
def test_every_form_of_a_list(lab: World, capsys: pytest.CaptureFixture[str], form: str) -> None:
    lab.online()
    for words in (("cell",), ("endpoint",), ("connection",), ("event",)):
        status, out, _ = run(capsys, *words, "list", "-f", form)
        assert status == 0
        assert "main" in out
    _, out, _ = run(capsys, "cell", "list", "-f", form)
    if form == "json":
        assert json.loads(out)[1]["prefixes"] == ["10.0.1.0/24", "fdce:11:0:1::/64"]
    elif form == "yaml":
        assert YAML(typ="safe").load(out)[1]["prefixes"] == ["10.0.1.0/24", "fdce:11:0:1::/64"]
    else:
        assert "10.0.1.0/24" in out


def test_a_connection_that_does_not_come_up_in_time(lab: World, capsys: pytest.CaptureFixture[str]) -> None:
    lab.add_cells()
    lab.add_endpoints()
    words = ("connection", "create", "c", "--local", "main-ep", "--remote", "east-ep", "--wait")
    status, _, err = run(capsys, *words, "--timeout", "0.2")
    assert status == 1
    assert "OFFLINE: main/main-gw1 has not taken it up; east/east-gw1 has not taken it up" in err
    assert "connection c is OFFLINE and not ONLINE after 0.2 s: main/main-gw1 has not taken it up" in err
    status, _, err = run(capsys, "connection", "delete", "c", "--wait", "--timeout", "0.2")
    assert status == 1
    assert "connection.delete of c still runs after 0.2 s: it waits for main/main-gw1, east/east-gw1" in err


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (("cell", "show", "nowhere"), 2, "there is no cell 'nowhere'"),
        (("connection", "show", "../cells/main"), 2, "there is nothing at"),
        (("endpoint", "create", "--cell", "main", "x y"), 2, "is no name"),
        (("endpoint", "create", "--cell", "main", "x", "--asn", "many"), 2, "invalid int value"),
        (("endpoint", "create", "x"), 2, "--cell"),
        (("connection", "create", "x"), 2, "required"),
        (("conection", "list"), 2, "connection list"),
        (("nonsense",), 2, "nonsense"),
        (("--url", "ftp://x", "cell", "list"), 2, "is no URL of a manager"),
        (("--url", "http://127.0.0.1:1", "cell", "list"), 1, "no manager answers at"),
        (("--url", "unix:///nowhere", "cell", "list"), 1, "no manager answers at"),
        (("--lab", "other", "cell", "list"), 2, "there is no lab 'other'"),
        (("--lab", "demo", "cell", "list"), 0, ""),
        (("--version",), 0, "cellnet 0"),
        (("--help",), 0, "Connect two endpoints."),
        (("help",), 0, "Connect two endpoints."),
        ((), 0, "Connect two endpoints."),
        (("connection", "create", "--help"), 0, "--hold-down"),
    ],
)
def test_exit_statuses(
    lab: World, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], status: int, says: str
) -> None:
    found, out, err = run(capsys, *argv)
    assert found == status, out + err
    assert says in out + err


def test_start_up_loads_nothing_that_the_command_does_not_need() -> None:
    code = (
        "import sys; from cellnet_core.cli.main import main; main(['connection', 'list', '--url', 'x']);"
        "print(sorted(m for m in ('cmd2', 'fastapi', 'sqlalchemy', 'mininet', 'pydantic', 'simulator.cli')"
        " if m in sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_had_enough_is_no_error() -> None:
    command = Path(sys.executable).parent / "cellnet"
    found = subprocess.run(
        f"set -o pipefail; {command} --help | head -1",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.stderr == ""
