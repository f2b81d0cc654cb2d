"""What a probe session says, and whether it may be believed. Values, pure.

A report passes no verdict on the network. `distrust` lists why the harness or the machine may have caused
what was measured: a failed expectation together with a reason for distrust is inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.probes.analysis import Figures
from simulator.probes.flows import Flow
from simulator.probes.load import Load
from simulator.probes.paths import Carried, Switch, switches
from simulator.probes.stalls import Stall


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """What a connection went through. `reconnects` and `retransmits` (segments sent again, TCP_INFO, of both
    ends) are since the session's start, `stalls` those that began in the report's stretch."""

    stalls: tuple[Stall, ...] = ()
    reconnects: int = 0
    retransmits: int = 0

    @property
    def longest_stall_ms(self) -> float:
        """0 if there was none of 20 ms or more."""
        return max((stall.duration_ms for stall in self.stalls), default=0.0)


@dataclass(frozen=True, slots=True)
class FlowReport:
    """One flow. `refused` packets were stopped by the sender's own kernel and count as lost; `skipped` ones
    were due while the sender was held up and never sent; `drops` reached the receiving socket and found it
    full: the harness lost them, and `figures.lost` includes them. The three are since the session's start.

    `stream` is there for flows over a connection: what is lost there was refused, or was still on its way; a
    message flow's delays are round trips. `path` is there for sessions that look at paths.
    """

    flow: Flow
    figures: Figures
    refused: int
    skipped: int
    drops: int
    stream: StreamFigures | None = None
    path: tuple[Carried, ...] | None = None

    @property
    def switches(self) -> tuple[Switch, ...]:
        """When its packets began to arrive by another link, from which and to which."""
        return switches(self.path or ())

    def document(self, zero_s: float = 0.0) -> dict[str, Any]:
        """The flow as in a report file; times in seconds since `zero_s` (CLOCK_MONOTONIC)."""
        figures = self.figures
        return {
            "name": self.flow.name,
            "from": self.flow.sender,
            "to": self.flow.receiver,
            "family": self.flow.family,
            "rate": self.flow.rate,
            "control": self.flow.control,
            "transport": self.flow.transport,
            "sent": figures.sent,
            "received": figures.received,
            "lost": figures.lost,
            "duplicated": figures.duplicated,
            "reordered": figures.reordered,
            "longest_outage_ms": round(figures.longest_outage_ms, 3),
            "delay_ms": {
                "p50": figures.delay_ms_p50,
                "p99": figures.delay_ms_p99,
                "max": figures.delay_ms_max,
            },
            "widest_send_gap_ms": round(figures.widest_send_gap_ms, 3),
            "refused": self.refused,
            "skipped": self.skipped,
            "drops": self.drops,
            "outages": [
                {
                    "start_s": round(outage.start_s - zero_s, 6),
                    "duration_ms": round(outage.duration_ms, 3),
                    "lost": outage.lost,
                    "open": outage.open,
                }
                for outage in figures.outages
            ],
            **self._stream_document(zero_s),
            **({} if self.path is None else {"path": [one.document(zero_s) for one in self.path]}),
        }

    def _stream_document(self, zero_s: float) -> dict[str, Any]:
        if self.stream is None:
            return {}
        return {
            "longest_stall_ms": round(self.stream.longest_stall_ms, 3),
            "reconnects": self.stream.reconnects,
            "retransmits": self.stream.retransmits,
            "stalls": [
                {
                    "start_s": round(stall.start_s - zero_s, 6),
                    "duration_ms": round(stall.duration_ms, 3),
                    "open": stall.open,
                }
                for stall in self.stream.stalls
            ],
        }


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node's probe process: how late its packets left (milliseconds), whether it has SCHED_FIFO, what it
    cost in percent of one processor. `alive` is False if it did not answer any more."""

    node: str
    alive: bool
    realtime: bool = False
    cpu_percent: float = 0.0
    late_ms_p50: float = 0.0
    late_ms_p99: float = 0.0
    late_ms_p999: float = 0.0
    late_ms_max: float = 0.0


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """A session, or a stretch of it: packets sent from `since_s` to before `until_s` (CLOCK_MONOTONIC).

    `final` says that nothing more will come: the session has been stopped.
    """

    session: str
    final: bool
    since_s: float
    until_s: float
    flows: tuple[FlowReport, ...]
    nodes: tuple[NodeReport, ...]
    load: Load
    doubts: tuple[str, ...] = ()
    """What else went wrong with the measurement, such as a watcher of paths that ended."""

    @property
    def measured(self) -> tuple[FlowReport, ...]:
        """The flows of packets across what is being tested."""
        return tuple(one for one in self.flows if not one.flow.control and not one.flow.streams)

    @property
    def streams(self) -> tuple[FlowReport, ...]:
        """The flows over connections across what is being tested."""
        return tuple(one for one in self.flows if one.flow.streams)

    @property
    def control(self) -> tuple[FlowReport, ...]:
        """The flows beside it."""
        return tuple(report for report in self.flows if report.flow.control)

    @property
    def longest_outage_ms(self) -> float:
        """Over the measured flows."""
        return max((report.figures.longest_outage_ms for report in self.measured), default=0.0)

    @property
    def lost(self) -> int:
        """Over the measured flows."""
        return sum(report.figures.lost for report in self.measured)

    @property
    def longest_stall_ms(self) -> float:
        """Over the connections."""
        return max((one.stream.longest_stall_ms for one in self.streams if one.stream), default=0.0)

    def document(self, zero_s: float = 0.0) -> dict[str, Any]:
        """The report as JSON values; times in seconds since `zero_s`."""
        load = self.load
        return {
            "session": self.session,
            "final": self.final,
            "since_s": round(self.since_s - zero_s, 6),
            "until_s": round(self.until_s - zero_s, 6),
            "flows": [report.document(zero_s) for report in self.flows],
            "nodes": [
                {
                    "node": node.node,
                    "alive": node.alive,
                    "realtime": node.realtime,
                    "cpu_percent": node.cpu_percent,
                    "late_ms": {
                        "p50": node.late_ms_p50,
                        "p99": node.late_ms_p99,
                        "p999": node.late_ms_p999,
                        "max": node.late_ms_max,
                    },
                }
                for node in self.nodes
            ],
            "load_percent": {
                "lab": load.lab,
                "foreign": load.foreign,
                "steal": load.steal,
                "pressure": load.pressure,
            },
            "distrust": list(distrust(self)),
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a measurement cannot be trusted."""

    send_gap_ms: float = 20.0
    late_ms_p99: float = 5.0
    steal_percent: float = 10.0
    pressure_percent: float = 80.0


DEFAULT_LIMITS = Limits()


def distrust(report: ProbeReport, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """Reasons to think that the harness or the machine caused what was measured; empty if there are none."""
    return (
        *report.doubts,
        *(
            f"the probe process on {node.node} ended or does not answer"
            for node in report.nodes
            if not node.alive
        ),
        *(
            f"control flow {control.flow.name}, beside the WAN, lost {control.figures.lost} of "
            f"{control.figures.sent} packets: the harness itself loses"
            for control in report.control
            if control.figures.lost
        ),
        *(
            f"{flow.flow.name}: the receiving socket was full for {flow.drops} packets"
            for flow in report.flows
            if flow.drops
        ),
        *_pauses(report.flows, limits),
        *(
            f"packets left {node.node} late: p99 {node.late_ms_p99:.1f} ms (limit {limits.late_ms_p99:g})"
            for node in report.nodes
            if node.late_ms_p99 > limits.late_ms_p99
        ),
        *_machine(report.load, limits),
    )


def _pauses(flows: Sequence[FlowReport], limits: Limits) -> list[str]:
    return [
        f"{flow.flow.name}: its sender paused for {flow.figures.widest_send_gap_ms:.1f} ms "
        f"(limit {limits.send_gap_ms:g}): an outage in that time was not seen"
        for flow in flows
        if flow.figures.widest_send_gap_ms > max(limits.send_gap_ms, 2 * flow.flow.interval_ns / 1e6)
    ]


def _machine(load: Load, limits: Limits) -> list[str]:
    reasons = []
    if load.steal > limits.steal_percent:
        reasons.append(
            f"the hypervisor took {load.steal:g} % of the processors (limit {limits.steal_percent:g})"
        )
    if load.pressure is not None and load.pressure > limits.pressure_percent:
        reasons.append(
            f"tasks waited for a processor {load.pressure:g} % of the time "
            f"(limit {limits.pressure_percent:g}; programs outside the lab used {load.foreign:g} %)"
        )
    return reasons
