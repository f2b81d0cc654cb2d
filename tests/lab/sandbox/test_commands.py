"""The lab's commands as a user types them: output, exit status, and what a mistake is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import rundir

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]
CELLNET = Path(sys.executable).parent / "cellnet"


def cellnet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CELLNET, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def lab_one(base: Path) -> str:
    started = cellnet("lab", "up", "two-cells", "--no-services", "--name", "one", "--set", "hosts=2")
    assert started.returncode == 0, started.stderr
    assert "cellnet lab exec --name one main-h1 -- ip -brief address" in started.stdout
    assert "lab one: sandbox and network built" in started.stderr
    return "one"


def test_the_life_of_a_lab(lab_one: str, base: Path) -> None:
    (row,) = json.loads(cellnet("lab", "list", "-f", "json").stdout)
    assert (row["name"], row["state"], row["topology"]) == ("one", "up", "two-cells")
    shown = json.loads(cellnet("lab", "show", "-f", "json").stdout)
    assert shown["pid"] == row["pid"]
    assert "simulator.daemon" in Path(f"/proc/{shown['pid']}/cmdline").read_text()
    assert {"main-gw1", "main-h2", "east-h2"} <= {node["name"] for node in shown["nodes"]}
    assert {"name": "main-east-1", "kind": "wan", "a": "main-gw1:wan1", "b": "east-gw1:wan1"} in shown[
        "links"
    ]
    assert shown["faults"] == []
    assert "name=main-gw1" in cellnet("lab", "show", "--name", lab_one).stdout

    done = cellnet("lab", "exec", "main-h2", "--", "sh", "-c", "hostname -I; exit 7")
    assert done.returncode == 7
    assert "10.0.1.22" in done.stdout
    assert "daemon" in cellnet("lab", "logs").stdout

    os.kill(shown["pid"], signal.SIGKILL)
    assert rundir.find("one").wait_dead(10)
    (row,) = json.loads(cellnet("lab", "list", "-f", "json").stdout)
    assert (row["state"], row["pid"]) == ("dead", None)
    assert "is dead; its logs are in" in cellnet("lab", "show", "one").stderr
    assert cellnet("lab", "down", "one").stdout.startswith("lab one is down")
    assert list(base.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("up no-such-topology", "there is no topology 'no-such-topology'; the catalogue has two-cells"),
        ("up two-cells --set cells=many", "'many' is no whole number"),
        ("up two-cells --name UPPER", "'UPPER' cannot be a lab's name: use up to 48 lower-case letters"),
        ("up two-cells --publish 99999", "choose another port"),
        ("show", "no lab is running: start one with `cellnet lab up two-cells`"),
        ("show nothing", "there is no lab named 'nothing'; labs: none"),
        ("exec main-h1 -- ls", "no lab is running"),
        ("down", "no lab is running"),
        ("down one --all", "give a name or --all, not both"),
    ],
)
def test_mistakes_exit_with_2_and_create_nothing(base: Path, arguments: str, message: str) -> None:
    refused = cellnet("lab", *arguments.split())
    assert refused.returncode == 2, refused.stderr
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path for path in base.iterdir() if not path.name.startswith(".")] == []


def test_mistakes_inside_a_lab_exit_with_2(lab_one: str) -> None:
    for arguments, message in (
        (("exec", "nowhere", "--", "ls"), f"there is no node 'nowhere' in lab '{lab_one}': mgmt, main-mgr"),
        (("exec", "main-h1"), "which command? For example: cellnet lab exec main-h1 -- ip address"),
        (("logs", "nothing"), "there is no log 'nothing'; there are: daemon"),
        (("up", "two-cells", "--name", lab_one), "a lab named 'one' is running"),
    ):
        refused = cellnet("lab", *arguments)
        assert (refused.returncode, message in refused.stderr) == (2, True), refused.stderr
