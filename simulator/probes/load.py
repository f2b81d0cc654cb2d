"""How busy the machine was, and who kept it busy: the lab, others, or the host that runs this machine.

Read by whoever asks for figures, never by a process that sends or receives: a walk over /proc takes
milliseconds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from simulator import processors

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment, in seconds. `stalled_s` is None where the kernel has no PSI.

    `lab_s` is the CPU time of the lab's processes and of their ended children.
    """

    t: float
    busy_s: float
    steal_s: float
    lab_s: float
    stalled_s: float | None
    processors: int


@dataclass(frozen=True, slots=True)
class Load:
    """Between two readings: shares of all processors' time, in percent.

    `pressure` is the share of time in which some task waited for a processor (PSI `some`); None without PSI.
    `foreign` is work of processes outside the lab; `steal` what the hypervisor gave to others.
    """

    lab: float
    foreign: float
    steal: float
    pressure: float | None


def between(before: Reading, after: Reading) -> Load:
    """What happened from one reading to the next. Pure."""
    wall = max(after.t - before.t, 1e-9)
    capacity = wall * after.processors
    busy = max(after.busy_s - before.busy_s, 0.0)
    lab = max(after.lab_s - before.lab_s, 0.0)
    pressure = None
    if before.stalled_s is not None and after.stalled_s is not None:
        pressure = round(min(100 * (after.stalled_s - before.stalled_s) / wall, 100.0), 1)
    return Load(
        lab=round(100 * lab / capacity, 1),
        foreign=round(100 * max(busy - lab, 0.0) / capacity, 1),
        steal=round(100 * max(after.steal_s - before.steal_s, 0.0) / capacity, 1),
        pressure=pressure,
    )


def read(lab_pid: int | None = None, proc: Path = Path("/proc")) -> Reading:
    """The counters now. `lab_pid` is a process of the lab: those in its pid namespace are the lab."""
    worked = processors.read(proc)
    return Reading(
        t=worked.at,
        busy_s=worked.busy,
        steal_s=worked.steal,
        lab_s=0.0 if lab_pid is None else _lab_seconds(proc, lab_pid),
        stalled_s=_stalled_seconds(proc),
        processors=worked.count,
    )


def _lab_seconds(proc: Path, lab_pid: int) -> float:
    ticks = 0
    try:
        lab = (proc / str(lab_pid) / "ns" / "pid").readlink()
    except (OSError, ProcessLookupError):
        return 0.0  # the lab is gone
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "ns" / "pid").readlink() == lab:
                    stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                    ticks += sum(int(word) for word in stat.rpartition(")")[2].split()[11:15])
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # ended meanwhile, or somebody else's
    return ticks / _TICK


def _stalled_seconds(proc: Path) -> float | None:
    try:
        some = (proc / "pressure" / "cpu").read_text(encoding="ascii").split("\n", 1)[0]
    except OSError:
        return None  # no PSI in this kernel, or not switched on
    return int(some.rpartition("total=")[2]) / 1e6
