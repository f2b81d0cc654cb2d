"""Background programs that clients start in nodes: probes, captures, traffic. Not restarted."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

from simulator.context import FaultTargetError
from simulator.processes import Process, Program, Reaper
from simulator.timeline import Recorder
from simulator.view import ProcessView

STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Entry:
    node: str
    argv: tuple[str, ...]
    process: Process
    log: Path


class Background:
    """The background programs of a lab, by id. An id stays known after its program has ended."""

    def __init__(self, reaper: Reaper, recorder: Recorder, logs: Path) -> None:
        self._reaper = reaper
        self._recorder = recorder
        self._logs = logs
        self._entries: dict[str, _Entry] = {}

    def spawn(self, node: str, namespace: int, name: str, program: Program) -> str:
        """Start a program; its id is the name, with a number if the name was used before."""
        identity, number = name, 1
        while identity in self._entries:
            number += 1
            identity = f"{name}-{number}"
        path = self._logs / f"run-{identity}.log"
        with path.open("ab") as log:
            process = self._reaper.start(program, namespace, DEVNULL, log, log)
        self._entries[identity] = _Entry(node, program.argv, process, path)
        detail = {"id": identity, "node": node, "argv": program.argv, "realtime": program.realtime}
        self._recorder.record("process-start", detail)
        process.exited.add_done_callback(lambda exited: self._ended(identity, exited))
        return identity

    async def stop(self, identity: str) -> int:
        """SIGTERM, then SIGKILL. Returns the exit status, also of one that ended before."""
        return await self._entry(identity).process.stop(signal.SIGTERM, STOP_SECONDS)

    async def wait(self, identity: str, seconds: float) -> int:
        """Exit status. Raises TimeoutError."""
        return await self._entry(identity).process.wait(seconds)

    async def stop_on(self, node: str) -> None:
        """Stop what runs in a node."""
        there = [key for key, entry in self._entries.items() if entry.node == node and entry.process.running]
        await asyncio.gather(*(self.stop(key) for key in there))

    def views(self) -> tuple[ProcessView, ...]:
        """All of them, in order of start."""
        return tuple(
            ProcessView(
                identity,
                entry.node,
                entry.argv,
                entry.process.pid,
                entry.process.exited.result() if entry.process.exited.done() else None,
                f"logs/{entry.log.name}",
            )
            for identity, entry in self._entries.items()
        )

    def _entry(self, identity: str) -> _Entry:
        if identity not in self._entries:
            known = ", ".join(self._entries) or "none"
            raise FaultTargetError(f"there is no background process {identity!r}; there are: {known}")
        return self._entries[identity]

    def _ended(self, identity: str, exited: asyncio.Future[int]) -> None:
        if not exited.cancelled():
            self._recorder.record("process-exit", {"id": identity, "returncode": exited.result()})
