"""A stage and a clock in memory, and measurements in short words: what tests of scenarios are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scenarios.actions import Change
from scenarios.lookout.values import Told
from scenarios.machine import MachineUse, Snapshot, SwitchStall
from scenarios.measurements import Flow, FlowMeasurement, Outage
from scenarios.safety.values import Survey
from scenarios.stage import ConnectionStatus, ServiceStatus, StageError
from scenarios.values import Event
from topologies.model import Topology

QUIET = MachineUse(seconds=3.0, cpus=2, pressure=0.04, busy=0.3, steal=0.0, foreign=0.02)
BUSY = replace(QUIET, pressure=0.93, busy=0.99, foreign=0.7)

THERE = Flow("main → east IPv4", "main-h1", "east-h1", "10.0.1.21", "10.0.2.21")
BACK = Flow("east → main IPv4", "east-h1", "main-h1", "10.0.2.21", "10.0.1.21")
CONTROL = Flow("control", "main-h1", "east-h1", "192.0.2.1", "192.0.2.2", control=True)


def saw(
    flow: Flow, *outages: float, start: float = 100.0, end: float = 104.0, **more: Any
) -> FlowMeasurement:
    """A flow with outages of so many ms, one second apart, all else being true."""
    sent = round((end - start) * flow.rate)
    each = tuple(
        Outage(start + 1 + number, duration, round(duration * flow.rate / 1000))
        for number, duration in enumerate(outages)
    )
    lost = sum(outage.lost for outage in each)
    made = FlowMeasurement(flow, start, end, sent, sent - lost, lost, 0, 0, each, 0.1, 0.4)
    return replace(made, **more)


class ManualClock:
    """Seconds that pass only when somebody sleeps; `at` runs something at a moment of it."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._later: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        due = [act for when, act in self._later if when <= self._now]
        self._later = [(when, act) for when, act in self._later if when > self._now]
        for act in due:
            act()

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """In so many seconds from now."""
        self._later.append((self._now + seconds, act))


class FakeStage:
    """Answers as a good lab does, until it is told to fail. `said` has everything that was asked of it."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.said: list[str] = []
        self.errors: dict[str, StageError] = {}
        """What a method raises, by its name."""
        self.lossy: dict[str, float] = {}
        """Outage in ms of a flow in each window that begins before its fault."""
        self.state = "ONLINE"
        self.left: tuple[str, ...] = ()
        self.apart: tuple[str, ...] = ()
        self.tables: dict[str, str] = {}
        """What a survey finds, by gateway."""
        self.strays: dict[str, int] = {}
        self.told: list[Told] = []
        """What the watch tells, one after the other; then that all is well."""
        self.restarts = 0
        self.events: list[Event] = []
        self.found_stalls: tuple[SwitchStall, ...] = ()
        self.busy = 0.0
        self._flows: tuple[Flow, ...] = ()
        self._injected: float | None = None

    @property
    def name(self) -> str:
        return "fake"

    def _ask(self, what: str, words: object = "") -> None:
        self.said.append(f"{what} {words}".strip())
        if what in self.errors:
            raise self.errors[what]

    def up(self, topology: Topology, said: Callable[[str], None]) -> Mapping[str, Any]:
        self._ask("up", topology.name)
        said("booting")
        return {"lab": "fake"}

    def connect(self, local_cell: str, remote_cell: str) -> Mapping[str, Any]:
        self._ask("connect", f"{local_cell} {remote_cell}")
        return {}

    def status(self) -> ConnectionStatus | None:
        return ConnectionStatus("ACTIVE", self.state, () if self.state == "ONLINE" else ("a path is down",))

    def disconnect(self) -> None:
        self._ask("disconnect")

    def leftovers(self) -> Sequence[str]:
        return self.left

    def start_probes(self, flows: Sequence[Flow]) -> None:
        self._ask("start_probes")
        self._flows = (*flows, CONTROL)

    def stop_probes(self) -> None:
        self._ask("stop_probes")

    def measure(self, start: float, end: float) -> tuple[FlowMeasurement, ...]:
        self._ask("measure")
        hit = self._injected is not None and start <= self._injected
        return tuple(
            saw(
                flow,
                *([self.lossy[flow.name]] if hit and flow.name in self.lossy else ()),
                start=start,
                end=end,
            )
            for flow in self._flows
        )

    def path_in_use(self) -> str:
        return "main-east-1"

    def paths(self) -> tuple[str, ...]:
        return ("main-east-1", "main-east-2")

    def change(self, change: Change) -> Mapping[str, Any]:
        self._ask("change", f"{change.do} {change.resource} {change.name}")
        return {"revision": 2}

    def disagreements(self) -> Sequence[str]:
        return self.apart

    def survey(self) -> Survey:
        self._ask("survey")
        return Survey(self.clock.now(), dict(self.tables), dict(self.strays))

    def keep_watch(self) -> None:
        self._ask("keep_watch")

    def watched(self) -> Told:
        return self.told.pop(0) if self.told else Told(samples=16, changes=4)

    def end_watch(self) -> Told:
        self._ask("end_watch")
        return self.watched()

    def inject(self, fault: Mapping[str, Any]) -> str:
        self._ask("inject", fault["kind"])
        self._injected = self.clock.now()
        self.events.append(Event(self._injected, "lab", "fault", {"fault": fault}))
        if fault["kind"] == "crash":
            self.restarts += 1
            return ""
        return "f1"

    def clear(self, fault: str) -> None:
        self._ask("clear", fault)

    def service(self, name: str) -> ServiceStatus:
        return ServiceStatus(ready=True, restarts=self.restarts, state="ready")

    def timeline(self, since: float) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.t >= since)

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        self.events.append(Event(self.clock.now(), "scenario", kind, detail))

    def look(self) -> Snapshot:
        now = self.clock.now()
        return Snapshot(at=now, cpus=2, pressure=now * self.busy, busy=now, steal=0.0, own=now)

    def stalls(self) -> tuple[SwitchStall, ...]:
        return self.found_stalls
