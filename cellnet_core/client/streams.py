"""Server-sent events as text lines (WHATWG HTML, "Parsing an event stream"). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MEDIA_TYPE = "text/event-stream"
SILENCE = 45.0
"""Seconds without a byte after which a stream is given up: the manager shows life every 15."""


def data(lines: Iterable[str]) -> Iterator[str]:
    """The data of each whole event; comments and other fields are passed over, and so is a cut-off event."""
    parts: list[str] = []
    for line in lines:
        if not line:
            if parts:
                yield "\n".join(parts)
            parts = []
            continue
        field, _, value = line.partition(":")
        if field == "data":
            parts.append(value.removeprefix(" "))
