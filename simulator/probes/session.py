"""A probe session in a lab: starts a process a node, asks how things are, stops it, reports.

Needs nothing of the lab but its client. Figures are made in `simulator.probes.summary`.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from simulator import codec
from simulator.errors import LabError
from simulator.probes import load, start, summary, wiring
from simulator.probes import state as states
from simulator.probes.collecting import Collector
from simulator.probes.flows import Flow, ProbeError, control_link, over, specs
from simulator.probes.looks import Look, Looks
from simulator.probes.reports import ProbeReport
from simulator.probes.state import State, Watch
from simulator.probes.wan_ports import watched
from simulator.probes.watching import WatchSpec
from simulator.view import LabView
from topologies.model import Link

INSIDE = Path("/run/lab")
"""The lab's run directory as its nodes see it."""
WATCHER = "paths"
START_SECONDS = 15.0
LEAD_SECONDS = 0.05
"""The first packets leave so long after the processes were told when."""
SETTLE_SECONDS = 2.0
END_SECONDS = 5.0


class Lab(Protocol):
    """What a session needs of a lab (`simulator.client.LabClient` has it)."""

    @property
    def run_directory(self) -> Path: ...
    def show(self) -> LabView: ...
    def daemon_pid(self) -> int: ...
    def add_link(self, link: Link) -> None: ...
    def remove_link(self, name: str) -> None: ...
    def spawn(
        self,
        node: str,
        argv: Sequence[str],
        name: str,
        env: Mapping[str, str] | None = None,
        *,
        realtime: bool = False,
    ) -> str: ...
    def wait(self, process: str, timeout: float) -> int: ...
    def stop(self, process: str) -> int: ...


class ProbeSession:
    """Flows in a lab, from `start` to `stop`. Not for several threads at once."""

    def __init__(
        self,
        lab: Lab,
        flows: Sequence[Flow],
        name: str = "probe",
        *,
        control: bool = True,
        paths: bool = False,
    ) -> None:
        """`control`: add a cable beside the network between each pair of nodes, and flows over it.

        `paths`: look at the gateways' WAN ports, and report which links carried each flow.
        """
        if not flows:
            raise ProbeError("a probe session needs at least one flow", 2)
        self._lab = lab
        self._control = control
        self._paths = paths
        self._state = State(name, tuple(flows), secrets.randbits(32))
        self._collector: Collector | None = None
        self._looks: Looks | None = None

    @classmethod
    def attach(cls, lab: Lab, name: str = "probe") -> ProbeSession:
        """A session that another process started. Raises ProbeError if there is none."""
        state = states.load(lab.run_directory, name)
        session = cls(lab, state.flows, name, control=False)
        session._state = state
        return session

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Those asked for, and the control flows once it is started."""
        return self._state.flows

    @property
    def started_s(self) -> float:
        """When the first packets left, CLOCK_MONOTONIC."""
        return self._state.started_ns / 1e9

    @property
    def running(self) -> bool:
        return self._state.running

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the processes and, when all are ready, the flows. Raises ProbeError; nothing is left then."""
        self._claim()
        try:
            if self._control:
                self._add_control()
            self._launch()
        except BaseException:
            self._abandon()
            raise

    def snapshot(self, since_s: float | None = None, until_s: float | None = None) -> ProbeReport:
        """How things are: of all packets, or of those sent in that stretch of CLOCK_MONOTONIC.

        While flows run, the newest 0.3 s are not judged. How busy the machine was and how late packets left
        is told of that stretch too, as closely as snapshots were taken around it; a session that another
        process started tells of its whole life. Raises ProbeError before the start.
        """
        if self._state.started_ns == 0:
            raise ProbeError(f"probe session {self._state.name!r} has not been started", 2)
        if self.running:
            self._ask_all("status")
        return self._report(since_s, until_s)

    def stop(self) -> ProbeReport:
        """Send no more, wait for what is on its way, end the processes; the report is final.

        Called again, it reports the same.
        """
        if self.running:
            # What leaves while the processes are being told is not judged: some stop sooner than others.
            quiet = time.monotonic_ns()
            self._ask_all("quiesce")
            self._settle()
            self._ask_all("finish")
            for process in self._processes():
                self._end(process)
            self._remove_links()
            self._remember(stopped_ns=quiet)
        return self.snapshot()

    # --- starting --------------------------------------------------------------------------------

    @property
    def _directory(self) -> Path:
        return states.directory(self._lab.run_directory, self._state.name)

    def _claim(self) -> None:
        """Take the session's directory; one that was stopped is replaced."""
        name = self._state.name
        if (self._directory / states.FILE).exists() and ProbeSession.attach(self._lab, name).running:
            raise ProbeError(f"probe session {name!r} is running: stop it first, or choose another name", 2)
        self._directory.mkdir(parents=True, exist_ok=True)
        for old in self._directory.iterdir():
            old.unlink()

    def _add_control(self) -> None:
        taken = [link.name for link in self._lab.show().links]
        rates: dict[tuple[str, str], int] = {}
        for flow in self.flows:
            a, b = sorted((flow.sender, flow.receiver))
            rates[a, b] = max(rates.get((a, b), 0), flow.rate)
        for (a, b), rate in rates.items():
            link = control_link(a, b, taken)
            self._lab.add_link(link)
            taken.append(link.name)
            port = max(flow.port for flow in self.flows) + 1
            self._remember(
                links=(*self._state.links, link.name), flows=(*self.flows, *over(link, rate, port))
            )

    def _launch(self) -> None:
        inside = INSIDE / "probes" / self._state.name
        nodes = {node for flow in self.flows for node in (flow.sender, flow.receiver)}
        work = specs(self.flows, self._state.run, {node: str(inside / f"{node}.sock") for node in nodes})
        for spec in work:
            (self._directory / f"{spec.node}.json").write_text(
                json.dumps(codec.to_document(spec)), encoding="utf-8"
            )
            argv = (sys.executable, "-I", "-S", start.__file__, "run")
            files = ("--spec", f"{inside / spec.node}.json", "--output", f"{inside / spec.node}.records")
            label = f"probe-{self._state.name}-{spec.node}"
            process = self._lab.spawn(spec.node, [*argv, *files], label, realtime=True)
            self._remember(processes={**self._state.processes, spec.node: process})
        if self._paths:
            self._launch_watcher(inside)
        deadline = time.monotonic() + START_SECONDS
        for spec in work:
            self._await_ready(spec.node, self._state.processes[spec.node], deadline)
        if self._state.watch is not None:
            self._await_ready(WATCHER, self._state.watch.process, deadline)
        before = load.read(self._lab.daemon_pid())
        self._looks = Looks(before)
        self._remember(load_before=before)
        at = time.monotonic_ns() + int(LEAD_SECONDS * 1e9)
        for spec in work:
            wiring.ask(self._socket(spec.node), op="start", at_ns=at)
        self._remember(started_ns=at)

    def _launch_watcher(self, inside: Path) -> None:
        view = self._lab.show()
        watch, crossing, ports = watched(view, self.flows)
        spec = WatchSpec(self._state.run, str(inside / f"{WATCHER}.sock"), crossing, ports)
        (self._directory / f"{WATCHER}.json").write_text(
            json.dumps(codec.to_document(spec)), encoding="utf-8"
        )
        argv = (sys.executable, "-m", "simulator.probes", "watch", "--spec", f"{inside / WATCHER}.json")
        process = self._lab.spawn(ports[0].node, argv, f"probe-{self._state.name}-{WATCHER}")
        self._remember(watch=replace(watch, process=process))

    def _await_ready(self, node: str, identity: str, deadline: float) -> None:
        while True:
            try:
                wiring.ask(self._socket(node), op="status")
            except ProbeError as error:
                process = next(view for view in self._lab.show().processes if view.id == identity)
                if process.returncode is not None or time.monotonic() > deadline:
                    log = self._lab.run_directory / "logs" / Path(process.log).name
                    last = log.read_text(encoding="utf-8", errors="replace")[-800:] if log.exists() else ""
                    raise ProbeError(f"the probe process on {node} did not start: {last or error}") from error
                time.sleep(0.02)
            else:
                return

    def _processes(self) -> tuple[str, ...]:
        watch = self._state.watch
        return (*self._state.processes.values(), *([watch.process] if watch else []))

    def _abandon(self) -> None:
        for process in self._processes():
            try:
                self._lab.stop(process)
            except LabError:
                continue  # the lab went away, and the process with it
        self._remove_links()
        (self._directory / states.FILE).unlink(missing_ok=True)

    # --- asking and ending -----------------------------------------------------------------------

    def _socket(self, node: str) -> Path:
        return self._directory / f"{node}.sock"

    def _ask_all(self, operation: str) -> None:
        statuses = dict(self._state.statuses)
        for node in self._state.processes:
            try:
                answer, _ = wiring.ask(self._socket(node), op=operation)
                statuses[node] = {**answer, "alive": True}
            except ProbeError:
                if node in statuses:
                    statuses[node] = {**statuses[node], "alive": False}
        reading = self._reading()
        if self._looks is not None:
            self._looks.add(Look(reading, {node: one["lateness"] for node, one in statuses.items()}))
        self._remember(statuses=statuses, load_after=reading, watch=self._ask_watcher(operation))

    def _ask_watcher(self, operation: str) -> Watch | None:
        watch = self._state.watch
        if watch is None:
            return None
        try:
            answer, _ = wiring.ask(self._socket(WATCHER), op=operation)
        except ProbeError:
            return replace(watch, alive=False)
        return replace(watch, seen=answer, alive=True)

    def _reading(self) -> load.Reading:
        try:
            return load.read(self._lab.daemon_pid())
        except LabError:
            return load.read()  # the lab is gone; what it used is not known any more

    def _settle(self) -> None:
        """Until nothing more arrives, or two seconds."""
        deadline = time.monotonic() + SETTLE_SECONDS
        arrived = -1
        while time.monotonic() < deadline:
            time.sleep(0.1)
            self._ask_all("status")
            now = sum(sum(status["received"].values()) for status in self._state.statuses.values())
            if now == arrived:
                return
            arrived = now

    def _end(self, process: str) -> None:
        try:
            self._lab.wait(process, END_SECONDS)
        except LabError:
            try:
                self._lab.stop(process)
            except LabError:
                return  # the lab is gone; the report says what is known

    def _remove_links(self) -> None:
        for name in self._state.links:
            try:
                self._lab.remove_link(name)
            except LabError:
                continue  # taken away already, or the lab is gone

    def _report(self, since_s: float | None, until_s: float | None) -> ProbeReport:
        if self._collector is None:
            files = [self._directory / f"{node}.records" for node in self._state.processes]
            self._collector = Collector(files, len(self.flows))
        self._collector.read()
        return summary.report(self._state, self._collector.flows, since_s, until_s, self._looks)

    def _remember(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)
        states.store(self._lab.run_directory, self._state)
