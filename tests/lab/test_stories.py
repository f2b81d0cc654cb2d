"""Every story on a real lab, as a user runs it. A busy machine makes a run inconclusive, never failed.

How long each takes is bounded by its own settings; together they are most of `make test-lab`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markupsafe import escape

from scenarios.report import document
from simulator import rundir
from simulator.client import LabClient

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(420)]

CELLNET = Path(sys.executable).parent / "cellnet"
LONGEST = 400
STORIES = {
    "each-path": [],
    "one-way-loss": [],
    "flap-train": [],
    "speaker-frozen": ["--set", "frozen_s=12"],
    "away-for-a-minute": ["--set", "away_s=30"],
    "total-loss": ["--set", "long_s=12"],
    "router-dies": [],
}


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run directory of the test's own; paths of sockets are limited, so it is a short one."""
    with tempfile.TemporaryDirectory(prefix="cn-") as name:
        monkeypatch.setenv("CELLNET_RUN_DIR", name)
        yield Path(name)
        for directory in rundir.listing(Path(name)):
            LabClient(directory).down()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [CELLNET, "scenario", "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, env=dict(os.environ))


def check(done: subprocess.CompletedProcess[str], report: Path) -> dict[str, Any]:
    """What must be true of every run that ended, however busy the machine was."""
    assert done.returncode in (0, 3), done.stdout + done.stderr
    found: dict[str, Any] = json.loads((report / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, document.schema())
    assert {step["verdict"] for step in found["steps"]} <= {"PASS", "INCONCLUSIVE", "NOT_RUN"}, done.stdout
    says = {one["says"]: one["verdict"] for one in found["safety"]}
    assert says["no forwarding loop"] == "PASS"
    assert says["no delivery into the wrong cell"] == "PASS"
    assert says["no flow without an owner"] == "PASS"
    causes = [event["cause"] for event in found["timeline"]]
    assert all(cause is None or cause < len(causes) for cause in causes)
    linked = {event["kind"] for event in found["timeline"] if event["cause"] is not None}
    assert {"plan", "action", "flow-mod", "bgp-route"} <= linked
    page = (report / "report.html").read_text(encoding="utf-8")
    assert escape(found["scenario"]["title"]) in page
    return found


@pytest.mark.parametrize("story", STORIES)
def test_the_story_is_told_to_its_end(story: str, base: Path, tmp_path: Path) -> None:
    done = run(story, *STORIES[story], "--seed", "1", "--report", str(tmp_path / "report"))
    report = check(done, tmp_path / "report")
    assert report["scenario"]["name"] == story
    assert list(base.iterdir()) == []


def test_a_story_is_told_on_another_topology(base: Path, tmp_path: Path) -> None:
    arguments = ("--topology", "ring", "--set", "paths=2,cells=3,long_s=12", "--seed", "2")
    done = run("total-loss", *arguments, "--report", str(tmp_path / "report"))
    assert check(done, tmp_path / "report")["scenario"]["topology"] == "ring"
    assert list(base.iterdir()) == []


def test_a_file_is_played_twice_with_an_index_over_both(base: Path, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "digger.yaml"
    done = run(str(example), "--repeat", "2", "--seed", "5", "--report", str(tmp_path / "report"))
    seeds = [check(done, tmp_path / "report" / number)["scenario"]["seed"] for number in ("1", "2")]
    assert seeds == [5, 6]
    index = json.loads((tmp_path / "report" / "index.json").read_text(encoding="utf-8"))
    assert [one["number"] for one in index["runs"]] == [1, 2]
    assert 'href="2/report.html"' in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert list(base.iterdir()) == []


def test_keep_leaves_the_lab(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "short.yaml"
    file.write_text("scenario: short\ntitle: Short\ntopology: two-cells\nsteps: [{name: boot, boot: {}}]\n")
    assert run(str(file), "--keep", "--name", "kept").returncode == 0
    assert LabClient.attach("kept").show().topology.name == "two-cells"
