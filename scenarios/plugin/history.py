"""The lab's timeline, from the start of one test on."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from simulator.client import LabClient
from simulator.view import TimelineEntry


class Timeline:
    """What every process of the lab wrote down since the test began, in order of time."""

    def __init__(self, client: LabClient, since_s: float) -> None:
        self._client = client
        self.since_s = since_s
        """Start of the test, CLOCK_MONOTONIC seconds."""

    def __call__(
        self, kind: str = "*", source: str = "*", since: float | None = None
    ) -> tuple[TimelineEntry, ...]:
        """The facts whose kind and source match these patterns ("bfd", "agent/*"), now."""
        entries = self._client.timeline(self.since_s if since is None else since)
        return tuple(
            entry for entry in entries if fnmatchcase(entry.kind, kind) and fnmatchcase(entry.source, source)
        )

    def __iter__(self) -> Iterator[TimelineEntry]:
        return iter(self())

    def record(self, kind: str, **detail: Any) -> None:
        """Put a fact of the test into it."""
        self._client.record(kind, detail)
