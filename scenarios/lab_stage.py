"""The stage over a real lab: boots it, talks to its manager's API, runs its probes and injects its faults.

The only place where scenarios meet `simulator` and the API client in action; it decides and judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellnet_core.client import ApiError, Client, Connection, UnreachableError, WaitTimeoutError
from scenarios import gateways, machine, switch_log, traffic
from scenarios.measurements import Flow, FlowMeasurement
from scenarios.stage import ConnectionStatus, ServiceStatus, StageError, StageGoneError
from scenarios.values import Event
from simulator import lab as labs
from simulator.client import LabClient
from simulator.errors import LabDeadError, LabError, LabGoneError, LabUsageError, NameTakenError
from simulator.faults import FaultError
from simulator.probes.flows import ProbeError
from simulator.probes.session import ProbeSession
from topologies.model import Cell, Topology

MOST_NAMES = 99
GONE_SECONDS = 20.0
FAULT_KINDS = ("fault", "fault-cleared")


@dataclass(frozen=True, slots=True)
class Wish:
    """How the lab shall be: its name (or what to number if `exact` is false), and what runs in it."""

    name: str
    exact: bool = False
    controller: str = "ryu"


class LabStage:
    """Implements `scenarios.stage.Stage`."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._lab: LabClient | None = None
        self._api: Client | None = None
        self._topology: Topology | None = None
        self._ends: tuple[Cell, Cell] | None = None
        self._connection = ""
        self._endpoints: tuple[str, ...] = ()
        self._session: ProbeSession | None = None
        self._pid: int | None = None
        self._wall_minus_monotonic = time.time() - time.monotonic()

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
        if self._api is not None:
            self._api.close()
        if self._lab is not None:
            self._lab.down()

    # --- the lab ---------------------------------------------------------------------------------

    def up(self, topology: Topology, said: Callable[[str], None]) -> Mapping[str, Any]:
        self._topology = topology
        self._lab = self._start(topology, said)
        with _translated():
            self._pid = self._lab.daemon_pid()
        self._api = Client.unix(str(self._lab.manager_socket))
        view = self._lab.show()
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
        assert self._topology is not None
        here, there = self._joined()
        with _translated():
            return gateways.path_in_use(self.lab, self._topology, here, there)

    def _joined(self) -> tuple[Cell, Cell]:
        if self._ends is None:
            raise StageError("no cells are connected yet: make Connect an earlier step")
        return self._ends

    # --- the API ---------------------------------------------------------------------------------

    def connect(self, local_cell: str, remote_cell: str) -> Mapping[str, Any]:
        assert self._topology is not None
        name = f"{local_cell}-{remote_cell}"
        with _translated():
            api = self._client()
            ends = [api.create_endpoint(f"{cell}-end", cell) for cell in (local_cell, remote_cell)]
            self._endpoints = tuple(end.id for end in ends)
            connection = api.create_connection(name, *self._endpoints)
        self._connection = connection.id
        self._ends = (self._topology.cell(local_cell), self._topology.cell(remote_cell))
        return {"connection": connection.id, "paths": [path.name for path in connection.paths]}

    def status(self) -> ConnectionStatus | None:
        if not self._connection:
            return None
        try:
            connection = self._client().connection(self._connection)
        except (UnreachableError, ApiError):
            return None  # the manager is away; that is something to see, not a failure of the scenario
        return _status(connection)

    def disconnect(self) -> None:
        with _translated():
            api = self._client()
            api.delete_connection(self._connection)
            api.wait_until_gone(self._connection, GONE_SECONDS)
            for endpoint in self._endpoints:
                api.delete_endpoint(endpoint)

    def leftovers(self) -> Sequence[str]:
        with _translated():
            api = self._client()
            found = [f"connection {each.name} in the API" for each in api.connections()]
            found += [f"endpoint {each.name} in the API" for each in api.endpoints()]
            for cell in self._joined():
                for gateway in cell.gateways:
                    found += gateways.leftovers(self.lab, gateway)
        return found

    def _client(self) -> Client:
        if self._api is None:
            raise StageError("the lab has not been booted: make Boot the first step")
        return self._api

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
        if self._lab is None:
            return ()
        events = [_event(entry.t, entry.source, entry.kind, entry.detail) for entry in self._lab.timeline()]
        for node, text in self._switch_logs():
            events += switch_log.parse_bfd(text, node, self._wall_minus_monotonic)
        return tuple(sorted((e for e in events if e.t >= since), key=lambda event: event.t))

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        with _translated():
            self.lab.record(kind, detail)

    def look(self) -> machine.Snapshot:
        return machine.look(self._pid)

    def stalls(self) -> tuple[machine.SwitchStall, ...]:
        return tuple(
            stall
            for node, text in self._switch_logs()
            for stall in switch_log.parse_stalls(text, node, self._wall_minus_monotonic)
        )

    def _switch_logs(self) -> Iterator[tuple[str, str]]:
        if self._lab is None or self._topology is None:
            return
        for cell in self._topology.cells:
            for gateway in cell.gateways:
                log: Path = self._lab.run_directory / "logs" / f"switch-{gateway.name}.log"
                if log.exists():
                    yield gateway.name, log.read_text(encoding="utf-8", errors="replace")


def _event(at: float, source: str, kind: str, detail: Mapping[str, Any]) -> Event:
    # A fault is written down when it is done; it takes hold no earlier than when it was begun.
    return Event(float(detail.get("t_before", at)) if kind in FAULT_KINDS else at, source, kind, detail)


def _status(connection: Connection) -> ConnectionStatus:
    reasons = [
        part
        for condition in connection.conditions
        if condition.status != "True"
        for part in condition.message.split("; ")
    ]
    return ConnectionStatus(
        connection.provisioning_status, connection.operating_status, tuple(dict.fromkeys(reasons))
    )


@contextmanager
def _translated() -> Iterator[None]:
    """The errors of the lab, its probes and its API, as the stage's own."""
    try:
        yield
    except (LabDeadError, LabGoneError) as error:
        raise StageGoneError(str(error)) from error
    except (LabError, FaultError, ProbeError, ApiError, UnreachableError, WaitTimeoutError) as error:
        raise StageError(str(error)) from error
