"""The ovs-vswitchd process: which one is running, and when it ends.

Only looks; starting it is its supervisor's work. A pidfd tells of its death at once, where the database
keeps saying what the dead process said last.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cellnet_core.model.clock import Clock

_START_TIME: Final = 19  # field 22 of /proc/PID/stat, counted after "pid (comm)", proc(5)


def instance(run_directory: Path) -> str | None:
    """A text that changes with each start of ovs-vswitchd; None while it is not running."""
    try:
        pid = int((run_directory / "ovs-vswitchd.pid").read_text())
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    name, _, rest = stat.partition(" (")[2].rpartition(") ")
    fields = rest.split()
    # A pid file outlives a killed process, and its number may belong to somebody else by now.
    return f"{pid}:{fields[_START_TIME]}" if name == "ovs-vswitchd" and fields[0] not in "ZX" else None


async def wait_for_end(running: str) -> None:
    """Return when that instance has ended."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(int(running.partition(":")[0]))
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)


async def wait_for_start(run_directory: Path, clock: Clock, interval: float = 0.02) -> str:
    """Return the instance as soon as there is one; unbounded, for background use."""
    while (running := instance(run_directory)) is None:
        await clock.sleep(interval)
    return running
