"""The timeline read bit by bit: what is new is parsed once, half a line waits, logs have the same clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenarios import daemon_log
from scenarios.chronicle import Chronicle
from simulator.tail import Tail
from simulator.timeline import Follower

WALL = datetime(2026, 11, 22, 19, 32, 20, tzinfo=UTC).timestamp() - 5000.0
"""So that 19:32:20 UTC is 5000 s of the monotonic clock."""


class FakeLab:
    """A run directory, and the journal in it."""

    def __init__(self, directory: Path) -> None:
        self.run_directory = directory
        for name in ("journal", "logs"):
            (directory / name).mkdir()
        self._follower = Follower(directory / "journal")

    def timeline(self, since: float | None = None):
        return self._follower.entries(since)


def line(t: float, kind: str, **detail) -> str:
    return json.dumps({"t": t, "source": "lab", "kind": kind, "detail": detail}) + "\n"


def test_a_tail_returns_whole_lines_once(tmp_path: Path):
    path = tmp_path / "log"
    tail = Tail(path)
    assert tail.read() == []
    path.write_text("one\ntwo\nthr")
    assert tail.read() == ["one", "two"]
    assert tail.read() == []
    with path.open("a") as file:
        file.write("ee\n")
    assert tail.read() == ["three"]
    path.write_text("anew\n")
    assert tail.read() == ["anew"]


def test_a_follower_parses_only_what_is_new_and_keeps_the_order_of_time(tmp_path: Path):
    follower = Follower(tmp_path)
    (tmp_path / "a.jsonl").write_text(line(2.0, "two") + line(4.0, "four"))
    assert [entry.kind for entry in follower.entries()] == ["two", "four"]
    (tmp_path / "b.jsonl").write_text(line(3.0, "three") + "{broken\n" + line(1.0, "one")[:-1])
    assert [entry.kind for entry in follower.entries()] == ["two", "three", "four"]
    with (tmp_path / "b.jsonl").open("a") as file:
        file.write("\n")
    assert [entry.kind for entry in follower.entries()] == ["one", "two", "three", "four"]
    assert [entry.kind for entry in follower.entries(since=3.0)] == ["three", "four"]


def test_journals_and_logs_are_one_timeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lab = FakeLab(tmp_path)
    chronicle = Chronicle(lab)
    chronicle._wall_minus_monotonic = WALL
    (tmp_path / "journal" / "lab.jsonl").write_text(line(5000.5, "fault", t_before=5000.25, fault={}))
    (tmp_path / "logs" / "switch-main-gw1.log").write_text(
        "2026-11-22T19:32:20.100Z|00001|timeval|WARN|Unreasonably long 118ms poll interval\n"
        '2026-11-22T19:32:20.300Z|00002|bfd|INFO|wan1: BFD state change: up->down "No Diagnostic"->'
        '"Control Detection Time Expired".\n'
    )
    events = chronicle.events(0.0)
    assert [(round(event.t, 2), event.source, event.kind) for event in events] == [
        (5000.1, "switch/main-gw1", "log"),
        (5000.25, "lab", "fault"),
        (5000.3, "switch/main-gw1", "log"),
        (5000.3, "switch/main-gw1", "bfd"),
    ]
    assert [stall.milliseconds for stall in chronicle.stalls()] == [118]
    assert chronicle.events(5000.2) == events[1:]
    assert len(chronicle.events(0.0)) == 4


@pytest.mark.parametrize(
    ("text", "at", "about"),
    [
        ("2026-11-22T19:32:19.006Z|00001|vlog|INFO|opened log file", 4999.006, "vlog"),
        ("2026-11-22 19:32:20,699 INFO cellnet.manager listening on 100.64.0.1", 5000.699, "cellnet.manager"),
        ("19:32:21 18     reactor         loaded new configuration", 5001.0, "reactor"),
        ("23:59:59 18     reactor         before midnight", 5000.0 + 16059 - 86400, "reactor"),
    ],
)
def test_every_daemons_stamp_is_understood(text: str, at: float, about: str):
    (event,) = daemon_log.parse([text, "  a line without a stamp"], "x/y", WALL, 5010.0, UTC)
    assert event.t == pytest.approx(at, abs=0.001)
    assert (event.kind, event.source, event.detail["about"]) == ("log", "x/y", about)
