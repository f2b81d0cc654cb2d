"""The delay line without a network: pipes that keep frames apart for the tap and the interface."""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.faults.delay_line import Line


@dataclass
class Rig:
    """`into` is where frames come from, `out` where they arrive."""

    line: Line
    into: socket.socket
    out: socket.socket
    journal: Path

    def counters(self) -> dict[str, float]:
        self.line.tell()
        entry = json.loads(self.journal.read_text().splitlines()[-1])
        assert entry["kind"] == "delay-line"
        counters: dict[str, float] = entry["detail"]
        return counters

    def wait(self, done: Callable[[Line], bool]) -> None:
        """The line counts a frame after it has sent or dropped it, which a receiver may see first."""
        deadline = time.monotonic() + 10
        while not done(self.line):
            assert time.monotonic() < deadline, self.line.counters()
            time.sleep(0.005)


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Runs a line until the test is over."""
    given = {"milliseconds": 30.0, "jitter_ms": 0.0, "limit": 100, **getattr(request, "param", {})}
    # Not datagrams: of these a pair holds 10, and then who sends them waits for who reads them.
    into, tap = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sending, out = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    tap.setblocking(False)
    out.settimeout(10)
    journal = tmp_path / "delay-x.jsonl"
    line = Line(tap.fileno(), sending, argparse.Namespace(**given, journal=journal))
    thread = threading.Thread(target=line.run)
    thread.start()
    try:
        yield Rig(line, into, out, journal)
    finally:
        line.ended = True
        into.send(b"wake up")
        thread.join(10)
        for each in (into, tap, sending, out):
            each.close()
    assert not thread.is_alive()


def test_no_frame_is_early_and_all_come_in_order(rig: Rig) -> None:
    began = time.monotonic()
    for number in range(20):
        rig.into.send(bytes([number]))
    assert [rig.out.recv(9)[0] for _ in range(20)] == list(range(20))
    assert time.monotonic() - began >= 0.03
    rig.wait(lambda line: line.sent >= 20)
    assert rig.counters()["sent"] == 20


@pytest.mark.parametrize("rig", [{"jitter_ms": 25.0}], indirect=True)
def test_jitter_keeps_the_order(rig: Rig) -> None:
    for number in range(50):
        rig.into.send(bytes([number]))
    assert [rig.out.recv(9)[0] for _ in range(50)] == list(range(50))


@pytest.mark.parametrize("rig", [{"milliseconds": 10_000.0, "limit": 5}], indirect=True)
def test_what_does_not_fit_is_dropped_and_counted(rig: Rig) -> None:
    for number in range(12):
        rig.into.send(bytes([number]))
    rig.wait(lambda line: line.dropped + line.counters()["waiting"] >= 12)
    counters = rig.counters()
    assert (counters["dropped"], counters["waiting"], counters["sent"]) == (7, 5, 0)


def test_a_cable_that_is_cut_loses_frames_and_does_not_end_the_line(rig: Rig) -> None:
    rig.out.close()
    rig.into.send(b"x")
    rig.wait(lambda line: line.unsent > 0)
    assert not rig.line.ended
