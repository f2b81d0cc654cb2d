"""From a topology to the processes that run it: their command lines and the files they read. Pure.

The command lines and the shape of the files are the contract with the other packages, which this one does not
import: sites are documents of the schema `cellnet_core.model.site.Site`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from simulator import ovs
from simulator.routers import bird, frr, plans
from simulator.services import Notified, ServiceSpec
from topologies.model import Cell, Gateway, Host, Interface, Link, LinkKind, Port, Router, Topology

LAB = "/run/lab"
MANAGER_PORT = 9790
CONTROLLER_PORT = 6653
PYTHON = (sys.executable, "-X", "frozen_modules=on", "-m")


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything to start: documents to write as JSON and texts to write as they are first (absolute path ->
    content), then services."""

    files: dict[str, Any]
    services: tuple[ServiceSpec, ...]
    texts: dict[str, str] = field(default_factory=dict)


def expand(topology: Topology, library: str, datapath: str = "netdev", bfd_ms: int | None = None) -> Stack:
    """The services of every node, in an order that lets the slow starters begin first.

    `library` is the OpenFlow library of the controllers: "ryu" or "os-ken"; `datapath` the type
    of Open vSwitch's datapath, "netdev" or, without /dev/net/tun, "dummy"; `bfd_ms` the interval of BFD,
    by default the one that the size of the lab affords.
    """
    files: dict[str, Any] = {}
    switches: list[ServiceSpec] = []
    controllers: list[ServiceSpec] = []
    others: list[ServiceSpec] = []
    managers: list[ServiceSpec] = []
    for cell in topology.cells:
        if cell.manager_node is not None:
            files[manager_file(cell)] = manager_document(topology, cell)
            managers.append(_manager(cell, cell.manager_node))
        for gateway in cell.gateways:
            files[site_file(gateway)] = site_document(topology, cell, gateway, datapath, bfd_ms)
            switches += ovs.services(gateway.name, datapath)
            controllers.append(_controller(topology, gateway, library))
            others += [_agent(gateway), _speaker(gateway)]
    texts: dict[str, str] = {}
    routers: list[ServiceSpec] = []
    for router in topology.routers:
        plan = plans.plan(topology, router, bfd_ms or bfd_interval_ms(topology))
        directory = node_directory(router.name)
        if router.daemon == "frr":
            texts[frr.bfdd_file(directory)] = frr.render_bfdd(plan)
            texts[frr.bgpd_file(directory)] = frr.render_bgpd(plan)
            routers.append(frr.service(router.name, directory))
        else:
            texts[bird.configuration_file(directory)] = bird.render(plan)
            routers.append(bird.service(router.name, directory))
    return Stack(files, (*switches, *managers, *controllers, *routers, *others), texts)


def hosts(topology: Topology) -> tuple[Host, ...]:
    """Every host of every cell."""
    return tuple(host for cell in topology.cells for host in cell.hosts)


def node_names(topology: Topology) -> tuple[str, ...]:
    """Every node that is a namespace of its own, each once."""
    names: dict[str, None] = {}
    for cell in topology.cells:
        if cell.manager_node is not None:
            names[cell.manager_node] = None
        for gateway in cell.gateways:
            names |= {gateway.name: None, gateway.controller_node: None}
        names |= {host.name: None for host in cell.hosts}
    names |= {router.name: None for router in topology.routers}
    return tuple(names)


def node_directory(node: str) -> str:
    """The node's own directory, in the run directory."""
    return f"{LAB}/nodes/{node}"


def site_file(gateway: Gateway) -> str:
    """Path of the agent's site file."""
    return f"{node_directory(gateway.name)}/site.json"


def manager_file(cell: Cell) -> str:
    """Path of the manager's configuration file."""
    return f"{node_directory(str(cell.manager_node))}/manager.json"


def enrolment_file(gateway: Gateway) -> str:
    """Path of the one-time token with which a gateway's agent enrols."""
    return f"{node_directory(gateway.name)}/enrolment.token"


def controller_socket(gateway: Gateway) -> str:
    """Path of the unix socket on which a gateway's controller takes the agent's requests."""
    return f"{node_directory(gateway.controller_node)}/controller-{gateway.name}.sock"


def speaker_directory(gateway: Gateway) -> str:
    """Path of the speaker's private directory."""
    return speaker_directory_on(gateway.name)


def speaker_directory_on(gateway: str) -> str:
    """The same, for the name of a gateway."""
    return f"{node_directory(gateway)}/speaker"


def bfd_interval_ms(topology: Topology) -> int:
    """The BFD interval that a lab of this size affords on two cores.

    A gateway with two ports costs 4.3 % of a core at 10 ms, 1.4 % at 50 ms and 0.8 % at 100 ms.
    """
    # Only gateways count: the daemons of routers send BFD at a fraction of that cost.
    ends = sum(
        port.l3_port is not None
        for link in topology.links
        if link.kind is LinkKind.WAN
        for port in (link.a, link.b)
    )
    if ends <= 8:
        return 10
    return 50 if ends <= 32 else 100


def site_document(
    topology: Topology, cell: Cell, gateway: Gateway, datapath: str = "netdev", bfd_ms: int | None = None
) -> dict[str, Any]:
    """What the agent of a gateway is told (schema: cellnet_core.model.site.Site)."""
    interval = bfd_ms or bfd_interval_ms(topology)
    bfd = {"min_tx_ms": interval, "min_rx_ms": interval, "multiplier": 3}
    lan = [port_of(link, gateway.name) for link in topology.links_of(gateway.name, LinkKind.LAN)]
    wan = topology.links_of(gateway.name, LinkKind.WAN)
    return {
        "cell": cell.name,
        "gateway": gateway.name,
        "kind": cell.kind.value,
        "uuid": str(cell.uuid),
        "asn": cell.asn,
        "router_id": gateway.router_id,
        "prefixes": [str(prefix) for prefix in cell.prefixes],
        "manager_url": f"http://{manager_address(topology)}:{MANAGER_PORT}",
        "enrolment_file": enrolment_file(gateway),
        "state_directory": f"{node_directory(gateway.name)}/agent",
        "journal": f"{LAB}/journal/agent-{gateway.name}.jsonl",
        "wan": [
            {
                "interface": port.name,
                "l3_port": port.l3_port,
                "mac": port.mac,
                "addresses": _texts(port.addresses),
                "bfd": bfd,
                **_peer(topology, far_end(link, gateway.name)),
            }
            for link in wan
            for port in (port_of(link, gateway.name),)
        ],
        "lan": {
            "interfaces": [port.name for port in lan],
            "l3_port": gateway.lan_port,
            "router_mac": gateway.router_mac,
            "addresses": _texts(gateway.lan_addresses),
            "health_addresses": _texts(gateway.health_addresses),
        },
        "ovs": {
            "run_directory": ovs.run_directory(gateway.name),
            "datapath_type": datapath,
            "datapath_id": gateway.datapath_id,
        },
        "controller": {
            "target": f"tcp:{controller_address(topology, gateway)}:{CONTROLLER_PORT}",
            "socket": controller_socket(gateway),
        },
        "speaker": {"directory": speaker_directory(gateway)},
    }


def manager_document(topology: Topology, main: Cell) -> dict[str, Any]:
    """The manager's configuration, with the cells it manages."""
    return {
        "database": f"sqlite:///{node_directory(str(main.manager_node))}/manager.db",
        "unix_socket": f"{LAB}/manager.sock",
        "listen": f"{manager_address(topology)}:{MANAGER_PORT}",
        "journal": f"{LAB}/journal/manager.jsonl",
        # The manager writes each agent's one-time token before it is ready; agents enrol by themselves.
        "agents": "enrolled",
        "agent_secret": f"{node_directory(str(main.manager_node))}/agent.secret",
        "enrol": [
            {"cell": cell.name, "gateway": gateway.name, "file": enrolment_file(gateway)}
            for cell in topology.cells
            for gateway in cell.gateways
        ],
        "cells": [
            {
                "name": cell.name,
                "id": str(cell.uuid),
                "nova_cell_uuid": str(cell.uuid),
                "kind": cell.kind.value,
                "asn": cell.asn,
                "prefixes": [str(prefix) for prefix in cell.prefixes],
            }
            for cell in topology.cells
        ],
    }


def manager_address(topology: Topology) -> str:
    """The manager's address on the management network."""
    node = next(cell.manager_node for cell in topology.cells if cell.manager_node is not None)
    link = topology.links_of(node, LinkKind.MANAGEMENT)[0]
    return str(port_of(link, node).addresses[0].ip)


def controller_address(topology: Topology, gateway: Gateway) -> str:
    """The controller's address on the cable between it and this gateway."""
    link = next(
        link
        for link in topology.links_of(gateway.name, LinkKind.CONTROL)
        if gateway.controller_node in (link.a.node, link.b.node)
    )
    return str(port_of(link, gateway.controller_node).addresses[0].ip)


def port_of(link: Link, node: str) -> Port:
    """The link's end on that node."""
    return link.a if link.a.node == node else link.b


def far_end(link: Link, node: str) -> Port:
    """The link's end that is not on that node."""
    return link.b if link.a.node == node else link.a


def _peer(topology: Topology, port: Port) -> dict[str, Any]:
    """What a site file says of a WAN port's far end if that is a provider's router; else nothing."""
    router: Router | None = next((each for each in topology.routers if each.name == port.node), None)
    if router is None:
        return {}
    return {
        "peer": {
            "name": router.name,
            "asn": router.asn,
            "addresses": _texts(port.addresses),
            "mac": port.mac,
            "passive": False,
        }
    }


def _texts(addresses: tuple[Interface, ...]) -> list[str]:
    return [str(address) for address in addresses]


def _manager(cell: Cell, node: str) -> ServiceSpec:
    argv = (*PYTHON, "cellnet_core.northbound", "--config", manager_file(cell))
    return ServiceSpec("manager", node, f"manager {node}", argv, Notified(), stale=(f"{LAB}/manager.sock",))


def _controller(topology: Topology, gateway: Gateway, library: str) -> ServiceSpec:
    node = gateway.controller_node
    argv = (
        *PYTHON,
        "cellnet_core.openflow.controller_app",
        *("--library", library),
        *("--listen", f"{controller_address(topology, gateway)}:{CONTROLLER_PORT}"),
        *("--socket", controller_socket(gateway)),
        *("--journal", f"{LAB}/journal/controller-{node}.jsonl"),
    )
    return ServiceSpec(
        "controller", node, f"controller {node}", argv, Notified(), stale=(controller_socket(gateway),)
    )


def _agent(gateway: Gateway) -> ServiceSpec:
    return ServiceSpec(
        "agent",
        gateway.name,
        f"gateway {gateway.name}",
        (*PYTHON, "cellnet_core.agent", "--site", site_file(gateway)),
        Notified(),
        after=(f"switch@{gateway.name}",),
        environment=ovs.environment(gateway.name),
    )


def _speaker(gateway: Gateway) -> ServiceSpec:
    return ServiceSpec(
        "speaker",
        gateway.name,
        f"gateway {gateway.name}",
        (*PYTHON, "bgp.speaker", "--directory", speaker_directory(gateway)),
        Notified(),
    )
