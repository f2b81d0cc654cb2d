"""Base flows: what a gateway forwards with no controller and no connection at all.

A pure function of the site. They let the gateway's kernel talk to its neighbours (ARP, neighbour discovery
and BGP between each WAN port and the internal port with its addresses; ARP and neighbour discovery with the
hosts) and hand routable packets to the routing table. BFD is not among them: Open vSwitch takes and answers
BFD before the tables. What they do not name is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cellnet_core.model.site import Site, WanPort
from cellnet_core.openflow import cookies, ports
from cellnet_core.openflow.values import Flow, Match, Output

CLASSIFY: Final = 0
ROUTING: Final = 10

ARP: Final = 0x0806
IPV4: Final = 0x0800
IPV6: Final = 0x86DD
_ETHERTYPE: Final = {4: IPV4, 6: IPV6}
_TCP: Final = 6
_ICMPV6: Final = 58
_BGP: Final = 179
_NEIGHBOUR_DISCOVERY: Final = (135, 136)  # solicitation and advertisement, RFC 4861
_UNICAST: Final = "00:00:00:00:00:00/01:00:00:00:00:00"

_CONTROL: Final = 200  # ARP, neighbour discovery, BGP: before anything is routed
_ROUTED: Final = 100
_HOSTS: Final = 50


def flows(site: Site) -> tuple[Flow, ...]:
    """All base flows of the site, in a stable order."""
    numbers = ports.number(site)
    found: list[Flow] = []
    for wan in site.wan:
        found += _wan(wan, numbers.numbers[wan.interface], numbers.numbers[wan.l3_port])
    found += _lan(site, numbers)
    return tuple(found)


def _wan(wan: WanPort, physical: int, kernel: int) -> Iterator[Flow]:
    for source, target in ((physical, kernel), (kernel, physical)):
        yield from _resolution(source, target)
        for address in wan.addresses:
            # Only to and from the link's own address: the kernel is reachable for BGP and for nothing else.
            own = "dst" if source == physical else "src"
            for port in ("tcp_dst", "tcp_src"):
                fields: dict[str, Any] = {f"ipv{address.version}_{own}": str(address.ip), port: _BGP}
                yield _control(source, target, eth_type=_ETHERTYPE[address.version], ip_proto=_TCP, **fields)
    for version in (4, 6):
        yield _routed(in_port=physical, eth_dst=wan.mac, eth_type=_ETHERTYPE[version])


def _lan(site: Site, numbers: ports.PortMap) -> Iterator[Flow]:
    kernel, hosts = numbers.lan_l3, numbers.patch
    for source, target in ((hosts, kernel), (kernel, hosts)):
        yield from _resolution(source, target)
    for version in (4, 6):
        ethertype = _ETHERTYPE[version]
        for source in (hosts, kernel):
            yield _routed(in_port=source, eth_dst=site.lan.router_mac, eth_type=ethertype)
        # What the kernel resolved itself (a packet that had to wait for ARP) goes straight to the host.
        match = Match.of(in_port=kernel, eth_dst=_UNICAST, eth_type=ethertype)
        yield Flow(CLASSIFY, _HOSTS, match, (Output(hosts),), cookie=cookies.BASE)


def _resolution(source: int, target: int) -> Iterator[Flow]:
    yield _control(source, target, eth_type=ARP)
    for kind in _NEIGHBOUR_DISCOVERY:
        yield _control(source, target, eth_type=IPV6, ip_proto=_ICMPV6, icmpv6_type=kind)


def _control(source: int, target: int, **fields: Any) -> Flow:
    match = Match.of(in_port=source, **fields)
    return Flow(CLASSIFY, _CONTROL, match, (Output(target),), cookie=cookies.BASE)


def _routed(**fields: Any) -> Flow:
    return Flow(CLASSIFY, _ROUTED, Match.of(**fields), goto=ROUTING, cookie=cookies.BASE)
