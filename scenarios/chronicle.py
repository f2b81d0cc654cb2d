"""The whole timeline of a lab, gathered bit by bit: journals of all processes and logs of all daemons.

Each asking reads only what was added since the last one. What a line means is decided by `switch_log` and
`daemon_log`; what caused what by `causes`.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios import daemon_log, switch_log
from scenarios.machine import SwitchStall
from scenarios.values import Event
from simulator.client import LabClient
from simulator.tail import Tail

FAULT_KINDS = ("fault", "fault-cleared")
SWITCH = "switch-"


class Chronicle:
    """The timeline of one lab. Not for several threads at once."""

    def __init__(self, lab: LabClient) -> None:
        self._lab = lab
        self._logs: dict[Path, Tail] = {}
        self._from_logs: list[Event] = []
        self._stalls: list[SwitchStall] = []
        self._wall_minus_monotonic = time.time() - time.monotonic()

    def events(self, since: float) -> tuple[Event, ...]:
        """Every fact written down since then, in order of time."""
        self._read_logs()
        # An entry may be told by the moment it was begun, which is before the one it was written at.
        written = [_event(one.t, one.source, one.kind, one.detail) for one in self._lab.timeline(since)]
        first = bisect.bisect_left(self._from_logs, since, key=_moment)
        return tuple(sorted((*written, *self._from_logs[first:]), key=_moment))

    def stalls(self) -> tuple[SwitchStall, ...]:
        """Every warning so far of a switch about its own lateness."""
        self._read_logs()
        return tuple(self._stalls)

    def _read_logs(self) -> None:
        before = len(self._from_logs)
        for path in sorted((self._lab.run_directory / "logs").glob("*.log")):
            lines = self._logs.setdefault(path, Tail(path)).read()
            if lines:
                self._take(path.stem, lines)
        if len(self._from_logs) > before:
            self._from_logs.sort(key=_moment)

    def _take(self, name: str, lines: list[str]) -> None:
        role, _, node = name.partition("-")
        apart = self._wall_minus_monotonic
        source = f"{role}/{node}" if node else name
        self._from_logs += daemon_log.parse(lines, source, apart, time.monotonic())
        if name.startswith(SWITCH):
            text = "\n".join(lines)
            self._from_logs += switch_log.parse_bfd(text, node, apart)
            self._stalls += switch_log.parse_stalls(text, node, apart)


def _event(at: float, source: str, kind: str, detail: Mapping[str, Any]) -> Event:
    # A fault is written down when it is done; it takes hold no earlier than when it was begun.
    return Event(float(detail.get("t_before", at)) if kind in FAULT_KINDS else at, source, kind, detail)


def _moment(event: Event) -> float:
    return event.t
