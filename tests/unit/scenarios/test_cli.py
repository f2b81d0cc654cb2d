"""`cellnet scenario ...` as a user types it: a mistake is told with its remedy, and nothing is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A run directory of the test's own, which stays empty."""
    directory = tmp_path / "run"
    monkeypatch.setenv("CELLNET_RUN_DIR", str(directory))
    yield
    assert not directory.exists() or not list(directory.iterdir())


MISTAKES = {
    "unknown scenario": (["provision-and-recove"], "did you mean 'provision-and-recover'?"),
    "unknown topology": (["provision-and-recover", "--topology", "two-cell"], "two-cells"),
    "one path": (["provision-and-recover", "--set", "paths=1"], "two paths between them"),
    "no such setting": (["provision-and-recover", "--set", "path=2"], "paths"),
    "a setting that is no number": (["provision-and-recover", "--set", "paths=many"], "many"),
    "negative repeat": (["provision-and-recover", "--repeat", "-1"], "choose 1 or more"),
    "repeat nothing": (["provision-and-recover", "--repeat", "0"], "choose 1 or more"),
    "a story's setting out of range": (["away-for-a-minute", "--set", "away_s=1"], "choose 15 to 600"),
    "unfit topology": (["router-dies", "--topology", "ring"], "Try --topology provider"),
    "a file that is not there": (["./no.yaml"], "no.yaml: cannot be read"),
    "settings for a file": (["./no.yaml", "--set", "paths=2"], "a file takes no settings"),
    "one name for many labs": (
        ["each-path", "--repeat", "2", "--keep", "--name", "x"],
        "needs a name for each lab",
    ),
    "capture of no such link": (["each-path", "--report", "r", "--capture", "bgpp"], "did you mean 'bgp'?"),
    "capture to nowhere": (["each-path", "--capture", "bgp"], "--capture needs --report DIR"),
    "steps without a terminal": (["each-path", "--step"], "standard input is no terminal"),
    "unknown controller": (["provision-and-recover", "--controller", "nox"], "ryu"),
}


def cellnet(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "cellnet", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_with_status_2_and_says_what_to_do(mistake: str):
    arguments, words = MISTAKES[mistake]
    done = cellnet("scenario", "run", *arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_list_and_show_tell_what_there_is_with_budgets_and_why():
    listed = cellnet("scenario", "list")
    assert listed.returncode == 0
    assert "provision-and-recover" in listed.stdout
    shown = cellnet("scenario", "show", "provision-and-recover", "-f", "json").stdout
    assert "blackhole-one-way" in shown
    assert "BFD at 10 ms x 3" in shown


def test_a_story_is_shown_as_it_would_be_told_there():
    done = cellnet("scenario", "show", "each-path", "--topology", "ring", "--set", "paths=4", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert "silence-spare-3" in done.stdout


def test_validate_starts_nothing_and_tells_every_problem(tmp_path: Path):
    file = tmp_path / "x.yaml"
    file.write_text("scenario: x\ntitle: X\ntopology: two-cells\nsteps:\n  - {name: boot, boot: {}}\n")
    done = cellnet("scenario", "validate", str(file))
    assert (done.returncode, done.stdout.split(": ", 1)[1]) == (0, "1 steps on topology two-cells\n")
    file.write_text(file.read_text() + "  - {name: boot, watch: {seconds: -1}}\n")
    done = cellnet("scenario", "validate", str(file))
    assert done.returncode == 2
    assert f"{file}:6: steps[1].name: another step is called 'boot'" in done.stderr
    assert f"{file}:6: steps[1].watch.seconds: seconds -1" in done.stderr
    assert "Traceback" not in done.stderr
