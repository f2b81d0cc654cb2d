"""The stage over a real lab: boots it, talks to its manager's API, runs its probes and injects its faults.

The only place where scenarios meet `simulator` and the API client in action; it decides and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellnet_core.client import ApiError, Client, UnreachableError, WaitTimeoutError
from scenarios import gateways, machine, surveying, traffic, ways
from scenarios.actions import Change
from scenarios.capturing import Recorder
from scenarios.chronicle import Chronicle
from scenarios.lookout.session import Watchman
from scenarios.lookout.values import Told
from scenarios.measurements import Flow, FlowMeasurement
from scenarios.outcomes import Captured
from scenarios.safety.values import Survey
from scenarios.stage import ConnectionStatus, ServiceStatus, StageError, StageGoneError
from scenarios.values import Event
from scenarios.wanting import Wanting
from simulator import lab as labs
from simulator.captures import CaptureError
from simulator.client import LabClient
from simulator.errors import LabDeadError, LabError, LabGoneError, LabUsageError, NameTakenError
from simulator.faults import FaultError
from simulator.probes.flows import ProbeError
from simulator.probes.session import ProbeSession
from topologies.model import Cell, Link, Topology

MOST_NAMES = 99
_OF_THE_LAB = (LabError, FaultError, ProbeError, CaptureError)


@dataclass(frozen=True, slots=True)
class Wish:
    """How the lab shall be: its name (or what to number if `exact` is false), and what runs in it."""

    name: str
    exact: bool = False
    controller: str = "ryu"
    capture: tuple[str, ...] = ()
    """What to capture from the beginning to the end (`scenarios.capturing`)."""


class LabStage:
    """Implements `scenarios.stage.Stage`."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._lab: LabClient | None = None
        self._wanting: Wanting | None = None
        self._chronicle: Chronicle | None = None
        self._topology: Topology | None = None
        self._ends: tuple[Cell, Cell] | None = None
        self._session: ProbeSession | None = None
        self._watchman: Watchman | None = None
        self._recorder = Recorder(wish.capture)
        self._pid: int | None = None

    @property
    def name(self) -> str:
        return self._lab.name if self._lab else ""

    @property
    def lab(self) -> LabClient:
        """The lab. Raises StageError before it is up."""
        if self._lab is None:
            raise StageError("the lab has not been booted: make Boot the first step")
        return self._lab

    def take_down(self) -> None:
        """End the lab, if it was started. Raises LabError if it does not end."""
        if self._wanting is not None:
            self._wanting.close()
        if self._lab is not None:
            self._lab.down()

    # --- the lab ---------------------------------------------------------------------------------

    def up(self, topology: Topology, said: Callable[[str], None]) -> Mapping[str, Any]:
        self._topology = topology
        self._lab = self._start(topology, said)
        self._chronicle = Chronicle(self._lab)
        self._wanting = Wanting(Client.unix(str(self._lab.manager_socket)))
        with _translated():
            self._pid = self._lab.daemon_pid()
            view = self._lab.show()
            if self._wish.capture:
                said(f"starting to capture {', '.join(self._wish.capture)}")
            self._recorder.start(self._lab)
        return {"lab": self._lab.name, "nodes": len(view.nodes), "services": len(view.services)}

    def _start(self, topology: Topology, said: Callable[[str], None]) -> LabClient:
        """Raises LabUsageError when nothing was started: the wish was wrong, or this machine cannot."""
        wish = self._wish
        for number in range(1, MOST_NAMES + 1):
            name = wish.name if number == 1 else f"{wish.name}-{number}"
            try:
                return labs.up(topology, name=name, controller=wish.controller, progress=said)
            except NameTakenError:
                if wish.exact or number == MOST_NAMES:
                    raise
            except LabUsageError as error:
                if isinstance(error, LabDeadError):
                    raise StageError(str(error)) from error
                raise
            except LabError as error:
                raise StageError(str(error)) from error
        raise AssertionError("the last name was raised about")

    def inject(self, fault: Mapping[str, Any]) -> str:
        with _translated():
            return self.lab.inject(fault)

    def clear(self, fault: str) -> None:
        with _translated():
            self.lab.clear(fault)

    def service(self, name: str) -> ServiceStatus:
        with _translated():
            try:
                seen = self.lab.show().service(name)
            except KeyError as error:
                raise StageError(f"there is no service {name!r} in lab {self.name!r}") from error
        return ServiceStatus(seen.ready, seen.restarts, seen.state)

    def path_in_use(self) -> str:
        here, _ = self._joined()
        with _translated():
            return gateways.path_in_use(self.lab, self._ways(), here)

    def paths(self) -> tuple[str, ...]:
        return tuple(link.name for link in self._ways())

    def _ways(self) -> tuple[Link, ...]:
        assert self._topology is not None
        here, there = self._joined()
        return ways.between(self._topology, here, there)

    def _joined(self) -> tuple[Cell, Cell]:
        if self._ends is None:
            raise StageError("no cells are connected yet: make Connect an earlier step")
        return self._ends

    def survey(self) -> Survey:
        if self._lab is None or self._topology is None:
            raise StageError("the lab has not been booted: make Boot the first step")
        with _translated():
            return surveying.survey(self._lab, self._topology)

    def keep_watch(self) -> None:
        if self._lab is None or self._topology is None:
            raise StageError("the lab has not been booted: make Boot the first step")
        self._watchman = Watchman(self._lab, self._topology)
        with _translated():
            self._watchman.start()

    def watched(self) -> Told:
        return Told() if self._watchman is None else self._watchman.take()

    def end_watch(self) -> Told:
        watchman, self._watchman = self._watchman, None
        return Told() if watchman is None else watchman.end()

    def collect(self, report: Path) -> tuple[Captured, ...]:
        """End the captures and move their files into the report. Raises StageError."""
        with _translated():
            return self._recorder.collect(report)

    # --- the API ---------------------------------------------------------------------------------

    def connect(self, local_cell: str, remote_cell: str) -> Mapping[str, Any]:
        assert self._topology is not None
        name = f"{local_cell}-{remote_cell}"
        self.record("change", {"do": "create", "resource": "connection", "name": name})
        with _translated():
            facts = self._api().connect(local_cell, remote_cell)
        self._ends = (self._topology.cell(local_cell), self._topology.cell(remote_cell))
        return facts

    def change(self, change: Change) -> Mapping[str, Any]:
        self.record("change", {"do": change.do, "resource": change.resource, "name": change.name})
        with _translated():
            return self._api().change(change)

    def status(self) -> ConnectionStatus | None:
        return self._api().status()

    def disagreements(self) -> Sequence[str]:
        with _translated():
            return self._api().disagreements()

    def disconnect(self) -> None:
        with _translated():
            self._api().disconnect()

    def leftovers(self) -> Sequence[str]:
        with _translated():
            found = self._api().left()
            for cell in self._joined():
                for gateway in cell.gateways:
                    found += gateways.leftovers(self.lab, gateway)
        return found

    def _api(self) -> Wanting:
        if self._wanting is None:
            raise StageError("the lab has not been booted: make Boot the first step")
        return self._wanting

    # --- traffic ---------------------------------------------------------------------------------

    def start_probes(self, flows: Sequence[Flow]) -> None:
        with _translated():
            self._session = ProbeSession(self.lab, traffic.asked(flows), name="scenario")
            self._session.start()

    def stop_probes(self) -> None:
        if self._session is not None:
            with _translated():
                self._session.stop()

    def measure(self, start: float, end: float) -> tuple[FlowMeasurement, ...]:
        if self._session is None:
            return ()
        with _translated():
            report = self._session.snapshot(start, end)
        silent = [node.node for node in report.nodes if not node.alive]
        if silent:
            self.lab.daemon_pid()  # raises if the whole lab is gone
            raise StageError(f"the probe process on {', '.join(silent)} has ended; see logs/ of the lab")
        return traffic.measured(report)

    # --- what was written down -------------------------------------------------------------------

    def timeline(self, since: float) -> tuple[Event, ...]:
        return () if self._chronicle is None else self._chronicle.events(since)

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        with _translated():
            self.lab.record(kind, detail)

    def look(self) -> machine.Snapshot:
        return machine.look(self._pid)

    def stalls(self) -> tuple[machine.SwitchStall, ...]:
        return () if self._chronicle is None else self._chronicle.stalls()


@contextmanager
def _translated() -> Iterator[None]:
    """The errors of the lab, its probes and its API, as the stage's own."""
    try:
        yield
    except (LabDeadError, LabGoneError) as error:
        raise StageGoneError(str(error)) from error
    except (
        LabError,
        FaultError,
        ProbeError,
        CaptureError,
        ApiError,
        UnreachableError,
        WaitTimeoutError,
    ) as error:
        raise StageError(str(error)) from error
