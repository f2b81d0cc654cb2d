"""`cellnet lab fault ...`, `cellnet lab probe ...` and `cellnet doctor` as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import lab
from simulator.client import LabClient

pytestmark = pytest.mark.lab


def cellnet(*words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "cellnet"
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=60)


def rows(*words: str) -> Any:
    done = cellnet(*words, "-f", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = lab.up("two-cells", services=False)
        yield client
        client.down()


@pytest.fixture(autouse=True)
def _here(client: LabClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(client.run_directory.parent))


def test_groups_and_several_as_one_are_listed_in_words(tmp_path: Path) -> None:
    drill = tmp_path / "drill.yaml"
    drill.write_text("- {kind: cut, link: main-east-1}\n- kind: loss\n  link: main-east-2\n  percent: 5\n")
    assert cellnet("lab", "fault", "inject", "all", str(drill)).returncode == 0
    assert cellnet("lab", "fault", "inject", "partition", "main", "/", "east", "main-mgr").returncode == 0
    assert cellnet("lab", "fault", "inject", "isolate", "controller", "main").returncode == 0
    flap = ("flap", "main-h1", "--period-s", "30", "--duty", "0.2", "--count", "3", "--seed", "1")
    assert cellnet("lab", "fault", "inject", *flap).returncode == 0
    assert [row["detail"] for row in rows("lab", "fault", "list")] == [
        "faults=cut link=main-east-1 + loss link=main-east-2 percent=5",
        "groups=main / east,main-mgr",
        "target=controller cell=main",
        "link=main-h1 period_s=30.0 duty=0.2 count=3 seed=1",
    ]
    assert cellnet("lab", "fault", "clear", "--all").returncode == 0
    assert rows("lab", "fault", "list") == []


def test_faults_are_injected_listed_and_cleared() -> None:
    identity = cellnet("lab", "fault", "inject", "cut", "main-east-1").stdout.strip()
    other = cellnet("lab", "fault", "inject", "partition", "main").stdout.strip()
    listed = rows("lab", "fault", "list")
    assert [(row["id"], row["kind"], row["detail"]) for row in listed] == [
        (identity, "cut", "link=main-east-1"),
        (other, "partition", "members=main"),
    ]
    assert cellnet("lab", "fault", "clear", identity).returncode == 0
    assert [row["id"] for row in rows("lab", "fault", "list")] == [other]
    assert cellnet("lab", "fault", "clear", "--all").returncode == 0
    assert rows("lab", "fault", "list") == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("inject", "cut", "main-est-1"), "did you mean 'main-east-1'?"),
        (("inject", "cutt", "main-east-1"), "KIND: unknown fault 'cutt'; did you mean 'cut'?"),
        (("inject", "cut"), "TARGET: a cut needs one"),
        (("inject", "cut", "main-east-1", "--seconds", "-1"), "-1 is not above 0"),
        (("inject", "flap", "main-east-1", "--duty", "1"), "each must be at least 5 ms"),
        (("inject", "isolate", "bus", "main"), "is its message bus in this topology"),
        (("inject", "withdraw", "main"), "no speaker of main runs in this lab"),
        (("inject", "all", "/nowhere.yaml"), "/nowhere.yaml: cannot be read"),
        (("inject", "all"), "an all needs one file of faults"),
        (("clear", "f99"), "there is no fault 'f99' in force"),
        (("clear",), "give the ids of faults, or --all"),
    ],
)
def test_wrong_words_have_status_2_and_no_effect(words: tuple[str, ...], says: str) -> None:
    done = cellnet("lab", "fault", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert rows("lab", "fault", "list") == []


def test_a_probe_is_started_shown_and_stopped() -> None:
    assert cellnet("lab", "probe", "start", "--rate", "200").returncode == 0
    again = cellnet("lab", "probe", "start")
    assert again.returncode == 2
    assert "is running: stop it first" in again.stderr
    deadline = time.monotonic() + 20
    while not all(row["sent"] for row in rows("lab", "probe", "show")):
        assert time.monotonic() < deadline
    final = {row["name"]: row for row in rows("lab", "probe", "stop")}
    assert len(final) == 6
    control = final["control-east-h1-main-h1"]
    assert (control["lost"], control["outages"]) == (0, [])
    # No daemons, so nothing forwards: everything is lost, in one open outage.
    measured = final["main-east-v6"]
    assert measured["lost"] == measured["sent"] > 0
    assert [outage["open"] for outage in measured["outages"]] == [True]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("start", "--from", "west"), "there is no cell 'west' in this lab; cells: main, east"),
        (("start", "--from", "main", "--to", "main"), "two different cells"),
        (("start", "--rate", "-5"), "--rate -5: choose 1 to 5000"),
        (("show", "--session", "nothing"), "there is no probe session 'nothing'"),
    ],
)
def test_wrong_probes_have_status_2(words: tuple[str, ...], says: str) -> None:
    done = cellnet("lab", "probe", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_answers_in_json_and_by_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {row["name"]: row["ok"] for row in rows("doctor")}["user namespaces"] is True
    monkeypatch.setenv("CELLNET_RUN_DIR", "/proc/nowhere")
    done = cellnet("doctor", "-f", "json")
    assert done.returncode == 1
    assert [
        row["name"] for row in json.loads(done.stdout) if row["needed_for"] == "lab" and not row["ok"]
    ] == ["run directory"]
    refused = cellnet("lab", "up", "two-cells")
    assert refused.returncode == 2
    assert "this machine cannot run a lab" in refused.stderr
