"""What false alarms of BFD cost: a lab whose paths are all well, on a machine that has no time for it.

Detection at 10 ms x 3 takes a switch that waits 30 ms for a processor for a dead path. That happens when a
machine is busy; the last resort and the hold-down of the gateways are there so that it costs no packet.
"""

from __future__ import annotations

import re
import time
from typing import Any

from simulator import lab as labs
from simulator.client import LabClient
from simulator.probes import flows as probe_flows
from simulator.probes.reports import distrust
from simulator.probes.session import ProbeSession
from tests.bench import lifecycle
from tests.bench.probes import busy_loops
from topologies import catalogue
from topologies.model import Topology

BUSY_LOOPS = 4
RATE = 500
"""Packets a second, of each direction and family."""
_FLAPS = re.compile(r'"flap_count","([0-9]+)"')


def run(seconds: float) -> dict[str, Any]:
    """Alarms and packets of as many seconds idle, then as many beside busy loops."""
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    client = labs.up(topology, name="bench-alarms")
    try:
        lifecycle.wait_online(client, lifecycle.connect(client))
        report = {"idle": _stretch(client, topology, seconds)}
        with busy_loops(BUSY_LOOPS):
            report[f"{BUSY_LOOPS} busy loops"] = _stretch(client, topology, seconds)
    finally:
        client.down()
    return report


def _stretch(client: LabClient, topology: Topology, seconds: float) -> dict[str, Any]:
    session = ProbeSession(client, probe_flows.between(topology, "main", "east", RATE), name="alarms")
    session.start()
    try:
        before = _alarms(client, topology)
        time.sleep(seconds)
        alarms = _alarms(client, topology) - before
    finally:
        report = session.stop()
    figures = [flow.figures for flow in report.measured]
    return {
        "seconds": seconds,
        "false_alarms": alarms,
        "sent": sum(each.sent for each in figures),
        "lost": sum(each.lost for each in figures),
        "longest_outage_ms": round(max(each.longest_outage_ms for each in figures), 1),
        "reordered": sum(each.reordered for each in figures),
        "doubts": list(distrust(report)),
    }


def _alarms(client: LabClient, topology: Topology) -> int:
    """How often BFD of any WAN port has changed its mind, at either end, since the lab was made."""
    command = ["ovs-vsctl", "--columns=bfd_status", "--format=json", "find", "interface", "bfd:enable=true"]
    gateways = [gateway.name for cell in topology.cells for gateway in cell.gateways]
    shown = [str(client.exec(gateway, command).stdout) for gateway in gateways]
    return sum(int(count) for said in shown for count in _FLAPS.findall(said))
