"""What the probe itself loses, how late it is, and whether a gap that is known is measured: alone and beside
busy loops.

A gap is known because the kernel cuts it out by sequence number: ten packets at 1,000/s are 10 ms. When one
is measured more than 0.4 ms wrong, the run is void: nothing that this machine measures now means anything.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from simulator import lab as labs
from simulator.client import LabClient
from simulator.probes import flows as probe_flows
from simulator.probes.flows import Flow
from simulator.probes.reports import ProbeReport, distrust
from simulator.probes.session import ProbeSession
from tests.bench import lifecycle
from tests.lab.probes.gaps import drop_packets, dropped_by_kernel
from topologies import catalogue
from topologies.model import Link

TOTAL_RATE = 6000
"""Of all flows together; 5,000 is what is promised."""
GAP_RATE = 1000
GAP_PACKETS = 10
ALLOWED_MS = 0.4
BUSY_LOOPS = 3
_LEAD, _AFTER = 150, 150


def run(seconds: float, rounds: int) -> dict[str, Any]:
    """Everything, on one lab of two cells. `void` lists why the figures mean nothing; empty: they do."""
    topology = catalogue.build("two-cells", {"hosts": 1})
    client = labs.up(topology, name="bench-probes")
    try:
        cable = probe_flows.control_link("main-h1", "east-h1", ())
        client.add_link(cable)
        identity = lifecycle.connect(client)
        lifecycle.wait_online(client, identity)
        across = probe_flows.between(topology, "main", "east", TOTAL_RATE // 4)
        report: dict[str, Any] = {
            f"cable, {TOTAL_RATE}/s in all": load(
                client, probe_flows.over(cable, TOTAL_RATE // 2, 43000), seconds
            ),
            f"gateways, {TOTAL_RATE}/s in all": load(client, across, seconds),
            "known gap, alone": gaps(client, cable, rounds),
        }
        with busy_loops(BUSY_LOOPS):
            report[f"known gap, {BUSY_LOOPS} busy loops beside"] = gaps(client, cable, rounds)
    finally:
        client.down()
    report["void"] = void(report)
    return report


def void(report: dict[str, Any]) -> list[str]:
    """Why this machine cannot measure: a gap that was measured wrong, or a probe that lost packets itself."""
    found = []
    for name, one in report.items():
        if one.get("worst_error_ms", 0.0) > ALLOWED_MS:
            found.append(f"{name}: {one['worst_error_ms']} ms wrong (limit {ALLOWED_MS:g})")
        if one.get("miscounted"):
            found.append(f"{name}: {one['miscounted']} gaps were not counted to the packet")
        if one.get("own_loss"):
            found.append(f"{name}: {one['own_loss']} packets lost by the probe itself")
    return found


def load(client: LabClient, flows: tuple[Flow, ...], seconds: float) -> dict[str, Any]:
    """So many packets for so long: what was lost, and how late they left."""
    session = ProbeSession(client, flows, "bench-load", control=not flows[0].control)
    session.start()
    time.sleep(seconds)
    report = session.stop()
    own = sum(flow.figures.lost for flow in report.control) + sum(flow.drops for flow in report.flows)
    if flows[0].control:  # past the network: whatever is lost there, the probe lost
        own = sum(flow.figures.lost for flow in report.flows)
    crossing = [flow for flow in report.flows if flow.flow in flows]
    sent = sum(flow.figures.sent for flow in crossing)
    return {
        "packets_per_s": round(sent / (report.until_s - report.since_s)),
        "sent": sent,
        "lost": sum(flow.figures.lost for flow in crossing),
        "own_loss": own,
        "skipped": sum(flow.skipped for flow in report.flows),
        **lateness(report),
        "distrust": list(distrust(report)),
    }


def lateness(report: ProbeReport) -> dict[str, Any]:
    """Of the worst of both processes, in milliseconds; what one costs, in percent of a processor."""
    nodes = report.nodes
    return {
        "late_p50_ms": max(node.late_ms_p50 for node in nodes),
        "late_p99_ms": max(node.late_ms_p99 for node in nodes),
        "late_p999_ms": max(node.late_ms_p999 for node in nodes),
        "late_max_ms": max(node.late_ms_max for node in nodes),
        "cpu_percent": max(node.cpu_percent for node in nodes),
        "realtime": all(node.realtime for node in nodes),
    }


def gaps(client: LabClient, cable: Link, rounds: int) -> dict[str, Any]:
    """The same known gap again and again: how wrong it was measured."""
    errors: list[float] = []
    miscounted = 0
    report: ProbeReport | None = None
    for _ in range(rounds):
        report, dropped = one_gap(client, cable)
        hit = report.flows[0]
        if dropped != GAP_PACKETS or hit.figures.lost != dropped or len(hit.figures.outages) != 1:
            miscounted += 1
        else:
            errors.append(abs(hit.figures.outages[0].duration_ms - 1000 * GAP_PACKETS / GAP_RATE))
    assert report is not None
    return {
        "rounds": rounds,
        "gap_ms": 1000 * GAP_PACKETS / GAP_RATE,
        "miscounted": miscounted,
        "median_error_ms": round(median(errors), 3) if errors else None,
        "worst_error_ms": round(max(errors), 3) if errors else 0.0,
        **lateness(report),
    }


def one_gap(client: LabClient, cable: Link) -> tuple[ProbeReport, int]:
    """A short session in which the kernel drops GAP_PACKETS in a row; how many it says it dropped."""
    flows = probe_flows.over(cable, GAP_RATE, 44000)
    drop_packets(client, cable.a.node, cable.a.name, flows[0].port, _LEAD, GAP_PACKETS)
    session = ProbeSession(client, flows, "bench-gap", control=False)
    session.start()
    deadline = time.monotonic() + 20.0
    try:
        while session.snapshot().flows[0].figures.sent < _LEAD + GAP_PACKETS + _AFTER:
            if time.monotonic() > deadline:
                raise TimeoutError("the probe did not send its packets in 20 s")
            time.sleep(0.05)
    finally:
        report = session.stop()
    return report, dropped_by_kernel(client, cable.a.node)


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """So many programs that do nothing but take processor time."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
