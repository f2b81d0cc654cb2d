"""Probes from a test: flows between two cells, ended with the test; figures that have settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from scenarios.measurements import FlowMeasurement
from scenarios.plugin.measuring import measurements
from simulator.client import LabClient
from simulator.errors import LabError
from simulator.probes.analysis import Outage
from simulator.probes.flows import DEFAULT_RATE, ProbeError, Transport, between
from simulator.probes.paths import Carried, Switch
from simulator.probes.reports import ProbeReport, distrust
from simulator.probes.session import ProbeSession
from simulator.probes.stalls import Stall

SETTLE_SECONDS = 5.0
PAUSE = 0.05


class Probe:
    """Flows of UDP packets both ways in both families, since it was made.

    Figures are those of all packets sent until they are asked for: asking waits (some 0.3 s) until what is on
    its way has arrived. After `stop` they do not change any more.
    """

    def __init__(
        self,
        session: ProbeSession,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.session = session
        self._now = now
        self._sleep = sleep
        self.final: ProbeReport | None = None

    @property
    def started_s(self) -> float:
        """When the first packets left, CLOCK_MONOTONIC seconds."""
        return self.session.started_s

    def report(self, since_s: float | None = None, until_s: float | None = None) -> ProbeReport:
        """All packets, or those sent in that stretch (CLOCK_MONOTONIC seconds). Raises ProbeError."""
        if self.final is not None:
            return self.session.snapshot(since_s, until_s)
        wanted = self._now() if until_s is None else min(until_s, self._now())
        deadline = self._now() + SETTLE_SECONDS
        while True:
            report = self.session.snapshot(since_s, until_s)
            # Half a millisecond: the report's times are nanoseconds cut to floating point.
            if report.until_s >= wanted - 0.0005 or self._now() >= deadline:
                return report
            self._sleep(min(PAUSE, max(0.005, wanted - report.until_s)))

    def measure(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> tuple[FlowMeasurement, ...]:
        """The same as the values that verdicts judge."""
        return measurements(self.report(since_s, until_s))

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Every outage of every flow but the control flows, by its start."""
        flows = self.report().measured
        found = [outage for flow in flows for outage in flow.figures.outages]
        return tuple(sorted(found, key=lambda outage: outage.start_s))

    @property
    def longest_outage_ms(self) -> float:
        """0 without any."""
        return self.report().longest_outage_ms

    @property
    def lost(self) -> int:
        """Packets of all flows but the control flows."""
        return self.report().lost

    @property
    def distrust(self) -> tuple[str, ...]:
        """Reasons not to believe the figures; empty: none."""
        return distrust(self.report())

    @property
    def stalls(self) -> tuple[Stall, ...]:
        """Every stall of every connection, by its start (transports "tcp" and "message")."""
        found = [stall for flow in self.report().streams if flow.stream for stall in flow.stream.stalls]
        return tuple(sorted(found, key=lambda stall: stall.start_s))

    @property
    def longest_stall_ms(self) -> float:
        """0 without any."""
        return self.report().longest_stall_ms

    @property
    def reconnects(self) -> int:
        """Of all connections, since they were made."""
        return sum(flow.stream.reconnects for flow in self.report().streams if flow.stream)

    @property
    def paths(self) -> dict[str, tuple[Carried, ...]]:
        """Which links carried each flow, by its name (with `paths=True`)."""
        return {one.flow.name: one.path for one in self.report().flows if one.path is not None}

    @property
    def switches(self) -> dict[str, tuple[Switch, ...]]:
        """When each flow moved to another link (with `paths=True`)."""
        return {one.flow.name: one.switches for one in self.report().flows if one.path is not None}

    def stop(self) -> ProbeReport:
        """Send no more, wait for what is on its way; the figures are final."""
        self.final = self.session.stop()
        return self.final

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Probes:
    """Makes probes: `probe("main", "east")`."""

    def __init__(self, client: LabClient) -> None:
        self._client = client
        self.made: list[Probe] = []

    def __call__(
        self,
        a: str,
        b: str,
        rate: int = DEFAULT_RATE,
        *,
        name: str | None = None,
        control: bool = True,
        transports: Sequence[Transport] = ("udp",),
        paths: bool = False,
    ) -> Probe:
        """Start flows between the first hosts of two cells, `rate` packets a second each.

        Returns when they are sent. `control` adds a cable beside the network, and flows over it that show
        what the harness itself loses: without it nothing can be judged to pass. `transports` are of "udp",
        "tcp" and "message"; `paths` looks at the gateways' WAN ports. Raises ProbeError.
        """
        flows = between(self._client.show().topology, a, b, rate, transports)
        session = ProbeSession(
            self._client, flows, name or f"pytest-{time.monotonic_ns()}", control=control, paths=paths
        )
        session.start()
        probe = Probe(session)
        self.made.append(probe)
        return probe

    def last_reports(self) -> list[ProbeReport]:
        """What each probe says now, as far as it still can."""
        reports = []
        for probe in self.made:
            try:
                reports.append(probe.session.snapshot())
            except (ProbeError, LabError):
                continue  # it was started and its lab is gone
        return reports
