"""Whether two endpoints can be joined, and by which paths. Pure; the same answer from either side.

A path is a fibre between two ports that share a subnet, or a pair of uplinks: ports at whose far end is a
provider's router. How the routers reach each other is the providers' affair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cellnet_core.manager import addresses
from cellnet_core.manager.errors import ConflictError, InvalidError
from cellnet_core.store.records import EndpointRecord, Family, InterfaceRecord, PathRecord, PeerRecord


@dataclass(frozen=True, slots=True)
class PortPair:
    """Two ports that a path joins, in every wanted family. Addresses are plain, IPv4 first."""

    local_interface: str
    remote_interface: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]


def check_ends(local: EndpointRecord, remote: EndpointRecord) -> None:
    """Refuse what can never be joined. Raises InvalidError and ConflictError."""
    if local.id == remote.id:
        raise InvalidError(
            "connection.to_itself",
            f"local_endpoint and remote_endpoint are both {local.name}: name an endpoint of another cell",
        )
    if local.cell_id == remote.cell_id:
        raise InvalidError(
            "connection.same_cell",
            f"{local.name} and {remote.name} are both in cell {local.cell_name}: name endpoints of two cells",
        )
    if local.asn == remote.asn:
        raise ConflictError(
            "connection.asn_equal",
            f"{local.name} and {remote.name} are both AS {local.asn}: external BGP needs two AS numbers; "
            "give one of the endpoints (and its gateway) another",
        )
    for one in local.prefixes:
        for other in remote.prefixes:
            if addresses.overlaps(one, other):
                raise ConflictError(
                    "connection.prefix_overlap",
                    f"prefix {one} of {local.name} overlaps {other} of {remote.name}: "
                    "hosts could not be told apart; renumber one of them",
                )


def choose_families(
    local: EndpointRecord, remote: EndpointRecord, wanted: Collection[Family] | None
) -> tuple[Family, ...]:
    """The families of the connection: those wanted, or those in which both ends have prefixes.

    Raises ConflictError when a family lacks a prefix or a health-check address on one side.
    """
    if wanted is None:
        families = tuple(
            f for f in addresses.FAMILIES if _has(local.prefixes, f) and _has(remote.prefixes, f)
        )
        if not families:
            raise ConflictError(
                "connection.asymmetric",
                f"{local.name} and {remote.name} have no address family in common: "
                f"prefixes {', '.join(local.prefixes)} and {', '.join(remote.prefixes)}",
            )
    else:
        families = tuple(f for f in addresses.FAMILIES if f in wanted)
    for family in families:
        for end in (local, remote):
            if not _has(end.prefixes, family):
                raise ConflictError(
                    "connection.asymmetric",
                    f"endpoint {end.name} has no {family} prefix ({', '.join(end.prefixes)}); "
                    f"leave {family} out of families or give it one",
                )
            if not _has(end.health_check_addresses, family):
                raise ConflictError(
                    "connection.health_address_missing",
                    f"endpoint {end.name} has no {family} health check address; "
                    f"leave {family} out of families or give it one",
                )
    return families


def pair(local: EndpointRecord, remote: EndpointRecord, families: Collection[Family]) -> tuple[PortPair, ...]:
    """All port pairs: fibres in the local endpoint's order of interfaces, then uplinks (`_pair_uplinks`).

    Raises ConflictError if none.
    """
    fibres = tuple(
        found
        for mine in local.interfaces
        for theirs in remote.interfaces
        if (found := _pair_ports(mine, theirs, families)) is not None
    )
    pairs = (*fibres, *_pair_uplinks(local.interfaces, remote.interfaces, families))
    if not pairs:
        raise ConflictError(
            "connection.no_path",
            f"no port of {local.name} ({_describe(local)}) shares a subnet with a port of {remote.name} "
            f"({_describe(remote)}) in {' and '.join(families)}: give them ports on one link or at "
            "providers' routers, or name fewer families",
        )
    return pairs


def name_paths(
    local: EndpointRecord, remote: EndpointRecord, pairs: Iterable[PortPair], taken: Collection[str]
) -> tuple[PathRecord, ...]:
    """ "main-east-1", "main-east-2" ... in order, leaving out numbers that other connections use."""
    stem = path_stem(local, remote)
    number = 0
    paths = []
    for ports in pairs:
        number += 1
        while f"{stem}{number}" in taken:
            number += 1
        paths.append(
            PathRecord(
                name=f"{stem}{number}",
                local_interface=ports.local_interface,
                remote_interface=ports.remote_interface,
                local_addresses=ports.local_addresses,
                remote_addresses=ports.remote_addresses,
            )
        )
    return tuple(paths)


def path_stem(local: EndpointRecord, remote: EndpointRecord) -> str:
    """What the names of all paths between these two start with."""
    return f"{local.cell_name}-{remote.cell_name}-"


def peer_at(endpoint: EndpointRecord, interface: str) -> PeerRecord | None:
    """The provider's router at that port of the endpoint; None where the far end is another gateway."""
    return next((port.peer for port in endpoint.interfaces if port.interface == interface), None)


def routers_on(local: EndpointRecord, remote: EndpointRecord, path: PathRecord) -> tuple[str, ...]:
    """The providers' routers that the path is known to go by, from the local end; empty for a fibre."""
    names = [
        port.peer.name
        for end, interface in ((local, path.local_interface), (remote, path.remote_interface))
        for port in end.interfaces
        if port.peer is not None and port.interface == interface
    ]
    return tuple(dict.fromkeys(names))


def _has(values: Iterable[str], family: Family) -> bool:
    return any(addresses.family(value) == family for value in values)


def _describe(endpoint: EndpointRecord) -> str:
    return "; ".join(f"{port.interface} {' '.join(port.addresses)}" for port in endpoint.interfaces)


def _pair_uplinks(
    mine: Sequence[InterfaceRecord], theirs: Sequence[InterfaceRecord], families: Collection[Family]
) -> Iterator[PortPair]:
    """Each uplink in a pair, and no more pairs than the side with more uplinks has.

    First those at the same router: no packet then needs the link between two providers. Then the others in
    their order; where one side has fewer, its first uplink serves the rest.
    """
    near = [port for port in mine if _reaches_provider(port, families)]
    far = [port for port in theirs if _reaches_provider(port, families)]
    if not near or not far:
        return
    chosen: list[tuple[InterfaceRecord, InterfaceRecord]] = []
    left, right = list(near), list(far)
    for one in near:
        other = next((port for port in right if _router(port) == _router(one)), None)
        if other is not None:
            chosen.append((one, other))
            left.remove(one)
            right.remove(other)
    longer = max(len(left), len(right))
    left += [near[0]] * (longer - len(left))
    right += [far[0]] * (longer - len(right))
    for one, other in (*chosen, *zip(left, right, strict=True)):
        both = [f for f in addresses.FAMILIES if all(_reaches_provider(port, (f,)) for port in (one, other))]
        ends = (
            tuple(addresses.plain(a) for f in both for a in port.addresses if addresses.family(a) == f)
            for port in (one, other)
        )
        yield PortPair(one.interface, other.interface, *ends)


def _router(port: InterfaceRecord) -> tuple[str, int] | None:
    return None if port.peer is None else (port.peer.name, port.peer.asn)


def _reaches_provider(port: InterfaceRecord, families: Collection[Family]) -> bool:
    """Whether port and router share a subnet in all these families."""
    peer = port.peer
    return peer is not None and all(
        any(
            addresses.family(here) == family and addresses.share_subnet(here, there)
            for here in port.addresses
            for there in peer.addresses
        )
        for family in families
    )


def _pair_ports(
    mine: InterfaceRecord, theirs: InterfaceRecord, families: Collection[Family]
) -> PortPair | None:
    if mine.peer is not None or theirs.peer is not None:
        return None
    local: list[str] = []
    remote: list[str] = []
    for family in addresses.FAMILIES:
        here = next((a for a in mine.addresses if addresses.family(a) == family), None)
        there = next((a for a in theirs.addresses if addresses.family(a) == family), None)
        shared = here is not None and there is not None and addresses.share_subnet(here, there)
        if not shared and family in families:
            return None
        if here is not None and there is not None and shared:
            local.append(addresses.plain(here))
            remote.append(addresses.plain(there))
    return PortPair(mine.interface, theirs.interface, tuple(local), tuple(remote))
