"""How long the processors worked.

From the time in which they were idle, which a kernel that does not tick while idle (NO_HZ) knows exactly.
What it says of user, system and interrupts is sampled at each tick: whoever works in step with the tick, such
as a sender of 1,000 packets a second, is in all samples or in none. Two processors at half of their power
were so said to be at 95 % or at 30 %, from one run to the next.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

_UNIT = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Worked:
    """At one moment, in seconds. Only differences of two mean something."""

    at: float
    """Monotonic."""
    count: int
    """Processors."""
    busy: float
    """Of all processors together, for whomever, without what the hypervisor took."""
    steal: float
    """What the hypervisor took."""


def read(proc: Path = Path("/proc")) -> Worked:
    """The counters now (proc_stat(5))."""
    first, *lines = (proc / "stat").read_text(encoding="ascii").splitlines()
    at = time.monotonic()
    _user, _nice, _system, idle, iowait, _irq, _softirq, steal = (
        int(word) * _UNIT for word in first.split()[1:9]
    )
    # Those that are in the sum: not one that is offline, nor one that a container does not show.
    count = sum(line.startswith("cpu") for line in lines)
    return Worked(at, count, at * count - idle - iowait - steal, steal)
