"""Between a story's flows and the lab's probes: what is asked for, and what they measured, as values."""

from __future__ import annotations

from collections.abc import Sequence

from scenarios.measurements import Flow, FlowMeasurement, Outage
from simulator.probes import flows as probe_flows
from simulator.probes.reports import FlowReport, ProbeReport


def asked(flows: Sequence[Flow]) -> tuple[probe_flows.Flow, ...]:
    """The flows in the lab's form. Each has a port of its own."""
    return tuple(
        probe_flows.Flow(
            name=flow.name,
            sender=flow.source,
            receiver=flow.destination,
            source=flow.source_address,
            destination=flow.address,
            port=probe_flows.FIRST_PORT + number,
            rate=flow.rate,
        )
        for number, flow in enumerate(flows)
    )


def measured(report: ProbeReport) -> tuple[FlowMeasurement, ...]:
    """What every flow saw, control flows last."""
    return tuple(_measurement(one, report) for one in sorted(report.flows, key=lambda one: one.flow.control))


def _measurement(one: FlowReport, report: ProbeReport) -> FlowMeasurement:
    flow, figures = one.flow, one.figures
    late = next((node.late_ms_p99 for node in report.nodes if node.node == flow.sender), 0.0)
    return FlowMeasurement(
        flow=Flow(
            flow.name, flow.sender, flow.receiver, flow.source, flow.destination, flow.rate, flow.control
        ),
        start=report.since_s,
        end=report.until_s,
        sent=figures.sent,
        received=figures.received,
        lost=figures.lost,
        duplicated=figures.duplicated,
        reordered=figures.reordered,
        outages=tuple(Outage(each.start_s, each.duration_ms, each.lost) for each in figures.outages),
        lateness_p99_ms=late,
        # In this stretch of time, where the p99 is since the start: the longest the sender paused.
        lateness_max_ms=max(0.0, figures.widest_send_gap_ms - 1000 / flow.rate),
    )
