"""From what a gateway shall forward to the tables of its switch.

Pure: intent and site in, values out. Groups have no ids yet: which id a set of next hops gets depends on
what the switch already has (`diff.py`), so that a change of order costs one group-mod and no flow-mod.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from cellnet_core.drivers.contract import Adjacency, DriverError, ForwardingIntent, NextHop
from cellnet_core.model.site import Site
from cellnet_core.openflow import base, cookies, ports
from cellnet_core.openflow.values import Action, Bucket, DecTtl, Flow, Match, Output, SetField, ToGroup

# Longest prefix first; within a length: own addresses, hosts, local prefixes, remote prefixes.
_OWN: Final = 3
_HOST: Final = 2
_LOCAL: Final = 1
_REMOTE: Final = 0
_RANKS: Final = 8
_RESORT_WAYS: Final = 2
"""How many paths carry the same packet when none is known to be alive."""


@dataclass(frozen=True, slots=True)
class RemotePrefix:
    """A prefix behind a group that has no id yet."""

    prefix: str
    priority: int
    match: Match
    buckets: tuple[Bucket, ...]

    @property
    def key(self) -> tuple[int, int, Match]:
        """That of its flow, see `Flow.key`."""
        return (base.ROUTING, self.priority, self.match)

    def flow(self, group_id: int) -> Flow:
        """The flow, once the group has an id."""
        actions = (DecTtl(), ToGroup(group_id))
        return Flow(base.ROUTING, self.priority, self.match, actions, cookie=cookies.of_group(group_id))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the tables shall hold: flows that are complete, and prefixes that need a group."""

    flows: tuple[Flow, ...]
    remote: tuple[RemotePrefix, ...]


def expand(intent: ForwardingIntent, site: Site) -> Wanted:
    """Everything the switch shall hold, base flows included.

    Raises DriverError for an intent this gateway cannot have: an interface that is not one of its WAN ports,
    two routes for one prefix, text that is no address.
    """
    numbers = ports.number(site)
    try:
        flows = (
            *base.flows(site),
            *(_own(address, site, numbers) for address in dict.fromkeys(intent.local_addresses)),
            *(_host(adjacency, site, numbers) for adjacency in intent.adjacencies),
            *(_local(prefix, site, numbers) for prefix in dict.fromkeys(intent.local_prefixes)),
        )
        ways = {
            hops: buckets(hops, site, numbers)
            for hops in {route.next_hops for route in intent.routes}
            if hops
        }
        remote = tuple(
            RemotePrefix(*_place(route.prefix, _REMOTE), ways[route.next_hops])
            for route in intent.routes
            if route.next_hops
        )
    except ValueError as error:
        raise DriverError(f"the intent names something that is no address: {error}") from error
    _refuse_twice([flow.title for flow in flows] + [f"route {each.prefix}" for each in remote])
    return Wanted(flows, remote)


def buckets(next_hops: tuple[NextHop, ...], site: Site, numbers: ports.PortMap) -> tuple[Bucket, ...]:
    """Fast-failover buckets in order of preference, and the last resort.

    The last bucket watches the always-up internal port: a stall of the switch drops BFD on all paths at
    once, and without that bucket nothing would be live for a second. It goes out by the two most preferred
    paths at the same time. When none is known to be alive, one of them may truly be dead while the other
    has only missed a few BFD packets; a packet twice is better than none.
    """
    wan = {port.interface: numbers.numbers[port.interface] for port in site.wan}
    ways: list[Bucket] = []
    for hop in next_hops:
        if hop.interface not in wan:
            raise DriverError(
                f"next hop by {hop.interface!r}, which is no WAN port of {site.gateway}: "
                f"name one of {', '.join(wan) or 'none'}"
            )
        actions: tuple[Action, ...] = (
            SetField("eth_src", hop.source_mac.lower()),
            SetField("eth_dst", hop.destination_mac.lower()),
            Output(wan[hop.interface]),
        )
        ways.append(Bucket(actions, wan[hop.interface]))
    resort = tuple(action for way in ways[:_RESORT_WAYS] for action in way.actions)
    return (*ways, Bucket(resort, numbers.lan_l3))


def _own(address: str, site: Site, numbers: ports.PortMap) -> Flow:
    # Packets from a WAN port carry that port's MAC; the kernel takes only what is addressed to its own.
    return _flow(str(ip_address(address)), _OWN, _punt(site, numbers), cookies.ROUTING | _OWN)


def _host(adjacency: Adjacency, site: Site, numbers: ports.PortMap) -> Flow:
    actions = (
        DecTtl(),
        SetField("eth_src", site.lan.router_mac.lower()),
        SetField("eth_dst", adjacency.mac.lower()),
        Output(numbers.patch),
    )
    return _flow(str(ip_address(adjacency.address)), _HOST, actions, cookies.ROUTING | _HOST)


def _local(prefix: str, site: Site, numbers: ports.PortMap) -> Flow:
    # A host that is not known yet: the kernel resolves it and forwards; its neighbour entry becomes a flow.
    return _flow(str(ip_network(prefix)), _LOCAL, _punt(site, numbers), cookies.ROUTING | _LOCAL)


def _punt(site: Site, numbers: ports.PortMap) -> tuple[Action, ...]:
    return (SetField("eth_dst", site.lan.router_mac.lower()), Output(numbers.lan_l3))


def _flow(destination: str, rank: int, actions: tuple[Action, ...], cookie: int) -> Flow:
    _, priority, match = _place(destination, rank)
    return Flow(base.ROUTING, priority, match, actions, cookie=cookie)


# The same prefixes are planned again and again; parsing them is most of the work of a plan.
@lru_cache(maxsize=1 << 17)
def _place(destination: str, rank: int) -> tuple[str, int, Match]:
    """Canonical text, priority and match of a destination address or prefix. Raises ValueError."""
    network = ip_network(destination)
    # A default route matches the family and nothing more.
    field = {f"ipv{network.version}_dst": str(network)} if network.prefixlen else {}
    match = Match.from_mapping({"eth_type": base.IPV4 if network.version == 4 else base.IPV6, **field})
    return str(network), network.prefixlen * _RANKS + rank, match


def _refuse_twice(titles: list[str]) -> None:
    seen: set[str] = set()
    for title in titles:
        if title in seen:
            raise DriverError(f"the intent asks twice for {title}: name it once")
        seen.add(title)
