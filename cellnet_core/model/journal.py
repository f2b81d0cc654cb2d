"""The journal: what a process decided and saw, as JSON lines on the machine's one monotonic clock.

One line is `{"t": seconds, "source": "agent/main-gw1", "kind": "action", "detail": {...}}`. Harnesses merge
the journals of many processes into a timeline by `t` (CLOCK_MONOTONIC is shared by all namespaces).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cellnet_core.model import redaction
from cellnet_core.model.clock import Clock


class Journal(Protocol):
    """Takes facts; never fails the caller for lack of a reader."""

    def record(self, kind: str, **detail: Any) -> None:
        """Write down one fact, now. `detail` must be JSON-able."""
        ...


class NoJournal:
    """Keeps nothing."""

    def record(self, kind: str, **detail: Any) -> None:
        """Forget it."""


class FileJournal:
    """Appends to a file, one line a fact, flushed at once (a reader may follow it)."""

    def __init__(self, path: Path, source: str, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._source = source
        self._clock = clock

    def record(self, kind: str, **detail: Any) -> None:
        self.write(self._clock.now(), kind, detail)

    def write(self, at: float, kind: str, detail: Mapping[str, Any]) -> None:
        """Write down a fact that was true at another moment of the same clock."""
        clean = redaction.redact(detail)
        line = {"t": round(at, 6), "source": self._source, "kind": kind, "detail": clean}
        self._file.write(json.dumps(line, default=_plain) + "\n")


def _plain(value: object) -> str:
    return redaction.text(str(value))
