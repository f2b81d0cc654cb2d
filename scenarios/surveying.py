"""Surveys of a lab: the tables of every gateway and the counters of every host, by their own tools.

Asks the kernel and Open vSwitch, not the product under test. A gateway whose switch does not answer now is
left out: that it is silent is for other checks.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from scenarios.safety import judging
from scenarios.safety.values import Survey
from simulator.client import LabClient
from topologies.model import Topology

AT_ONCE = 2
"""Programs are started by one daemon on few processors: more at once would only wait."""
_BRIDGE = "unix:$OVS_RUNDIR/br-phy.mgmt"
_OFCTL = "ovs-ofctl --timeout=2 -O OpenFlow13"
_TABLES = f"{_OFCTL} --names dump-groups {_BRIDGE} && {_OFCTL} --names --no-stats dump-flows {_BRIDGE}"
_COUNTERS = "cat /proc/net/snmp /proc/net/snmp6"


def survey(lab: LabClient, topology: Topology) -> Survey:
    """Everything now. Raises LabError."""
    gateways = [gateway.name for cell in topology.cells for gateway in cell.gateways]
    hosts = [host.name for cell in topology.cells for host in cell.hosts]

    def ask(node: str) -> str | None:
        done = lab.exec(node, ["sh", "-c", _TABLES if node in gateways else _COUNTERS])
        return done.stdout if done.returncode == 0 else None

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cellnet-survey") as pool:
        nodes = [*gateways, *hosts]
        answers = dict(zip(nodes, pool.map(ask, nodes), strict=True))
    return Survey(
        at=time.monotonic(),
        gateways={name: text for name in gateways if (text := answers[name]) is not None},
        strays={name: judging.read_strays(text) for name in hosts if (text := answers[name]) is not None},
    )
