"""One test with its lab: everything its fixtures give, what it tells when it fails, and how it ends."""

from __future__ import annotations

import dataclasses
import gc
import random
import time
from collections.abc import Sequence
from pathlib import Path

from scenarios import machine, switch_log, verdicts
from scenarios.machine import MachineUse, SwitchStall
from scenarios.measurements import FlowMeasurement
from scenarios.plugin import records, telling, traces
from scenarios.plugin.expecting import Expect
from scenarios.plugin.history import Timeline
from scenarios.plugin.injecting import Faults
from scenarios.plugin.judging import Judge
from scenarios.plugin.measuring import measurements
from scenarios.plugin.options import Options
from scenarios.plugin.pool import Lent, Pool
from scenarios.plugin.probing import Probes
from scenarios.plugin.recording import Captures
from scenarios.plugin.resetting import Cleaning
from simulator.errors import LabError

SWITCH_LOG = "switch-{}.log"


class Case:
    """From the moment a test has its lab until it gives it back."""

    def __init__(self, nodeid: str, lent: Lent, pool: Pool, options: Options) -> None:
        self.nodeid = nodeid
        self.lent = lent
        self.failed = False
        self.outcome = "passed"
        self.reason = ""
        self._pool = pool
        self._options = options
        stays = options.keep or options.pause
        self.started_s = time.monotonic()
        self.faults = Faults(lent.client, stays_on_error=stays)
        self.probes = Probes(lent.client)
        self.captures = Captures(lent.client, lent.recorder, self.started_s)
        self.cleaning: Cleaning | None = None
        """How its reset went, once it is over."""
        self.timeline = Timeline(lent.client, self.started_s)
        self.expect = Expect(Judge(self, inconclusive_fails=options.inconclusive_fails))
        self.rng = random.Random(f"{options.seed} {nodeid}")
        self._logs = telling.sizes(self._log_directory)
        self._pid = lent.birth.view.pid
        self._machine = machine.look(self._pid)
        self._descriptors = traces.descriptors()

    @property
    def _log_directory(self) -> Path:
        return self.lent.client.run_directory / "logs"

    # --- a witness -------------------------------------------------------------------------------

    def machine(self) -> MachineUse:
        """How busy the machine was since the test began."""
        return machine.between(self._machine, machine.look(self._pid), self._stalls())

    def flows(self) -> Sequence[FlowMeasurement]:
        """What every probe of the test says now."""
        return [flow for report in self.probes.last_reports() for flow in measurements(report)]

    def _stalls(self) -> list[SwitchStall]:
        """Warnings of switches about their own lateness, but for those that the test itself stopped."""
        stopped = {str(fault.document.get("service", "")) for fault in self.faults.injected}
        offset = time.time() - time.monotonic()
        found: list[SwitchStall] = []
        for service in self.lent.birth.view.services:
            log = self._log_directory / SWITCH_LOG.format(service.node)
            if service.name.startswith("switch@") and service.name not in stopped and log.exists():
                text = log.read_text(encoding="utf-8", errors="replace")
                found += switch_log.parse_stalls(text, service.node, offset)
        return found

    # --- what it tells ---------------------------------------------------------------------------

    def sections(self) -> list[tuple[str, str]]:
        """Titles and texts for the report of a failure; those with nothing to say are left out."""
        client = self.lent.client
        entries = self.timeline()
        use = self.machine()
        reports = self.probes.last_reports()
        flows = [flow for report in reports for flow in measurements(report)]
        told = [
            ("cellnet timeline", telling.facts(entries, self.started_s, client.run_directory / "journal")),
            ("cellnet plans", telling.plans(entries, self.started_s)),
            ("cellnet probes", telling.probes(reports, self.started_s)),
            ("cellnet captures", self.captures.told()),
            ("cellnet logs", telling.tails(self._log_directory, self._logs)),
            ("cellnet machine", telling.machine(use, verdicts.busy_signs(use, flows))),
            ("cellnet lab", self._lab_text()),
        ]
        return [(title, text) for title, text in told if text]

    def _lab_text(self) -> str:
        name, seed = self.lent.client.name, self._options.seed
        lines = [f"{name}: {self.lent.wish.label}; --cellnet-seed={seed} repeats cellnet_rng"]
        if self._options.keep:
            lines += [f"kept; enter it: {self.shell()}", f"end it: cellnet lab down {name}"]
        return "\n".join(lines)

    def shell(self) -> str:
        """The command that opens a shell on the lab's first gateway."""
        view = self.lent.birth.view
        node = next((cell.gateways[0].name for cell in view.topology.cells), view.nodes[0].name)
        return f"cellnet lab exec --name {self.lent.client.name} {node} -- bash"

    # --- its end ---------------------------------------------------------------------------------

    def finish(self) -> list[str]:
        """Give the lab back; what the test left behind, a line each. Raises LabError."""
        self.captures.stop()
        place = self._record(self._options.report) if self._options.report is not None else None
        if self.failed and self._options.keep:
            self._pool.keep(self.lent)
            return []
        try:
            returned = self._pool.give_back(self.lent, self._options.audits)
        except LabError as error:
            return [f"the lab could not be taken back: {error}"]
        self.cleaning = returned.cleaning
        if place is not None:
            records.add(place, reset=dataclasses.asdict(returned.cleaning))
        return [*returned.leaks, *self._open_files()]

    def _open_files(self) -> list[str]:
        """Descriptors that the test opened and left. A failed test's frames still hold theirs: not asked."""
        if self.failed or "descriptors" not in self._options.audits:
            return []
        if not (traces.descriptors() - self._descriptors):
            return []
        gc.collect()  # what only a cycle of garbage holds is not lost
        return [
            f"descriptor of the test process: {opened}"
            for opened in sorted(traces.descriptors() - self._descriptors)
        ]

    def _record(self, directory: Path) -> Path:
        document = {
            "test": self.nodeid,
            "outcome": self.outcome,
            "reason": self.reason,
            "lab": self.lent.client.name,
            "topology": self.lent.wish.topology.name,
            "parameters": self.lent.wish.topology.parameters,
            "controller": self.lent.wish.controller,
            "seed": self._options.seed,
            "seconds": round(time.monotonic() - self.started_s, 3),
            "faults": [
                {"fault": fault.document, "at_s": round(fault.at_s - self.started_s, 6)}
                for fault in self.faults.injected
            ],
            "probes": [report.document(self.started_s) for report in self.probes.last_reports()],
            "machine": self.machine().as_document(),
        }
        place = records.write(
            directory, self.nodeid, document, self.timeline(), self._log_directory if self.failed else None
        )
        if self.failed:
            self.captures.save(place / "captures")
        return place
