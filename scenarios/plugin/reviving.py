"""Brings BFD sessions back at once, where RFC 5880 lets a session that is down take one to three seconds.

While a session is not up its ends may speak once a second only (section 6.8.3), and three packets have to
pass. A session that is configured anew speaks at once, and so does one whose timers change (a poll sequence,
section 6.5). Nothing else is changed: both ends have their configuration of before at the end. For a lab
between two tests only; what is being tested must find its sessions by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from simulator.client import LabClient
from simulator.view import LabView
from topologies.model import LinkKind

ROUNDS = 3
"""Poll sequences: one for each of the three packets that have to pass."""
_AT_ONCE = 4
_ANEW = "ovs-vsctl set interface {0} bfd:enable=false && ovs-vsctl set interface {0} bfd:enable=true"
_POLL = (
    "ovs-vsctl get interface {0} bfd_status:state | grep -qx up || { "
    "now=$(ovs-vsctl get interface {0} bfd:min_tx | tr -d '\"') && "
    "ovs-vsctl set interface {0} bfd:min_tx=$((now + 1)) && ovs-vsctl set interface {0} bfd:min_tx=$now; }"
)


def revive(client: LabClient, view: LabView, silent: Collection[tuple[str, str]]) -> None:
    """Wake the sessions of these (node, port), at both ends of their links. Raises LabError.

    Whether they came up is seen by looking: a peer that is no Open vSwitch takes its own time.
    """
    commands = _commands(view, silent)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cellnet-bfd") as pool:
        for script in (_ANEW, *[_POLL] * ROUNDS):
            list(
                pool.map(lambda one: _run(client, *one), [(node, script, ports) for node, ports in commands])
            )


def _commands(view: LabView, silent: Collection[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The ports to wake, by node."""
    switched = {service.node for service in view.services if service.name.startswith("switch@")}
    found: dict[str, list[str]] = {}
    for link in view.links:
        ends = [(end.node, end.name) for end in (link.a, link.b)]
        if link.kind is LinkKind.WAN and any(end in silent for end in ends):
            for node, port in ends:
                if node in switched:
                    found.setdefault(node, []).append(port)
    return list(found.items())


def _run(client: LabClient, node: str, script: str, ports: list[str]) -> None:
    client.exec(node, ["sh", "-c", "; ".join(script.replace("{0}", port) for port in ports)])
