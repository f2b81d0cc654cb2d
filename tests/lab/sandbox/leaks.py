"""What a lab could leave behind on the host, and whether it did.

Processes are recognised by a variable that every process of a test's labs inherits, so labs of others on the
same machine do not disturb. Interfaces and mounts are compared whole; files, in the directories that daemons
of a lab would write to if they were not private.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from pathlib import Path

MARK = "CELLNET_TEST_MARK"
WATCHED = ("/run/netns", "/run/openvswitch", "/run/frr", "/run/notify", "/etc/openvswitch")
"""Where only daemons of labs would leave anything. (Everybody writes to /tmp and /dev/shm.)"""


@dataclass(frozen=True)
class Snapshot:
    """The traces of labs on the host at one moment, each a set of readable names."""

    processes: frozenset[str]
    interfaces: frozenset[str]
    mounts: frozenset[str]
    files: frozenset[str]


def processes(mark: str) -> dict[int, str]:
    """pid -> command line of every process with the mark in its environment."""
    found = {}
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(entry.name)] = command.strip()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def take(mark: str, watched: tuple[str, ...] = WATCHED) -> Snapshot:
    """What is there now."""
    files = [path for directory in watched if Path(directory).is_dir() for path in Path(directory).iterdir()]
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return Snapshot(
        processes=frozenset(f"{pid} {command}" for pid, command in processes(mark).items()),
        interfaces=frozenset(
            line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]
        ),
        mounts=frozenset(mounts),
        files=frozenset(map(str, files)),
    )


def left_behind(before: Snapshot, mark: str, watched: tuple[str, ...] = WATCHED) -> list[str]:
    """What is there now and was not before, one line each."""
    now = take(mark, watched)
    return [
        f"{field.name}: {thing}"
        for field in fields(Snapshot)
        for thing in sorted(getattr(now, field.name) - getattr(before, field.name))
    ]


def wait_nothing_left(before: Snapshot, mark: str, seconds: float = 10.0) -> list[str]:
    """Empty as soon as nothing is left behind; after that many seconds, what still is."""
    deadline = time.monotonic() + seconds
    while (left := left_behind(before, mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
