"""Labs outlive the processes that start them; this says whose they are, so that none is left by a killed run.

A run directory of ours has a file that its owner holds locked (flock). Nobody holds it: the owner is gone,
and the next run ends the lab, unless it was kept on purpose.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from simulator import rundir
from simulator.client import LabClient

PREFIX = "pytest-"
_OWNER = "pytest-owner"
_KEPT = "pytest-kept"


class Ownership:
    """This process's hold on one lab."""

    def __init__(self, run_directory: Path) -> None:
        self._directory = run_directory
        self._lock = os.open(run_directory / _OWNER, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def release(self, *, keep: bool) -> None:
        """Let go; with `keep` no later run ends the lab."""
        if keep:
            (self._directory / _KEPT).touch()
        os.close(self._lock)


def orphans(base: Path | None = None) -> tuple[rundir.RunDirectory, ...]:
    """Labs of runs that are gone."""
    return tuple(
        directory
        for directory in rundir.listing(base)
        if directory.name.startswith(PREFIX) and _orphaned(directory.path)
    )


def _orphaned(directory: Path) -> bool:
    if (directory / _KEPT).exists():
        return False
    try:
        lock = os.open(directory / _OWNER, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False  # just being made, or not by us
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def sweep(base: Path | None = None) -> tuple[str, ...]:
    """End the labs of runs that are gone; their names. Raises LabError."""
    found = orphans(base)
    for directory in found:
        LabClient(directory).down()
    return tuple(directory.name for directory in found)
