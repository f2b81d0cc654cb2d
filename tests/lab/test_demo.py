"""The demo as a user runs it: on both controllers, two at once, killed in the middle, interrupted.

How fast anything was is for `make bench`: a busy machine makes these runs inconclusive, never failed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scenarios.report import document
from simulator import rundir
from simulator.client import LabClient
from tests.lab.sandbox import leaks

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

CELLNET = Path(sys.executable).parent / "cellnet"
LONGEST = 400
CRASHES = ("crash-speaker", "crash-controller", "crash-agent", "crash-manager", "partition-management")


@dataclass
class Demo:
    """A `cellnet demo` that runs beside the test."""

    process: subprocess.Popen[bytes]
    output: Path
    report: Path

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, words: str, seconds: float = 120) -> None:
        """Until it has printed the words. Fails when it ends before, or does not print them in time."""
        deadline = time.monotonic() + seconds
        while words not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.05)

    def wait(self, seconds: float = LONGEST) -> int:
        return self.process.wait(seconds)

    def read(self) -> dict[str, Any]:
        """Its report, found to be in the published form."""
        found: dict[str, Any] = json.loads((self.report / "report.json").read_text(encoding="utf-8"))
        jsonschema.validate(found, document.schema())
        return found


class Host:
    """Starts demos in a run directory of the test's own, with a mark on every process."""

    def __init__(self, base: Path, files: Path) -> None:
        self.base = base
        self._files = files
        self.mark = uuid.uuid4().hex
        self.before = leaks.take(self.mark)
        self.demos: list[Demo] = []

    def demo(self, *arguments: str) -> Demo:
        place = self._files / f"demo{len(self.demos)}"
        place.mkdir()
        environment = {**os.environ, leaks.MARK: self.mark, "CELLNET_RUN_DIR": str(self.base)}
        with (place / "output").open("wb") as output:
            process = subprocess.Popen(
                [CELLNET, "demo", "--report", str(place / "report"), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.demos.append(Demo(process, place / "output", place / "report"))
        return self.demos[-1]

    def left(self) -> list[str]:
        return leaks.wait_nothing_left(self.before, self.mark)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="cn-") as name:  # short: paths of sockets are limited
        monkeypatch.setenv("CELLNET_RUN_DIR", name)
        made = Host(Path(name), tmp_path)
        yield made
        for demo in made.demos:
            if demo.process.poll() is None:
                demo.process.terminate()
                demo.wait(60)
        for directory in rundir.listing(made.base):
            LabClient(directory).down()
        assert made.left() == []


def check(demo: Demo, status: int) -> dict[str, Any]:
    """What must be true of every demo that ran to its end."""
    assert status in (0, 3), demo.text()
    report = demo.read()
    verdicts = [step["verdict"] for step in report["steps"]]
    if set(verdicts) == {"PASS"}:
        assert (status, report["verdict"]) == (0, "PASS")
    else:
        # A machine that was too busy may also end the story early.
        assert set(verdicts) <= {"PASS", "INCONCLUSIVE", "NOT_RUN"}, demo.text()
        assert (status, report["verdict"]) == (3, "INCONCLUSIVE")
    for step in report["steps"]:
        if step["name"] in CRASHES and step["verdict"] == "PASS":
            assert step["lost"] == 0
    for probe in report["probes"]:
        assert probe["sent"] - probe["received"] == probe["lost"]
        assert sum(outage["lost"] for outage in probe["outages"]) == probe["lost"]
        assert all({"start_s", "duration_ms"} <= set(outage) for outage in probe["outages"])
    times = [event["t_s"] for event in report["timeline"]]
    assert times == sorted(times)
    page = (demo.report / "report.html").read_text(encoding="utf-8")
    assert report["scenario"]["title"] in page
    return report


@pytest.mark.parametrize("library", ["ryu", "os-ken"])
def test_the_demo_proves_recovery_on(library: str, host: Host) -> None:
    demo = host.demo("--controller", library, "--seed", "1")
    report = check(demo, demo.wait())
    ready = [event for event in report["timeline"] if event["kind"] == "ready"]
    assert {event["detail"]["library"].split()[0].replace("_", "-") for event in ready} == {library}
    assert host.left() == []
    assert list(host.base.iterdir()) == []


def test_two_demos_side_by_side(host: Host) -> None:
    first = host.demo("--seed", "1")
    second = host.demo("--seed", "2")
    names = {check(demo, demo.wait())["lab"] for demo in (first, second)}
    assert len(names) == 2
    assert host.left() == []
    assert list(host.base.iterdir()) == []


def test_kill_9_of_the_lab_in_the_middle_leaves_its_files_only(host: Host) -> None:
    demo = host.demo("--seed", "1")
    demo.wait_for("fault: cut")
    (directory,) = rundir.listing(host.base)
    os.kill(LabClient(directory).daemon_pid(), signal.SIGKILL)
    assert demo.wait(60) == 1
    assert "the lab went away while the scenario played" in demo.text()
    assert "Traceback" not in demo.text()
    assert host.left() == []
    assert [path.name for path in host.base.iterdir()] == ["demo"]
    assert (host.base / "demo" / "logs" / "daemon.log").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["Boot the lab", "fault: cut"])
def test_an_interrupted_demo_takes_its_lab_down(number: signal.Signals, moment: str, host: Host) -> None:
    demo = host.demo("--seed", "1")
    demo.wait_for(moment)
    if moment == "Boot the lab":
        deadline = time.monotonic() + 30
        while not (host.base / "demo" / "daemon.sock").exists():
            assert time.monotonic() < deadline, demo.text()
            time.sleep(0.02)
    demo.process.send_signal(number)
    assert demo.wait(60) not in (0, 3)
    assert "Traceback" not in demo.text()
    assert host.left() == []
    assert list(host.base.iterdir()) == []
