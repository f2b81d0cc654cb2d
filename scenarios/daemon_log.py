"""Reads the log lines of every daemon of a lab into events, each in the form its daemon writes. Pure.

Logs have wall-clock stamps: Open vSwitch in UTC to the millisecond, Python daemons in local time to the
millisecond, ExaBGP in local time to the second. The difference of the two clocks is an argument. A line
without a stamp belongs to the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from .values import Event

_OVS = re.compile(
    r"^(?P<when>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)Z\|\d+\|(?P<about>[^|]*)\|(?P<level>[A-Z]+)\|(?P<text>.*)$"
)
_PYTHON = re.compile(
    r"^(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+) (?P<level>[A-Z]+) (?P<about>[\w.]+):? ?(?P<text>.*)$"
)
_EXABGP = re.compile(r"^(?P<when>\d\d:\d\d:\d\d) +\d+ +(?P<about>\S+) +(?P<text>.*)$")
_DAY = 86400.0
LONGEST = 300
"""Characters of a line that are kept."""


def parse(
    lines: Iterable[str], source: str, wall_minus_monotonic: float, now: float, zone: tzinfo | None = None
) -> list[Event]:
    """Events of kind "log", with `text`, `level` and `about` (the daemon's own part) where they are said.

    `now` is monotonic; lines with a time of day only are taken for the newest that is not later. `zone` is
    that of the daemons, by default the machine's.
    """
    found: list[Event] = []
    for line in lines:
        parts = _OVS.match(line) or _PYTHON.match(line) or _EXABGP.match(line)
        if parts is None:
            continue
        said = parts.groupdict()
        at = _moment(said["when"], wall_minus_monotonic, now, zone)
        detail = {"text": said["text"][:LONGEST], "about": said["about"]}
        if said.get("level"):
            detail["level"] = said["level"]
        found.append(Event(at, source, "log", detail))
    return found


def _moment(when: str, wall_minus_monotonic: float, now: float, zone: tzinfo | None) -> float:
    if "T" in when:
        return datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() - wall_minus_monotonic
    if "-" in when:
        local = datetime.fromisoformat(when.replace(",", "."))
        return local.replace(tzinfo=zone).astimezone(UTC).timestamp() - wall_minus_monotonic
    today = datetime.fromtimestamp(now + wall_minus_monotonic, zone).date()
    local = datetime.fromisoformat(f"{today.isoformat()} {when}")
    at = local.replace(tzinfo=zone).astimezone(UTC).timestamp() - wall_minus_monotonic
    return at if at <= now + 1 else at - _DAY
