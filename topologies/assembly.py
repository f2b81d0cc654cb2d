"""From a checked request to the finished topology: every name and number filled in.

Pure and deterministic: the same request gives the same value, to the last MAC. It trusts the checks; an
unchecked request may raise ValueError from deep inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from ipaddress import IPv4Interface, ip_address, ip_interface, ip_network

from topologies import numbering
from topologies.model import (
    Cell,
    CellKind,
    Gateway,
    Host,
    Interface,
    Link,
    LinkKind,
    Network,
    Port,
    Router,
    Topology,
)
from topologies.numbering import Mac
from topologies.specs import CellSpec, HostSpec, LinkSpec, RouterSpec, TopologySpec

LAN_PORT = "ip-lan"


def gateway_name(cell: str, k: int) -> str:
    """The node of gateway `k` of a cell."""
    return f"{cell}-gw{k}"


def controller_name(cell: str, k: int) -> str:
    """The node of the controller of gateway `k`; also the name of the control link."""
    return f"{cell}-ctl{k}"


def host_name(cell: str, h: int) -> str:
    """The node of host `h`; also the name of its LAN link."""
    return f"{cell}-h{h}"


def manager_name(cell: str) -> str:
    """The manager's node, in the main cell."""
    return f"{cell}-mgr"


def path_names(link: LinkSpec, routers: Collection[str] = ()) -> tuple[str, ...]:
    """The names of the paths of a link: main-east-1 and main-east-2 between cells, main-p1 and main-p1-2
    where an end is one of these routers (a second cable to one is rare, and must rename nothing)."""
    stem = f"{link.a}-{link.b}"
    names = tuple(f"{stem}-{number}" for number in range(1, link.paths + 1))
    return (stem, *names[1:]) if {link.a, link.b} & set(routers) else names


def router_asn(spec: RouterSpec, number: int) -> int:
    """The AS number of router `number` (from 1): the written one, else the derived one."""
    return spec.asn if spec.asn is not None else numbering.router_asn(number)


def spread(number: int, gateways: int) -> int:
    """The gateway (from 1) that serves item `number` (from 1): round robin."""
    return (number - 1) % gateways + 1


def cell_prefixes(spec: CellSpec, n: int) -> tuple[Network, ...]:
    """The prefixes of cell `n`, IPv4 first: written ones, else derived ones."""
    written = {network.version: network for network in map(ip_network, spec.prefixes)}
    return tuple(written.get(derived.version, derived) for derived in numbering.cell_prefixes(n))


def host_addresses(host: HostSpec, h: int, prefixes: tuple[Network, ...]) -> tuple[Interface, ...]:
    """The addresses of host `h` of a cell, IPv4 first: written ones, else derived ones."""
    written = {address.version: address for address in map(ip_address, host.addresses)}
    return tuple(
        ip_interface(f"{written[prefix.version]}/{prefix.prefixlen}")
        if prefix.version in written
        else numbering.inside(prefix, numbering.host_number(h))
        for prefix in prefixes
    )


def assemble(spec: TopologySpec) -> Topology:
    """The topology that a request without problems (`checks.check`) describes."""
    cells = tuple(_cell(spec.name, cell, n) for n, cell in enumerate(spec.cells, 1))
    routers = tuple(
        Router(router.name, router_asn(router, number), numbering.router_id(number), router.daemon)
        for number, router in enumerate(spec.routers, 1)
    )
    links = [*_wan_links(spec), *_management_links(cells)]
    for cell in cells:
        links += [*_lan_links(cell), *_control_links(cell)]
    links.sort(key=lambda link: link.name)
    return Topology(spec.name, cells, tuple(links), routers, dict(spec.parameters))


def _cell(topology: str, spec: CellSpec, n: int) -> Cell:
    prefixes = cell_prefixes(spec, n)
    kind = spec.effective_kind
    gateways = tuple(_gateway(spec.name, n, k, prefixes) for k in range(1, spec.gateways + 1))
    hosts = tuple(
        Host(
            name=host_name(spec.name, h),
            cell=spec.name,
            mac=Mac.host(n, h),
            addresses=host_addresses(host, h, prefixes),
            routes_via=tuple(
                str(address.ip) for address in gateways[spread(h, spec.gateways) - 1].lan_addresses
            ),
            role=host.role,
        )
        for h, host in enumerate(spec.host_specs(numbering.MAX_HOSTS), 1)
    )
    return Cell(
        name=spec.name,
        kind=kind,
        index=n,
        uuid=numbering.cell_uuid(topology, spec.name),
        asn=spec.asn if spec.asn is not None else numbering.cell_asn(n),
        prefixes=prefixes,
        gateways=gateways,
        hosts=hosts,
        manager_node=manager_name(spec.name) if kind is CellKind.MAIN else None,
    )


def _gateway(cell: str, n: int, k: int, prefixes: tuple[Network, ...]) -> Gateway:
    addresses = numbering.gateway_addresses(prefixes, k)
    return Gateway(
        name=gateway_name(cell, k),
        cell=cell,
        index=k,
        datapath_id=numbering.datapath_id(n, k),
        lan_port=LAN_PORT,
        router_mac=Mac.router(n, k),
        lan_addresses=addresses,
        health_addresses=numbering.health_addresses(prefixes, k),
        router_id=str(next(address.ip for address in addresses if isinstance(address, IPv4Interface))),
        controller_node=controller_name(cell, k),
    )


def _wan_links(spec: TopologySpec) -> Iterator[Link]:
    gateways = {cell.name: cell.gateways for cell in spec.cells}
    routers = {router.name for router in spec.routers}
    ports: Counter[str] = Counter()  # by node
    dealt: Counter[str] = Counter()  # by cell
    path = 0

    def port(end: str, side: int) -> Port:
        addresses = numbering.wan_addresses(path)[side]
        if end not in gateways:  # a router carries its addresses itself
            ports[end] += 1
            return Port(end, f"wan{ports[end]}", Mac.wan(path, side), addresses)
        dealt[end] += 1
        node = gateway_name(end, spread(dealt[end], gateways[end]))
        ports[node] += 1
        name = f"wan{ports[node]}"
        return Port(node, name, Mac.wan(path, side), addresses, f"ip-{name}", Mac.wan_port(path, side))

    for link in spec.links:
        for name in path_names(link, routers):
            path += 1
            yield Link(name, LinkKind.WAN, port(link.a, 0), port(link.b, 1))


def _lan_links(cell: Cell) -> Iterator[Link]:
    ports: Counter[int] = Counter()

    def port(k: int) -> Port:
        gateway = cell.gateways[k - 1]
        ports[k] += 1
        return Port(
            node=gateway.name,
            name=f"lan{ports[k]}",
            mac=gateway.router_mac,
            addresses=gateway.lan_addresses,
            l3_port=gateway.lan_port,
            link_mac=Mac.lan_port(cell.index, k, ports[k]),
        )

    # The gateways of a cell share its LAN: a chain, because plain switches must not be closed to a ring.
    # It comes first, so that one more host changes no port's number.
    for k in range(1, len(cell.gateways)):
        yield Link(f"{gateway_name(cell.name, k)}-gw{k + 1}", LinkKind.LAN, port(k), port(k + 1))
    for h, host in enumerate(cell.hosts, 1):
        side = Port(host.name, "eth0", host.mac, host.addresses)
        yield Link(host.name, LinkKind.LAN, port(spread(h, len(cell.gateways))), side)


def _control_links(cell: Cell) -> Iterator[Link]:
    gateway_side, controller_side = (numbering.inside(numbering.CONTROL, number) for number in (1, 2))
    for gateway in cell.gateways:
        k = gateway.index
        yield Link(
            gateway.controller_node,
            LinkKind.CONTROL,
            Port(gateway.name, "ctl0", Mac.control(cell.index, k, 0), (gateway_side,)),
            Port(gateway.controller_node, "eth0", Mac.control(cell.index, k, 1), (controller_side,)),
        )


def _management_links(cells: tuple[Cell, ...]) -> Iterator[Link]:
    count = 0

    def link(node: str, interface: str, address: IPv4Interface, n: int, k: int) -> Link:
        # The segment's ports are numbered: its interface names must fit in 15 bytes, nodes' names need not.
        nonlocal count
        count += 1
        return Link(
            f"mgmt-{node}",
            LinkKind.MANAGEMENT,
            Port(node, interface, Mac.management(n, k, 0), (address,)),
            Port(numbering.MANAGEMENT_NODE, f"port{count}", Mac.management(n, k, 1)),
        )

    for cell in cells:
        if cell.manager_node is not None:
            yield link(cell.manager_node, "eth0", numbering.manager_address(), 0, 1)
        for gateway in cell.gateways:
            address = numbering.management_address(cell.index, gateway.index)
            yield link(gateway.name, "mgmt0", address, cell.index, gateway.index)
