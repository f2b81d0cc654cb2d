"""Which ports of a lab tell where a flow's packets went: the gateways' WAN ports. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.probes.flows import Flow, ProbeError
from simulator.probes.state import Watch
from simulator.probes.watching import Port, WatchedFlow
from simulator.view import LabView
from topologies.model import LinkKind


def watched(view: LabView, flows: Sequence[Flow]) -> tuple[Watch, tuple[WatchedFlow, ...], tuple[Port, ...]]:
    """The links behind the WAN ports, the flows that cross them (control flows do not), and the ports.

    Raises ProbeError for a lab without gateways.
    """
    gateways = {gateway.name for cell in view.topology.cells for gateway in cell.gateways}
    links = {
        f"{end.node}:{end.name}": link.name
        for link in view.links
        if link.kind is LinkKind.WAN
        for end in (link.a, link.b)
        if end.node in gateways
    }
    if not links:
        raise ProbeError("paths can be seen at WAN ports of gateways only, and this lab has none", 2)
    homes = {
        host.name: tuple(gateway.name for gateway in cell.gateways)
        for cell in view.topology.cells
        for host in cell.hosts
    }
    crossing = tuple(
        WatchedFlow(number, flow.port, homes.get(flow.sender, ()), homes.get(flow.receiver, ()))
        for number, flow in enumerate(flows)
        if not flow.control
    )
    pids = {node.name: node.pid for node in view.nodes}
    ports = tuple(Port(node, device, pids[node]) for node, _, device in (one.partition(":") for one in links))
    return Watch(links), crossing, ports
