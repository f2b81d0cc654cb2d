"""The lab's timeline: journals of many processes, written as JSON lines, merged by their one clock.

A line is `{"t": CLOCK_MONOTONIC seconds, "source": ..., "kind": ..., "detail": {...}}`. Reading tolerates a
line that is still being written, and a lab that is dead.
"""

from __future__ import annotations

import bisect
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.tail import Tail
from simulator.view import TimelineEntry


class Recorder:
    """Writes one journal file, a line a fact, each flushed at once."""

    def __init__(self, path: Path, source: str) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._source = source

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Write down a fact, now. `detail` must be JSON-able; anything else in it is written as text."""
        line = {"t": round(time.monotonic(), 6), "source": self._source, "kind": kind, "detail": detail}
        self._file.write(json.dumps(line, default=str) + "\n")


class Follower:
    """The timeline of one lab, read bit by bit: each reading parses only what is new. For any thread."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._tails: dict[Path, Tail] = {}
        self._entries: list[TimelineEntry] = []
        self._lock = threading.Lock()

    def entries(self, since: float | None = None) -> tuple[TimelineEntry, ...]:
        """Every fact in the journal's *.jsonl from `since` on, in order of time."""
        with self._lock:
            before = len(self._entries)
            for path in sorted(self._journal.glob("*.jsonl")):
                lines = self._tails.setdefault(path, Tail(path)).read()
                self._entries += [entry for line in lines if (entry := _parse(line)) is not None]
            if len(self._entries) > before:
                self._entries.sort(key=_moment)
            first = 0 if since is None else bisect.bisect_left(self._entries, since, key=_moment)
            return tuple(self._entries[first:])


def _moment(entry: TimelineEntry) -> float:
    return entry.t


def _parse(line: str) -> TimelineEntry | None:
    """None for what a process that was killed in the middle of a line left behind."""
    try:
        document = json.loads(line)
        return TimelineEntry(
            t=float(document["t"]),
            source=str(document["source"]),
            kind=str(document["kind"]),
            detail=dict(document.get("detail") or {}),
        )
    except (ValueError, KeyError, TypeError):
        return None
