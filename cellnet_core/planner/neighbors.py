"""What the kernel's neighbour table means: MACs of next hops, and hosts of the cell. Pure.

A next hop's MAC is remembered until another one is seen: the kernel forgets or fails an entry whenever BGP is
quiet or a path is cut, and whether the path is alive is BFD's business. A host's adjacency goes as soon as
the kernel has no MAC for it: packets then take the way through the kernel, which asks anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cellnet_core.drivers.contract import Adjacency, ForwardingIntent, Route
from cellnet_core.model.site import Site
from cellnet_core.planner import addresses
from cellnet_core.planner.routes import Way
from cellnet_core.planner.seen import KernelNeighbor


def link_peers(ways: Iterable[Way]) -> tuple[tuple[str, str, str], ...]:
    """(internal port, own address, far address) of every far end whose MAC is wanted."""
    return tuple(
        sorted(
            (way.port.l3_port, local, remote)
            for way in ways
            for remote in way.path.remote_addresses
            if (local := addresses.of_family(way.path.local_addresses, addresses.family(remote))) is not None
            and addresses.family(remote) in way.families
        )
    )


def told_macs(site: Site) -> dict[tuple[str, str], str]:
    """The MACs of providers' routers that the site file names; what the kernel sees wins over it."""
    return {
        (port.l3_port, str(interface.ip)): port.peer.mac.lower()
        for port in site.wan
        if port.peer is not None and port.peer.mac is not None
        for interface in port.peer.addresses
    }


def macs(
    known: Mapping[tuple[str, str], str],
    peers: Iterable[tuple[str, str, str]],
    seen: Iterable[KernelNeighbor] | None,
) -> dict[tuple[str, str], str]:
    """Last known MAC of each wanted far end; ends that no path wants any more are forgotten."""
    now = {(entry.interface, entry.address): entry.mac for entry in seen or ()}
    wanted = {(port, remote) for port, _, remote in peers}
    return {key: mac for key in sorted(wanted) if (mac := now.get(key, known.get(key))) is not None}


def adjacencies(site: Site, seen: Iterable[KernelNeighbor]) -> tuple[Adjacency, ...]:
    """Hosts of the cell that the kernel knows on the LAN side, without the gateway itself."""
    prefixes = tuple(str(prefix) for prefix in site.prefixes)
    own = set(local_addresses(site))
    return tuple(
        sorted(
            Adjacency(entry.address, entry.mac)
            for entry in seen
            if entry.interface == site.lan.l3_port
            and entry.address not in own
            and entry.mac != site.lan.router_mac
            and addresses.contains(prefixes, entry.address)
        )
    )


def local_addresses(site: Site) -> tuple[str, ...]:
    """The gateway's own addresses inside the cell, health addresses included, without prefix lengths."""
    return tuple(str(interface.ip) for interface in (*site.lan.addresses, *site.lan.health_addresses))


def forwarding_intent(
    site: Site, hosts: tuple[Adjacency, ...], routes: tuple[Route, ...]
) -> ForwardingIntent:
    """All that the gateway shall forward."""
    return ForwardingIntent(
        local_prefixes=tuple(str(prefix) for prefix in site.prefixes),
        local_addresses=local_addresses(site),
        adjacencies=hosts,
        routes=routes,
    )
