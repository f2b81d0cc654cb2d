"""`python -m simulator.routers.frr_process DIRECTORY`: the three daemons of an FRR router as one process.

Its supervisor knows one process a service. Starts zebra, then the two that need it, says READY=1 when all
answer, and ends as soon as one of them ends: the supervisor kills what is left of the process group and
starts all anew. Decides nothing else.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import sdnotify

from simulator.routers import frr

START_SECONDS = 10.0
STOP_SECONDS = 2.0
_POLL = 0.01


class DaemonError(Exception):
    """A daemon ended, or did not begin to answer."""


def main(arguments: list[str]) -> int:
    """Run until a daemon ends (status 1) or SIGTERM comes (status 0)."""
    directory = arguments[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        _start(directory, "zebra", frr.zebra_socket(directory), running)
        for daemon in ("bfdd", "bgpd"):
            _start(directory, daemon, f"{directory}/{daemon}.vty", running)
        if os.environ.get("NOTIFY_SOCKET"):
            sdnotify.SystemdNotifier().notify("READY=1")
        _until_one_ends(running)
    except DaemonError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        _stop(running)


def _until_one_ends(running: dict[str, subprocess.Popen[bytes]]) -> NoReturn:
    """Raises DaemonError, with its name, as soon as one ends."""
    ended, status = os.wait()
    name = next((name for name, process in running.items() if process.pid == ended), str(ended))
    raise DaemonError(f"{name} ended with {os.waitstatus_to_exitcode(status)}")


def _start(directory: str, daemon: str, sock: str, running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Start a daemon; return when its socket accepts. Raises DaemonError."""
    for stale in (sock, f"{directory}/{daemon}.pid"):
        Path(stale).unlink(missing_ok=True)
    process = running[daemon] = subprocess.Popen(frr.command(daemon, directory), stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + START_SECONDS
    while not _accepts(sock):
        if process.poll() is not None:
            raise DaemonError(f"{daemon} ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise DaemonError(f"{daemon} does not answer on {sock} after {START_SECONDS:g} s")
        time.sleep(_POLL)


def _stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    """End them in order; who does not hear is killed."""
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in running.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
