"""Whether BFD of a switch is up with the timers that were asked for.

A session that has just come up sends once a second until both ends have agreed on less (RFC 5880, 6.8.3): a
fault in that second is found after up to three seconds, in every network alike; it says nothing about repair.
"""

from __future__ import annotations

import re

SLOWEST_MS = 100
_SHOWN = re.compile(r"^\s*(Forwarding|TX Interval|RX Interval): (?:Approx )?(\w+?)(?:ms)?$", re.MULTILINE)


def settled(shown: str, paths: int) -> bool:
    """`shown` is what `ovs-appctl bfd/show` prints; `paths` how many sessions have to be up and fast."""
    found: dict[str, list[str]] = {}
    for what, value in _SHOWN.findall(shown):
        found.setdefault(what, []).append(value)
    forwarding = found.get("Forwarding", [])
    intervals = [*found.get("TX Interval", []), *found.get("RX Interval", [])]
    return (
        len(forwarding) >= paths
        and all(value == "true" for value in forwarding)
        and len(intervals) >= 2 * paths
        and all(int(value) <= SLOWEST_MS for value in intervals)
    )
