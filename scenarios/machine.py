"""How busy the machine was while something was measured: pressure, steal, CPU used by others, switch stalls.

A timing that was missed says something about the product only if the machine was free to do the work. The
readers at the end are the only I/O; everything else is arithmetic on two snapshots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from simulator import processors


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counters at one moment; all in seconds. None: this kernel or this user cannot know."""

    at: float
    cpus: int
    pressure: float | None
    """Time in which some task waited for a CPU (PSI `some`, total)."""
    busy: float
    """CPU time used by everybody, all CPUs together, without steal; only differences mean something."""
    steal: float
    own: float | None
    """CPU time used by the lab and by this program."""


@dataclass(frozen=True, slots=True)
class SwitchStall:
    """A switch's own warning that it did not get to its work in time. `t` is monotonic seconds."""

    t: float
    node: str
    milliseconds: int
    text: str


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """A BFD session that went down although nothing was broken: a switch had no processor time."""

    t: float
    node: str
    interface: str


@dataclass(frozen=True, slots=True)
class MachineUse:
    """What the machine was doing over a window. Shares are of the window (pressure) or of all CPUs."""

    seconds: float
    cpus: int
    pressure: float | None
    busy: float
    steal: float
    foreign: float | None
    """CPU used by neither the lab nor this program."""
    stalls: tuple[SwitchStall, ...] = ()
    false_alarms: tuple[FalseAlarm, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """The same as plain JSON data."""
        return {
            "seconds": round(self.seconds, 3),
            "cpus": self.cpus,
            "pressure_some": _rounded(self.pressure),
            "cpu_busy": _rounded(self.busy),
            "cpu_steal": _rounded(self.steal),
            "cpu_foreign": _rounded(self.foreign),
            "switch_stalls": [
                {"node": stall.node, "ms": stall.milliseconds, "text": stall.text} for stall in self.stalls
            ],
            "bfd_false_alarms": [f"{alarm.node} {alarm.interface}" for alarm in self.false_alarms],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def between(
    first: Snapshot,
    second: Snapshot,
    stalls: Iterable[SwitchStall] = (),
    false_alarms: Iterable[FalseAlarm] = (),
) -> MachineUse:
    """What happened from the first to the second snapshot. Shares are cut to 0..1 (counters are coarse)."""
    seconds = max(second.at - first.at, 1e-9)
    capacity = seconds * second.cpus
    busy = second.busy - first.busy
    foreign = None
    if first.own is not None and second.own is not None:
        foreign = _share((busy - (second.own - first.own)) / capacity)
    pressure = None
    if first.pressure is not None and second.pressure is not None:
        pressure = _share((second.pressure - first.pressure) / seconds)
    return MachineUse(
        seconds=seconds,
        cpus=second.cpus,
        pressure=pressure,
        busy=_share(busy / capacity),
        steal=_share((second.steal - first.steal) / capacity),
        foreign=foreign,
        stalls=tuple(stall for stall in stalls if first.at <= stall.t <= second.at),
        false_alarms=tuple(false_alarms),
    )


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


# --- text of the kernel -------------------------------------------------------------------------------


def parse_pressure(text: str) -> float | None:
    """Seconds of `some` pressure in total, from /proc/pressure/cpu (Documentation/accounting/psi.rst)."""
    found = re.search(r"^some .*total=(\d+)", text, re.MULTILINE)
    return int(found[1]) / 1e6 if found else None


# --- readers ------------------------------------------------------------------------------------------


def look(lab_pid: int | None) -> Snapshot:
    """Read the counters now. `lab_pid` is the lab daemon's process id on this side of the sandbox."""
    worked = processors.read()
    return Snapshot(
        at=worked.at,
        cpus=worked.count,
        pressure=_read_pressure(),
        busy=worked.busy,
        steal=worked.steal,
        own=_own_seconds(lab_pid),
    )


def _read_pressure() -> float | None:
    try:
        return parse_pressure(Path("/proc/pressure/cpu").read_text(encoding="ascii"))
    except OSError:
        return None  # a kernel without PSI, or a container that hides it


def _own_seconds(lab_pid: int | None) -> float | None:
    """CPU seconds of the lab's process tree and of this program, with those of children that ended.

    Ended children are in their parent's account once it has waited for them; the lab daemon is the first
    process of its sandbox and inherits all orphans there, so none is missed.
    """
    own = psutil.Process().cpu_times()
    total = own.user + own.system
    if lab_pid is None:
        return total
    try:
        root = psutil.Process(lab_pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return None
    for process in family:
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue  # ended between the listing and now: its parent has it
        total += used.user + used.system + used.children_user + used.children_system
    return total
