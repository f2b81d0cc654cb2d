"""The lab's timeline: journals of many processes, written as JSON lines, merged by their one clock.

A line is `{"t": CLOCK_MONOTONIC seconds, "source": ..., "kind": ..., "detail": {...}}`. Reading tolerates a
line that is still being written, and a lab that is dead.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


def read(journal: Path, since: float | None = None) -> tuple[TimelineEntry, ...]:
    """Every fact in `journal`/*.jsonl from `since` on, in order of time."""
    entries = [
        entry
        for path in sorted(journal.glob("*.jsonl"))
        for entry in _entries(path)
        if since is None or entry.t >= since
    ]
    entries.sort(key=lambda entry: entry.t)
    return tuple(entries)


def _entries(path: Path) -> Iterator[TimelineEntry]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # still being written; the next reading has it
            entry = _parse(line)
            if entry is not None:
                yield entry


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
