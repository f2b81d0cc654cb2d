"""Looking into a gateway of a lab from outside: which path carries traffic, what a connection left behind.

Asks the kernel's counters and Open vSwitch's own tools inside the gateway's node, not the product under test.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from scenarios import ways
from simulator.client import LabClient
from topologies.model import Cell, Gateway, Link

COUNTING = 0.2
"""Seconds over which packets are counted to see which path is in use."""
BGP_PORT = 179
_GROUP = re.compile(r"group_id=(\d+)")
_TO_GROUP = re.compile(r"(?:nw_dst|ipv6_dst)=(\S+) actions=.*group:(\d+)")
_SENT_PACKETS_COLUMN = 9


def path_in_use(lab: LabClient, links: Sequence[Link], here: Cell) -> str:
    """Name of the one of these WAN links on which the gateways of `here` sent most packets just now."""
    ports = {link.name: ways.port_of(link, here) for link in links}
    before = _sent(lab, ports)
    time.sleep(COUNTING)
    after = _sent(lab, ports)
    return max(ports, key=lambda name: after[name] - before[name])


def _sent(lab: LabClient, ports: dict[str, tuple[str, str]]) -> dict[str, int]:
    nodes = dict.fromkeys(node for node, _ in ports.values())
    tables = {node: lab.exec(node, ["cat", "/proc/net/dev"]).stdout for node in nodes}
    return {name: sent_packets(tables[node], port) for name, (node, port) in ports.items()}


def sent_packets(table: str, port: str) -> int:
    """Packets sent on a port, from the text of /proc/net/dev; 0 for a port that is not there."""
    for line in table.splitlines():
        name, colon, rest = line.strip().partition(":")
        if colon and name == port:
            return int(rest.split()[_SENT_PACKETS_COLUMN])
    return 0


def leftovers(lab: LabClient, gateway: Gateway) -> list[str]:
    """Groups, flows into groups and BGP sessions that a gateway still has."""
    bridge = "unix:$OVS_RUNDIR/br-phy.mgmt"
    shown = lab.exec(
        gateway.name,
        [
            "sh",
            "-c",
            (
                f"ovs-ofctl -O OpenFlow13 dump-groups {bridge} && "
                f"ovs-ofctl -O OpenFlow13 --no-stats dump-flows {bridge} && "
                f"ss -Htn state established '( sport = :{BGP_PORT} or dport = :{BGP_PORT} )'"
            ),
        ],
    )
    if shown.returncode != 0:
        return [f"{gateway.name} cannot be asked: {shown.stderr.strip()}"]
    return [f"{gateway.name}: {what}" for what in read_leftovers(shown.stdout)]


def read_leftovers(text: str) -> list[str]:
    """What is left, from the output of ovs-ofctl dump-groups, dump-flows and ss. Pure."""
    found = []
    for line in text.splitlines():
        if (group := _GROUP.search(line)) is not None:
            found.append(f"group {group[1]}")
        elif (flow := _TO_GROUP.search(line)) is not None:
            found.append(f"flow for {flow[1]} into group {flow[2]}")
        elif f":{BGP_PORT}" in line and "actions=" not in line:
            found.append(f"BGP session {' - '.join(line.split()[-2:])}")
    return found
