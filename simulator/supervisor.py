"""Keeps the lab's services running: each started, watched and restarted on its own.

A service that ends unasked is started again after 50 ms, then after longer and longer while it keeps ending
early. What it printed is in its log; when it started, became ready and ended is in the timeline. Knows
processes; knows nothing of what the services do.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL

from simulator.context import Clock, FaultTargetError
from simulator.errors import NotReadyError
from simulator.notify import NotifySocket
from simulator.processes import Child, Program, Starter
from simulator.services import STEADY_SECONDS, Listening, Notified, ServiceSpec, restart_delay
from simulator.timeline import Recorder
from simulator.view import ServiceState, ServiceView

STOP_SECONDS = 3.0
READY_SECONDS = 30.0
HOPELESS_STARTS = 6
"""So many starts that never became ready, and waiting for the service is given up."""
LOG_TAIL_LINES = 15
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What services are run with."""

    starter: Starter
    recorder: Recorder
    clock: Clock
    logs: Path
    notify: Path
    namespace: Callable[[str], int]
    environment: Mapping[str, str]


class Service:
    """One supervised process, and the task that keeps it going. Implements `context.ServiceControl`."""

    def __init__(self, spec: ServiceSpec, around: Surroundings, group: Supervisor) -> None:
        self.spec = spec
        self._around = around
        self._group = group
        self._process: Child | None = None
        self._state: ServiceState = "stopped"
        self._starts = 0
        self._ended_early = 0
        self._wanted_end = False
        self._started_at = 0.0
        self.ever_ready = False
        self._keeper: asyncio.Task[None] | None = None
        self._notify: NotifySocket | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def node(self) -> str:
        return self.spec.node

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.running else None

    @property
    def state(self) -> ServiceState:
        return self._state

    @property
    def hopeless(self) -> bool:
        """It was started often and never became ready."""
        return not self.ever_ready and self._ended_early >= HOPELESS_STARTS

    @property
    def log(self) -> Path:
        return self._around.logs / f"{self.spec.role}-{self.spec.node}.log"

    def view(self) -> ServiceView:
        """The service as clients see it."""
        return ServiceView(
            self.name, self.node, self._state, self.pid, max(0, self._starts - 1), f"logs/{self.log.name}"
        )

    def log_tail(self) -> str:
        """The end of its log, for an error message."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return "(it wrote no log)"
        return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:]) or "(its log is empty)"

    # --- what a fault may do to it ---------------------------------------------------------------

    def kill(self, signal: int) -> None:
        """Send a signal to its process group. Raises FaultTargetError if it is not running."""
        if self._process is None or not self._process.running:
            raise FaultTargetError(f"service {self.name} is not running now (it is {self._state})")
        self._around.recorder.record("service-signal", {"service": self.name, "signal": signal})
        self._process.signal(signal)
        if signal == SIGKILL:
            # As good as dead: who waits for readiness from now on means its successor's.
            self._enter("backoff")

    def freeze(self) -> None:
        """SIGSTOP to its process group."""
        self.kill(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT; harmless when it is gone."""
        if self._process is not None and self._process.running:
            self.kill(signal.SIGCONT)

    async def restart(self) -> None:
        """Stop it in order, start it again, return once it is ready. Raises NotReadyError."""
        await self.end()
        self.begin()
        await self._group.wait_ready(READY_SECONDS, only=(self,))

    async def stop(self) -> None:
        """Stop it in order and keep it stopped."""
        await self.end()

    async def start(self) -> None:
        """Keep it running again; return once it is ready. Raises NotReadyError."""
        self.begin()
        await self._group.wait_ready(READY_SECONDS, only=(self,))

    # --- life ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start to keep it running. Does nothing while it is being kept."""
        if self._keeper is None or self._keeper.done():
            self._wanted_end = False
            self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=f"keep {self.name}")

    async def end(self) -> None:
        """Stop it and keep it stopped; at most `STOP_SECONDS` and a kill."""
        self._wanted_end = True
        if self._process is not None and self._process.running:
            await self._process.stop(signal.SIGTERM, STOP_SECONDS)
        elif self._keeper is not None:
            self._keeper.cancel()  # it waits, for a dependency or a restart
        if self._keeper is not None:
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._enter("stopped")

    async def _keep(self) -> None:
        try:
            while True:
                await self._run_once()
                if self._wanted_end:
                    return
                self._enter("backoff")
                await self._around.clock.sleep(restart_delay(self._ended_early))
        finally:
            if self._notify is not None:
                self._notify.close()
                self._notify = None

    async def _run_once(self) -> None:
        self._enter("waiting")
        await self._group.wait_for(self.spec.after)
        try:
            process = self._start()
        except FaultTargetError as error:
            self._ended_early += 1
            self.log.write_text(f"{error}\n", encoding="utf-8")
            self._around.recorder.record("service-exit", {"service": self.name, "error": str(error)})
            return
        watcher: asyncio.Task[None] | None = None
        if isinstance(self.spec.ready, Listening):
            watcher = asyncio.create_task(self._watch(self.spec.ready.path.format(pid=process.pid)))
        elif not isinstance(self.spec.ready, Notified):
            self._is_ready()
        returncode = await asyncio.shield(process.exited)
        if watcher is not None:
            watcher.cancel()
        process.signal(signal.SIGKILL)  # what is left of its process group would be in the successor's way
        lived = self._around.clock.now() - self._started_at
        if not self._wanted_end:
            self._ended_early = 1 if lived >= STEADY_SECONDS else self._ended_early + 1
        self._around.recorder.record(
            "service-exit",
            {
                "service": self.name,
                "returncode": returncode,
                "lived_s": round(lived, 3),
                "asked": self._wanted_end,
            },
        )

    def _start(self) -> Child:
        around = self._around
        for path in self.spec.stale:
            Path(path).unlink(missing_ok=True)
        environment = {**around.environment, **self.spec.environment}
        if isinstance(self.spec.ready, Notified):
            if self._notify is None:
                self._notify = NotifySocket(around.notify / self.name, self._is_ready)
            self._notify.drain()
            environment["NOTIFY_SOCKET"] = str(self._notify.path)
        with self.log.open("ab") as log:
            program = Program(self.spec.argv, environment, own_share=self.spec.data_plane)
            process = around.starter.start(program, around.namespace(self.node), DEVNULL, log, log)
        self._process = process
        self._starts += 1
        self._started_at = around.clock.now()
        around.recorder.record(
            "service-start", {"service": self.name, "pid": process.pid, "restarts": self._starts - 1}
        )
        self._enter("starting")
        return process

    async def _watch(self, path: str) -> None:
        while not _accepts(path):
            await self._around.clock.sleep(_POLL)
        self._is_ready()

    def _is_ready(self) -> None:
        if self._state != "starting":
            return
        self.ever_ready = True
        took = self._around.clock.now() - self._started_at
        self._around.recorder.record("service-ready", {"service": self.name, "after_s": round(took, 3)})
        self._enter("ready")

    def _enter(self, state: ServiceState) -> None:
        self._state = state
        self._group.changed()


class Supervisor:
    """All services of a lab."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._services: dict[str, Service] = {}
        self._change = asyncio.Event()

    @property
    def services(self) -> tuple[Service, ...]:
        return tuple(self._services.values())

    def service(self, name: str) -> Service:
        """Raises FaultTargetError, which names the services there are."""
        try:
            return self._services[name]
        except KeyError:
            known = ", ".join(sorted(self._services)) or "none (it was started with --no-services)"
            raise FaultTargetError(f"there is no service {name!r}; services: {known}") from None

    def begin(self, specs: Iterable[ServiceSpec]) -> None:
        """Start them all at once; each waits for those it depends on."""
        for spec in specs:
            self._services[spec.name] = Service(spec, self._around, self)
        for service in self.services:
            service.begin()

    async def add(self, spec: ServiceSpec, within: float) -> None:
        """Start one more and return when it is ready. Raises FaultTargetError, and it is gone again."""
        if spec.name in self._services:
            raise FaultTargetError(f"there is a service {spec.name!r} already")
        service = self._services[spec.name] = Service(spec, self._around, self)
        service.begin()
        try:
            await self.wait_ready(within, only=(service,))
        except NotReadyError as error:
            await self.remove(spec.name)
            raise FaultTargetError(str(error)) from error
        except BaseException:
            await self.remove(spec.name)
            raise

    async def remove(self, name: str) -> None:
        """Stop one and forget it. Harmless when there is none."""
        service = self._services.pop(name, None)
        if service is not None:
            await service.end()
            self.changed()

    async def end_on(self, node: str) -> None:
        """Stop and forget the services of a node."""
        gone = [service for service in self.services if service.node == node]
        await asyncio.gather(*(service.end() for service in gone))
        for service in gone:
            del self._services[service.name]

    def changed(self) -> None:
        """Wake everybody who waits for a state."""
        self._change.set()
        self._change = asyncio.Event()

    async def wait_for(self, names: Iterable[str]) -> None:
        """Return when all of them are ready. Unbounded: what waits is shown as `waiting`."""
        wanted = [self._services[name] for name in names if name in self._services]
        while not all(service.state == "ready" for service in wanted):
            await self._change.wait()

    async def wait_ready(
        self,
        within: float,
        only: Iterable[Service] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Return when all (or `only` these) are ready. Raises NotReadyError after `within` seconds."""
        told: set[str] = set()
        chosen = None if only is None else tuple(only)
        try:
            async with asyncio.timeout(within):
                while True:
                    services = self.services if chosen is None else chosen
                    for service in services:
                        if service.state == "ready" and service.name not in told:
                            told.add(service.name)
                            if progress is not None:
                                progress(f"{service.spec.place}: {service.spec.role} ready")
                    if all(service.state == "ready" for service in services):
                        return
                    hopeless = [service for service in services if service.hopeless]
                    if hopeless:
                        raise _not_ready(hopeless, f"ended {HOPELESS_STARTS} times without becoming ready")
                    await self._change.wait()
        except TimeoutError as error:
            services = self.services if chosen is None else chosen
            late = [service for service in services if service.state != "ready"]
            raise _not_ready(late, f"not ready after {within:g} s") from error


def _not_ready(services: Iterable[Service], why: str) -> NotReadyError:
    parts = [
        f"{service.name} ({service.state}): {why}. End of logs/{service.log.name}:\n{service.log_tail()}"
        for service in services
    ]
    return NotReadyError("\n".join(parts))


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
