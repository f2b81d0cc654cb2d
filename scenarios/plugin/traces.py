"""What a test could leave behind, in the lab's sandbox and in this process, as comparable values.

A process belongs to a service when it is in the session that the service leads; the lab's own first process
and the holders of its nodes are known. Everything else was started by somebody who did not tell the lab.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from simulator.client import LabClient
from simulator.view import LabView

WATCHED = ("tmp", "var/tmp", "dev/shm", "run", "run/netns")
"""Directories of the sandbox in which nothing may appear; each is private to the lab and in memory."""


_KINDS = {"processes": "process", "namespaces": "namespace", "mounts": "mount", "files": "file"}


@dataclass(frozen=True, slots=True)
class Traces:
    """The sandbox at one moment, as readable names."""

    processes: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    mounts: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Inmate:
    """A process of the sandbox: ids inside of it, and which namespaces it is in."""

    pid: int
    session: int
    command: str
    namespaces: frozenset[str]


def left_behind(before: Traces, now: Traces, audits: Iterable[str]) -> list[str]:
    """What is there now and was not before, a line each."""
    return [
        f"{one} in the sandbox: {thing}"
        for what, one in _KINDS.items()
        if what in set(audits)
        for thing in sorted(getattr(now, what) - getattr(before, what))
    ]


def of_lab(client: LabClient) -> Traces:
    """Look into a running lab, from the host, by /proc."""
    view = client.show()
    inmates = tuple(_inmates(view.pid))
    root = Path(f"/proc/{view.pid}/root")
    mounts = Path(f"/proc/{view.pid}/mountinfo").read_text(encoding="utf-8").splitlines()
    return Traces(
        processes=strangers(view, inmates),
        namespaces=frozenset(name for inmate in inmates for name in inmate.namespaces),
        mounts=frozenset(line.split()[4] for line in mounts),
        files=frozenset(_files(root)),
    )


def strangers(view: LabView, inmates: Iterable[Inmate]) -> frozenset[str]:
    """The processes that neither the lab nor a service of it answers for. Pure."""
    known = {1, *(node.pid for node in view.nodes)}
    sessions = {service.pid for service in view.services if service.pid is not None}
    return frozenset(
        f"{inmate.pid} {inmate.command}"
        for inmate in inmates
        if inmate.pid not in known and inmate.session not in sessions
    )


def _inmates(daemon: int) -> Iterator[Inmate]:
    """Every living process in the daemon's pid namespace or below."""
    sandbox = Path(f"/proc/{daemon}/ns/pid").readlink()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "ns" / "pid").readlink() != sandbox:
                continue
            status = dict(
                line.split(":\t", 1)
                for line in (entry / "status").read_text(encoding="utf-8").splitlines()
                if ":\t" in line
            )
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            namespaces = frozenset(str((entry / "ns" / kind).readlink()) for kind in ("net", "mnt"))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or is somebody else's
        if not status["State"].startswith("Z"):
            inside, session = (int(status[key].split()[-1]) for key in ("NSpid", "NSsid"))
            yield Inmate(inside, session, command or status["Name"], namespaces)


def _files(root: Path) -> Iterator[str]:
    for directory in WATCHED:
        try:
            names = [entry.name for entry in (root / directory).iterdir()]
        except FileNotFoundError:
            continue
        yield from (f"/{directory}/{name}" for name in names)


def descriptors() -> frozenset[str]:
    """The open files of this process, as "number target"."""
    found = set()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208  # Path.iterdir keeps its own descriptor open
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")  # noqa: PTH115  # as above
        except FileNotFoundError:
            continue  # the one that the listing itself used
    return frozenset(found)
