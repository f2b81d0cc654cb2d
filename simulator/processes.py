"""Programs started by the lab's first process, and the children of the dead that fall to it.

As pid 1 of the sandbox the daemon inherits every orphan: one reaper collects all exits, hands those of our
own children to their owners and forgets the rest. Start programs from the event loop's thread only, so that
no child can be reaped before it is known.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Protocol

from simulator import namespaces
from simulator.context import Completed, FaultTargetError
from simulator.realtime import RealtimeThread

Output = int | IO[bytes]

BACKGROUND_NICE = 3
"""Half of the weight of a switch (sched(7))."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how. `environment` is complete: nothing is inherited.

    `realtime` asks for SCHED_FIFO; where the machine does not allow it, the program runs without.
    `own_share` gives it a session of its own. The kernel shares processors among sessions first
    (sched_autogroup, sched(7)): what stays in the lab's session shares the time of one with all others there.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str = "/"
    realtime: bool = False
    own_share: bool = True


class Child(Protocol):
    """A started program, as its owner needs it."""

    exited: asyncio.Future[int]
    """Exit status, negative for a signal. Wait for it through `asyncio.shield`."""

    @property
    def pid(self) -> int: ...

    @property
    def running(self) -> bool: ...

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group. Harmless when it is gone."""
        ...

    async def stop(self, number: int, seconds: float) -> int:
        """Signal it, wait, then kill it. Returns the exit status."""
        ...


class Starter(Protocol):
    """Starts programs. `Reaper` does; tests bring their own."""

    def start(self, program: Program, namespace: int, stdin: Output, stdout: Output, stderr: Output) -> Child:
        """Start a program in a network namespace. Raises FaultTargetError if it cannot be executed."""
        ...


class Process:
    """A running program, leader of its own process group."""

    def __init__(self, popen: subprocess.Popen[bytes], exited: asyncio.Future[int]) -> None:
        self._popen = popen
        self.exited = exited

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return not self.exited.done()

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group, the leader's children too. Harmless when it is gone."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    async def wait(self, seconds: float) -> int:
        """Exit status. Raises TimeoutError after that many seconds; the program goes on."""
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.exited)

    async def stop(self, number: int, seconds: float) -> int:
        """Signal it, wait, then kill it. Returns the exit status."""
        self.signal(number)
        self.signal(signal.SIGCONT)  # a frozen process must thaw to hear it
        try:
            return await self.wait(seconds)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await asyncio.shield(self.exited)


class Reaper:
    """Starts programs and collects every exit in the sandbox."""

    def __init__(self, realtime: RealtimeThread) -> None:
        self._realtime = realtime
        self._children: dict[int, tuple[subprocess.Popen[bytes], asyncio.Future[int]]] = {}

    def install(self) -> None:
        """Begin to collect; call once, in the running loop."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.collect)

    def collect(self) -> None:
        """Reap everything that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                popen, exited = child
                popen.returncode = os.waitstatus_to_exitcode(status)
                exited.set_result(popen.returncode)

    def start(
        self, program: Program, namespace: int, stdin: Output, stdout: Output, stderr: Output
    ) -> Process:
        """Start a program in a network namespace. Raises FaultTargetError if it cannot be executed."""

        def execute() -> subprocess.Popen[bytes]:
            with namespaces.inside(namespace):
                return subprocess.Popen(
                    program.argv,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    env=program.environment,
                    cwd=program.directory,
                    start_new_session=program.own_share,
                    process_group=None if program.own_share else 0,
                )

        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            # Either way this thread is busy until the child is known: it cannot be reaped before.
            popen = self._realtime.call(execute) if program.realtime else execute()
        except (OSError, ValueError) as error:
            raise FaultTargetError(f"cannot run {program.argv[0]!r}: {error}") from error
        self._children[popen.pid] = (popen, exited)
        if not program.own_share:
            # Where the kernel does not share by session: the same precedence, process by process.
            os.setpriority(os.PRIO_PROCESS, popen.pid, BACKGROUND_NICE)
        return Process(popen, exited)

    async def run(
        self, program: Program, namespace: int, *, stdin: str | None = None, within: float = 10.0
    ) -> Completed:
        """Run a program to its end. Raises TimeoutError after `within` seconds; it is then killed."""
        # Files in memory, not pipes: nothing to pump, and a grandchild that keeps them open holds nobody up.
        files = [os.fdopen(os.memfd_create(name), "w+b") for name in ("stdin", "stdout", "stderr")]
        try:
            given, output, errors = files
            given.write((stdin or "").encode())
            given.seek(0)
            process = self.start(program, namespace, given, output, errors)
            try:
                returncode = await process.wait(within)
            finally:
                if process.running:
                    process.signal(signal.SIGKILL)
            output.seek(0)
            errors.seek(0)
            return Completed(
                returncode, output.read().decode(errors="replace"), errors.read().decode(errors="replace")
            )
        finally:
            for file in files:
                file.close()
