"""The lookout's process: taps behind sieves, flow monitors, and a socket on which it is asked.

Everything here may be late: packets carry the kernel's own stamps. Each case is written into the lab's
timeline when it is seen first; how often and how long is told to whoever asks.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scenarios.lookout import judging, sieve
from scenarios.lookout.judging import Wrong
from scenarios.lookout.monitors import Monitor
from scenarios.lookout.values import Sighting, Spec, Told
from simulator.captures.points import Point
from simulator.captures.tap import Tap
from simulator.probes.wiring import Server

PACE_SECONDS = 0.05
NICENESS = 15
APART_SECONDS = 1.0
"""The same case after so long a silence is a case of its own."""
MOST = 40
"""Cases between two questions: the first ones tell what there is to tell."""
KIND, SOURCE = "unsafe", "lookout"


class Lookout:
    """Taps, monitors, and what they showed since somebody asked."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._taps = [
            Tap(
                Point(door.node, door.device, door.pid, "", "", sieve.program(
                    spec.space, door.own, spec.ttl, spec.ports
                )),
                number,
                192,
            )
            for number, door in enumerate(spec.doors)
        ]  # fmt: skip
        self._monitors = [Monitor(switch) for switch in spec.switches]
        self._journal = Path(spec.journal).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115 - kept open
        self._server = Server(Path(spec.socket))
        self._open: dict[Wrong, Sighting] = {}
        self._closed: list[Sighting] = []
        self._samples = self._changes = 0
        self._ended = False
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self) -> None:
        """Until told to finish."""
        os.nice(NICENESS)
        for monitor in self._monitors:
            monitor.start()
        poll = select.poll()
        for tap in self._taps:
            poll.register(tap, select.POLLIN)
        while not self._ended:
            poll.poll(1000 * PACE_SECONDS)
            self._look()
            self._server.poll(self._answer)
            time.sleep(PACE_SECONDS)  # one waking for many packets: nothing depends on when they are read
        for monitor in self._monitors:
            monitor.stop()
        for tap in self._taps:
            tap.close()
        self._journal.close()

    def _look(self) -> None:
        since_epoch = time.time() - time.monotonic()
        for tap, door in zip(self._taps, self._spec.doors, strict=True):
            tap.look_again()
            for packet in tap.drain():
                wrong = judging.packet(packet.data, door, self._spec)
                if wrong is None:
                    self._samples += 1
                else:
                    self._note(wrong, packet.time_ns / 1e9 - since_epoch)
        for monitor in self._monitors:
            for line in monitor.lines():
                is_change, wrong = judging.flow(line, monitor.switch.node)
                self._changes += is_change
                if wrong is not None:
                    self._note(wrong, time.monotonic())

    def _note(self, wrong: Wrong, at: float) -> None:
        seen = self._open.get(wrong)
        if seen is not None and at - seen.last <= APART_SECONDS:
            self._open[wrong] = Sighting(
                wrong.says, wrong.what, min(seen.first, at), max(seen.last, at), seen.count + 1
            )
            return
        if seen is not None:
            self._close(seen)
        self._open[wrong] = Sighting(wrong.says, wrong.what, at, at, 1)
        detail = {"property": wrong.says, "seen": wrong.what}
        line = {"t": round(at, 6), "source": SOURCE, "kind": KIND, "detail": detail}
        self._journal.write(json.dumps(line) + "\n")

    def _close(self, seen: Sighting) -> None:
        if len(self._closed) < MOST:
            self._closed.append(seen)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self._look()
        if request.get("op") == "finish":
            self._ended = True
        if request.get("op") not in ("take", "finish"):
            return {}
        cases = sorted((*self._closed, *self._open.values()), key=lambda seen: seen.first)[:MOST]
        told = Told(self._samples, self._changes, tuple(cases), self._unseen())
        self._open.clear()
        self._closed.clear()
        self._samples = self._changes = 0
        return asdict(told)

    def _unseen(self) -> tuple[str, ...]:
        """Switches of which nothing at all was heard: Open vSwitch before 3.0 cannot tell."""
        return tuple(
            f"{one.switch.node}: its switch does not tell of its flows ({one.complaint or 'no answer'})"
            for one in self._monitors
            if not one.heard
        )

    def _terminate(self, _signal: int, _frame: object) -> None:
        self._ended = True
