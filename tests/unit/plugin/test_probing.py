"""Figures settle before they are given, a lying probe is found out, a lossy network fails its budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from scenarios.machine import MachineUse
from scenarios.measurements import FlowMeasurement
from scenarios.plugin.expecting import Expect
from scenarios.plugin.judging import Judge, NotMetError
from scenarios.plugin.measuring import measurements
from scenarios.plugin.probing import Probe
from simulator.probes.analysis import Figures, Outage
from simulator.probes.flows import Flow
from simulator.probes.load import Load
from simulator.probes.reports import FlowReport, NodeReport, ProbeReport
from simulator.probes.session import ProbeSession

FLOW = Flow("main-east-v4", "main-h1", "east-h1", "10.0.1.21", "10.0.2.21", 42000)
CONTROL = replace(FLOW, name="control", control=True)


def figures(lost: int, outages: tuple[Outage, ...] = (), sent: int = 1000) -> Figures:
    return Figures(sent, sent - lost, lost, 0, 0, outages, 0.1, 0.2, 0.3, 1.1)


def report(measured: Figures, *, until_s: float = 11.0, control: bool = True) -> ProbeReport:
    flows = [FlowReport(FLOW, measured, 0, 0, 0)]
    if control:
        flows.append(FlowReport(CONTROL, figures(0), 0, 0, 0))
    nodes = (NodeReport("main-h1", alive=True, late_ms_p99=0.2, late_ms_max=1.0),)
    return ProbeReport("p", False, 10.0, until_s, tuple(flows), nodes, Load(1.0, 1.0, 0.0, 1.0))


class Session:
    """Answers with prepared reports, the last one for ever."""

    def __init__(self, *reports: ProbeReport) -> None:
        self._reports = list(reports)
        self.asked = 0

    def snapshot(self, since_s: float | None = None, until_s: float | None = None) -> ProbeReport:
        self.asked += 1
        return self._reports.pop(0) if len(self._reports) > 1 else self._reports[0]

    def stop(self) -> ProbeReport:
        return self._reports[-1]


class Witness:
    def machine(self) -> MachineUse:
        return MachineUse(1.0, 2, 0.05, 0.1, 0.0, 0.0)

    def flows(self) -> Sequence[FlowMeasurement]:
        return ()


def probe(*reports: ProbeReport, now: float = 11.0) -> tuple[Probe, Session]:
    session = Session(*reports)
    return Probe(cast(ProbeSession, session), now=lambda: now, sleep=lambda _: None), session


def budget(told: ProbeReport, **limits: Any) -> None:
    Expect(Judge(Witness())).budget(probe(told)[0], **limits)


OUTAGE = Outage(10.2, 30.0, 30)


def test_figures_wait_until_what_was_sent_so_far_is_judged() -> None:
    early = report(figures(0), until_s=10.7)
    flows, session = probe(early, early, report(figures(30, (OUTAGE,))))
    assert flows.lost == 30
    assert session.asked == 3
    assert flows.outages == (OUTAGE,)
    assert flows.longest_outage_ms == 30.0


def test_a_clean_network_keeps_its_budget() -> None:
    budget(report(figures(0)), lost=0, outages=0)
    budget(report(figures(30, (OUTAGE,))), outage_ms=50, outages=1)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"lost": 0}, "main-east-v4: 30 packets lost, budget 0, on a quiet machine"),
        ({"outage_ms": 20}, "outage of 30.0 ms, budget 20 ms"),
        ({"outages": 0}, "1 outages"),
    ],
)
def test_a_lossy_network_breaks_it(limits: dict[str, Any], says: str) -> None:
    with pytest.raises(NotMetError, match=says):
        budget(report(figures(30, (OUTAGE,))), **limits)


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        (figures(30), "lost 30 packets, its outages account for 0"),
        (replace(figures(0), received=999), "sent 1000 and received 999, but says that 0 were lost"),
        (replace(figures(0), received=1001, lost=-1), "received 1001 of 1000 packets sent"),
        (figures(30, (Outage(10.2, 2.0, 30),)), "30 lost packets made 2.0 ms of outage"),
        (figures(0, sent=0), "sent nothing"),
    ],
)
def test_a_probe_that_contradicts_itself_fails_whatever_the_budget(lie: Figures, says: str) -> None:
    with pytest.raises(NotMetError, match=f"the probe contradicts itself: .*{says}"):
        budget(report(lie), lost=10_000)


def test_without_a_control_flow_nothing_passes() -> None:
    with pytest.raises(pytest.skip.Exception, match="INCONCLUSIVE: no control flow ran beside"):
        budget(report(figures(0), control=False), lost=0)


def test_a_budget_limits_something() -> None:
    with pytest.raises(ValueError, match="give outage_ms, lost or outages"):
        budget(report(figures(0)))


def test_an_outage_that_outlasts_the_stretch_is_no_contradiction() -> None:
    """The report follows it to its end: 30 packets of it were sent in the stretch, 20 after it."""
    crossing = Outage(10.97, 50.0, 50)
    measured, _ = measurements(report(figures(30, (crossing,))))
    assert (measured.sent, measured.lost) == (1020, 50)
    budget(report(figures(30, (crossing,))), outage_ms=60)
