"""Reads ovs-vswitchd's log: its warnings about its own lateness, and the state changes of BFD.

Pure: text in, values out. The log has wall-clock stamps in UTC; the difference of the two clocks is an
argument, and makes monotonic moments of them, to the millisecond.
"""

from __future__ import annotations

import re
from datetime import datetime

from .machine import SwitchStall
from .values import Event

_LINE = re.compile(
    r"^(?P<when>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)Z\|\d+\|(?P<module>[^|]*)\|(?P<level>[A-Z]+)\|(?P<text>.*)$"
)
_LATE = re.compile(
    r"Unreasonably long (?P<poll>\d+)ms poll interval"
    r"|blocked (?P<blocked>\d+) ms waiting for"
    r"|long delay of (?P<delay>\d+)ms \(expected \d+ms\) sending BFD"
)
_BFD = re.compile(
    r'^(?P<port>\S+): BFD state change: (?P<old>\w+)->(?P<new>\w+) "(?P<why_old>[^"]*)"->"(?P<why>[^"]*)"'
)


def parse_stalls(text: str, node: str, wall_minus_monotonic: float) -> tuple[SwitchStall, ...]:
    """Warnings of lib/timeval.c, lib/ovs-rcu.c and lib/bfd.c, in the order of the log."""
    stalls = []
    for line in text.splitlines():
        parts = _LINE.match(line)
        late = _LATE.search(parts["text"]) if parts else None
        if parts is None or late is None:
            continue
        milliseconds = int(late["poll"] or late["blocked"] or late["delay"])
        stalls.append(SwitchStall(_moment(parts, wall_minus_monotonic), node, milliseconds, parts["text"]))
    return tuple(stalls)


def parse_bfd(text: str, node: str, wall_minus_monotonic: float) -> tuple[Event, ...]:
    """BFD sessions that changed their state (RFC 5880 section 6.2), as events of kind "bfd"."""
    events = []
    for line in text.splitlines():
        parts = _LINE.match(line)
        change = _BFD.match(parts["text"]) if parts else None
        if parts is None or change is None:
            continue
        detail = {
            "interface": change["port"],
            "was": change["old"],
            "state": change["new"],
            "diagnostic": change["why"],
        }
        events.append(Event(_moment(parts, wall_minus_monotonic), f"switch/{node}", "bfd", detail))
    return tuple(events)


def _moment(parts: re.Match[str], wall_minus_monotonic: float) -> float:
    return datetime.fromisoformat(parts["when"] + "+00:00").timestamp() - wall_minus_monotonic
