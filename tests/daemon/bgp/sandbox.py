"""Network namespaces joined by veths, and processes in them that die with the test process.

`unshare` makes the first node in a user namespace of its own; further nodes live in the same one, so that an
ordinary user may join them.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
DEADLINE = 30.0


def eventually(what: str, probe: Callable[[], Found | bool | None], within: float = DEADLINE) -> Found:
    """The first true value of the probe; fails the test with `what` when there is none in time."""
    end = time.monotonic() + within
    while True:
        found = probe()
        if found:
            return found  # type: ignore[return-value]
        assert time.monotonic() < end, f"not within {within} s: {what}"
        time.sleep(0.01)


class Sandbox:
    """Nodes by name. Leave the `with` block and everything is gone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._holders: dict[str, subprocess.Popen[bytes]] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*reversed(self._processes), *self._holders.values()]:
            process.kill()
            process.wait(30)

    def node(self, name: str) -> None:
        """Make a network namespace, with its loopback up."""
        inside = ["nsenter", *self._target(next(iter(self._holders)))] if self._holders else []
        unshare = ["unshare", "--net"] if self._holders else ["unshare", "--map-root-user", "--net"]
        holder = subprocess.Popen(
            [*inside, *unshare, "setpriv", "--pdeathsig", "KILL", "sleep", "infinity"],
            stderr=subprocess.DEVNULL,
        )
        self._holders[name] = holder
        eventually(f"namespace of {name}", lambda: Path(f"/proc/{holder.pid}/comm").read_text() == "sleep\n")
        self.run(name, "ip", "link", "set", "lo", "up")

    def link(self, a: str, interface_a: str, b: str, interface_b: str, *addresses: tuple[str, str]) -> None:
        """A veth between two nodes, with pairs of addresses for its ends."""
        self.run(a, "ip", "link", "add", interface_a, "type", "veth", "peer", "name", interface_b,
                 "netns", str(self._holders[b].pid))  # fmt: skip
        for node, interface, own in ((a, interface_a, 0), (b, interface_b, 1)):
            self.run(node, "ip", "link", "set", interface, "up")
            for pair in addresses:
                extra = ["nodad"] if ":" in pair[own] else []
                self.run(node, "ip", "address", "add", pair[own], "dev", interface, *extra)

    def run(self, node: str, *command: str) -> str:
        """Run a command to its end in a node; its output."""
        done = subprocess.run(
            self.inside(node, command), capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, node: str, log: str, *command: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a process in a node, its output in `log` under the sandbox's directory."""
        with (self.directory / log).open("ab") as output:
            process = subprocess.Popen(
                self.inside(node, ["setpriv", "--pdeathsig", "KILL", *command]),
                stdout=output, stderr=output, cwd=cwd, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def inside(self, node: str, command: Sequence[str]) -> list[str]:
        """The command as it has to be started to run in the node."""
        return ["nsenter", *self._target(node), *command]

    def _target(self, node: str) -> list[str]:
        return ["-t", str(self._holders[node].pid), "-U", "--preserve-credentials", "-n"]


def can_make_namespaces() -> bool:
    """Whether this user may make user and network namespaces here."""
    return subprocess.run(["unshare", "-r", "-n", "true"], capture_output=True, check=False).returncode == 0


def environment() -> dict[str, str]:
    """The test process's environment, for daemons."""
    return dict(os.environ)
