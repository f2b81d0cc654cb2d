"""From a probe's report to the measurements that verdicts judge. Pure."""

from __future__ import annotations

from scenarios.measurements import Flow, FlowMeasurement, Outage
from simulator.probes.reports import FlowReport, NodeReport, ProbeReport


def measurements(report: ProbeReport) -> tuple[FlowMeasurement, ...]:
    """Every flow of packets of the report, control flows too. Connections lose nothing: they stall."""
    nodes = {node.node: node for node in report.nodes}
    return tuple(
        _measurement(flow, nodes.get(flow.flow.sender), report.since_s, report.until_s)
        for flow in report.flows
        if not flow.flow.streams
    )


def _measurement(
    report: FlowReport, sender: NodeReport | None, since_s: float, until_s: float
) -> FlowMeasurement:
    flow, figures = report.flow, report.figures
    outages = tuple(Outage(outage.start_s, outage.duration_ms, outage.lost) for outage in figures.outages)
    # The report follows an outage past the end of its stretch; its packets then count there, too.
    beyond = 0
    if outages and outages[-1].end > until_s:
        beyond = min(outages[-1].lost, max(0, sum(outage.lost for outage in outages) - figures.lost))
    return FlowMeasurement(
        flow=Flow(
            flow.name, flow.sender, flow.receiver, flow.source, flow.destination, flow.rate, flow.control
        ),
        start=since_s,
        end=until_s,
        sent=figures.sent + beyond,
        received=figures.received,
        lost=figures.lost + beyond,
        duplicated=figures.duplicated,
        reordered=figures.reordered,
        outages=outages,
        lateness_p99_ms=0.0 if sender is None else sender.late_ms_p99,
        lateness_max_ms=0.0 if sender is None else sender.late_ms_max,
    )
