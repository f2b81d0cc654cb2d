"""From learned routes to what the gateway forwards: import filter, ranking, next hops. Pure.

A learned route is used when its session belongs to a connection of the intent, its prefix is among what the
far cell may announce (default reject, RFC 8212), its next hop is the far end of that very path, its AS path
is free of our own AS, and the MAC of its next hop is known. Stale routes (RFC 4724) are used like any other.

A provider's router tells of many cells over one session. A connection takes from it what the remote cell
itself has originated of its own prefixes; other cells' prefixes are not its affair, and no problem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cellnet_core.drivers.contract import Family, LearnedRoute, NextHop, Route
from cellnet_core.model.site import Network, Site, WanPort
from cellnet_core.model.wire import ConnectionIntent, PathIntent
from cellnet_core.planner import addresses
from cellnet_core.planner import holds as hold_down
from cellnet_core.planner.seen import Hold
from cellnet_core.planner.sessions import families_of

ORIGINS = {"igp": 0, "egp": 1, "incomplete": 2}


@dataclass(frozen=True, slots=True)
class Way:
    """A usable path: its connection, its port, and its place in the order of preference."""

    connection: ConnectionIntent
    path: PathIntent
    port: WanPort
    index: int
    families: tuple[Family, ...]
    remote: addresses.Prefixes
    """What the far cell may announce."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What came out of all learned routes."""

    routes: tuple[Route, ...] = ()
    in_use: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Prefixes in use by connection id and family."""
    refused: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Why not, by connection id and prefix."""
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Next hop addresses without MAC that a learned route wants, by connection id."""


def ways(site: Site, connections: Iterable[ConnectionIntent], supported: frozenset[Family]) -> dict[str, Way]:
    """Every path of these connections whose port the site has as the intent says, by path name."""
    ports = {port.interface: port for port in site.wan}
    return {
        path.name: Way(connection, path, ports[path.interface], index, carried, remote)
        for connection in connections
        for carried in (families_of(connection, supported),)
        for remote in (addresses.prefixes(connection.remote.prefixes),)
        for index, path in enumerate(connection.paths)
        if path.interface in ports and misfit(path, ports[path.interface]) is None
    }


def misfit(path: PathIntent, port: WanPort) -> str | None:
    """How the router that a path goes by differs from the one at the port; None when all is well."""
    peer = port.peer
    if path.via is None:
        return None
    if peer is None:
        return f"{path.name} goes via {path.via}, but {port.interface} has no provider's router"
    if (peer.name, peer.asn) != (path.via, path.peer_asn):
        return (
            f"{path.name} goes via {path.via} (AS {path.peer_asn}), but at {port.interface} is "
            f"{peer.name} (AS {peer.asn})"
        )
    known = {str(interface.ip) for interface in peer.addresses}
    if foreign := [text for text in path.remote_addresses if text not in known]:
        return f"{path.via} at {port.interface} has not {', '.join(foreign)} but {', '.join(sorted(known))}"
    return None


def by_session(ways_by_path: Mapping[str, Way]) -> dict[str, tuple[Way, ...]]:
    """The ways that each BGP session serves."""
    found: dict[str, list[Way]] = defaultdict(list)
    for way in ways_by_path.values():
        found[way.path.session].append(way)
    return {name: tuple(served) for name, served in found.items()}


def concerns(route: LearnedRoute, way: Way, site: Site) -> bool:
    """Whether a route is this connection's to use or to refuse.

    On a session of its own all of them are. A provider tells of other cells too; of its routes only those to
    the remote cell are, and those that claim this cell's own prefixes for somebody else.
    """
    if way.path.via is None or way.remote.cover(route.prefix):
        return True
    return site.asn not in route.as_path and addresses.overlaps(route.prefix, _texts(site.prefixes))


def refusal(route: LearnedRoute, way: Way, site: Site) -> str | None:
    """Why a learned route is not used; None when it may be."""
    family = addresses.family(route.prefix)
    if not way.remote.cover(route.prefix):
        return "not among the prefixes of the remote endpoint"
    if addresses.overlaps(route.prefix, _texts(site.prefixes)):
        return "overlaps this cell's own prefixes"
    if family not in way.families:
        return f"the connection does not carry {family}"
    if site.asn in route.as_path:
        return f"AS path loop: holds our own AS {site.asn}"
    if way.path.via is not None and route.as_path[-1:] != (way.connection.remote.asn,):
        origin = f"AS {route.as_path[-1]}" if route.as_path else way.path.via
        return (
            f"originated by {origin}, not by AS {way.connection.remote.asn} of {way.connection.remote.cell}"
        )
    if far_end(route.next_hop, way) is None:
        return f"next hop {route.next_hop} is not the far end of path {way.path.name}"
    return None


def far_end(next_hop: str, way: Way) -> str | None:
    """The address of the path's far end that a next hop means; None for somebody else's address.

    A router's link-local address (RFC 2545 section 3) stands for the IPv6 one: only it is at that link's end.
    """
    for remote in way.path.remote_addresses:
        if addresses.same(next_hop, remote):
            return remote
    if way.path.via is not None and addresses.is_link_local(next_hop):
        return addresses.of_family(way.path.remote_addresses, "ipv6")
    return None


def preference(route: LearnedRoute, way: Way, holds: Mapping[str, Hold]) -> tuple[object, ...]:
    """Sort key: paths that are up before paths that are not, then BGP's attributes (RFC 4271 section 9.1.2.2
    a to c), then the order of paths in the intent."""
    return (
        hold_down.preference(holds.get(way.path.name, Hold())),
        -route.local_preference,
        len(route.as_path),
        ORIGINS.get(route.origin.lower(), 2),
        route.med,
        way.index,
        way.connection.name,
        way.path.name,
    )


def select(
    site: Site,
    ways_by_path: Mapping[str, Way],
    learned: Iterable[LearnedRoute],
    holds: Mapping[str, Hold],
    macs: Mapping[tuple[str, str], str],
) -> Selection:
    """Routes with next hops in order of preference, and everything that has to be said about the rest."""
    candidates: dict[str, list[tuple[tuple[object, ...], NextHop]]] = defaultdict(list)
    in_use: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    refused: dict[str, dict[str, str]] = defaultdict(dict)
    unresolved: dict[str, set[str]] = defaultdict(set)
    served = by_session(ways_by_path)
    for route in learned:
        for way in served.get(route.neighbor, ()):
            if not concerns(route, way, site):
                continue
            reason = refusal(route, way, site)
            if reason is not None:
                refused[way.connection.id][route.prefix] = reason
                continue
            mac = next_hop_mac(macs, way, route.next_hop)
            if mac is None:
                unresolved[way.connection.id].add(far_end(route.next_hop, way) or route.next_hop)
                continue
            hop = NextHop(way.port.interface, way.port.mac, mac)
            candidates[route.prefix].append((preference(route, way, holds), hop))
            in_use[way.connection.id][addresses.family(route.prefix)].add(route.prefix)
    return Selection(
        routes=tuple(Route(prefix, _ordered(found)) for prefix, found in sorted(candidates.items())),
        in_use={
            id_: {family: tuple(sorted(prefixes)) for family, prefixes in sorted(by_family.items())}
            for id_, by_family in sorted(in_use.items())
        },
        refused={id_: dict(sorted(reasons.items())) for id_, reasons in sorted(refused.items())},
        unresolved={id_: tuple(sorted(hops)) for id_, hops in sorted(unresolved.items())},
    )


def next_hop_mac(macs: Mapping[tuple[str, str], str], way: Way, next_hop: str) -> str | None:
    """MAC of the far end of a path, whichever way the speaker writes its address."""
    mac = macs.get((way.port.l3_port, next_hop))
    if mac is not None:
        return mac
    remote = far_end(next_hop, way)
    return None if remote is None else macs.get((way.port.l3_port, remote))


@lru_cache(maxsize=16)
def _texts(prefixes: tuple[Network, ...]) -> tuple[str, ...]:
    """Asked for each of thousands of routes."""
    return tuple(str(prefix) for prefix in prefixes)


def _ordered(found: list[tuple[tuple[object, ...], NextHop]]) -> tuple[NextHop, ...]:
    return tuple(dict.fromkeys(hop for _, hop in sorted(found, key=lambda item: item[0])))
