"""From what was said of an endpoint, and what its agent reported, to a whole endpoint. Pure.

What is said wins over what is reported, but may not contradict it: an endpoint that its gateway cannot be
would only fail later and elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cellnet_core.manager import addresses
from cellnet_core.manager.errors import ConflictError, InvalidError
from cellnet_core.model.wire import Inventory, PortInventory
from cellnet_core.store.records import CellRecord, EndpointRecord, InterfaceRecord, PeerRecord


@dataclass(frozen=True, slots=True)
class PortRequest:
    """A WAN port that was named; addresses None: those that the agent reports."""

    interface: str
    addresses: tuple[str, ...] | None
    peer: PeerRecord | None = None
    """None: the provider's router that the agent reports, if there is one."""


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """What was said; None: to be filled in."""

    name: str
    cell: str
    gateway: str | None = None
    interfaces: tuple[PortRequest, ...] | None = None
    asn: int | None = None
    prefixes: tuple[str, ...] | None = None
    health_check_addresses: tuple[str, ...] | None = None
    description: str = ""
    managed_by: str | None = None
    """None: as it is, for a new one nobody's."""
    tags: tuple[str, ...] | None = None
    """None: as they are, for a new one none."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """All that was left open, decided."""

    gateway: str
    interfaces: tuple[InterfaceRecord, ...]
    asn: int
    prefixes: tuple[str, ...]
    health_check_addresses: tuple[str, ...]


def resolve(request: EndpointRequest, cell: CellRecord, inventories: Mapping[str, Inventory]) -> Resolved:
    """Fill in what was left unsaid. `inventories`: by gateway of this cell, of agents that have reported.

    Raises InvalidError for what can never be right, ConflictError for what is not right now.
    """
    gateway = _gateway(request, cell, inventories)
    inventory = inventories.get(gateway)
    place = f"{cell.name}/{gateway}"
    prefixes = _prefixes(request, cell, inventory)
    return Resolved(
        gateway=gateway,
        interfaces=_interfaces(request, place, inventory),
        asn=_asn(request, cell, place, inventory),
        prefixes=prefixes,
        health_check_addresses=_health(request, place, inventory, prefixes),
    )


def resolved(endpoint: EndpointRecord) -> Resolved:
    """What was decided of an endpoint."""
    return Resolved(
        gateway=endpoint.gateway,
        interfaces=endpoint.interfaces,
        asn=endpoint.asn,
        prefixes=endpoint.prefixes,
        health_check_addresses=endpoint.health_check_addresses,
    )


def repeats(request: EndpointRequest, known: Resolved) -> bool:
    """Whether all of it is said, and just as it is."""
    return (
        (request.gateway, request.asn) == (known.gateway, known.asn)
        and (request.prefixes, request.health_check_addresses)
        == (known.prefixes, known.health_check_addresses)
        and request.interfaces is not None
        and len(request.interfaces) == len(known.interfaces)
        and all(
            _same_port(said, port) for said, port in zip(request.interfaces, known.interfaces, strict=True)
        )
    )


def _same_port(said: PortRequest, port: InterfaceRecord) -> bool:
    peer = (
        said.peer if said.peer is None or port.peer is None else replace(said.peer, passive=port.peer.passive)
    )
    return (said.interface, said.addresses, peer) == (port.interface, port.addresses, port.peer)


def _gateway(request: EndpointRequest, cell: CellRecord, inventories: Mapping[str, Inventory]) -> str:
    if request.gateway is not None:
        return request.gateway
    if not inventories:
        raise ConflictError(
            "endpoint.agent_unknown",
            f"no agent of cell {cell.name} has reported yet; name gateway, interfaces and "
            "health_check_addresses, or try later",
        )
    if len(inventories) > 1:
        raise ConflictError(
            "endpoint.gateway_ambiguous",
            f"cell {cell.name} has the gateways {', '.join(sorted(inventories))}; name one as gateway",
        )
    return next(iter(inventories))


def _not_reported(place: str, field: str) -> ConflictError:
    return ConflictError(
        "endpoint.agent_unknown", f"the agent of {place} has not reported yet; name {field} or try later"
    )


def _interfaces(
    request: EndpointRequest, place: str, inventory: Inventory | None
) -> tuple[InterfaceRecord, ...]:
    offered = {} if inventory is None else {port.interface: port for port in inventory.ports}
    if request.interfaces is None:
        if inventory is None:
            raise _not_reported(place, "interfaces")
        wanted = tuple(PortRequest(name, None) for name in offered)
    else:
        wanted = request.interfaces
    if not wanted:
        raise ConflictError("endpoint.no_interface", f"{place} offers no WAN port; name interfaces")
    names = [port.interface for port in wanted]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidError("endpoint.interface_twice", f"interfaces names {', '.join(twice)} more than once")
    return tuple(_interface(port, place, inventory, offered) for port in wanted)


def _interface(
    port: PortRequest, place: str, inventory: Inventory | None, offered: Mapping[str, PortInventory]
) -> InterfaceRecord:
    where = f"interface {port.interface} of {place}"
    if inventory is None:
        if port.addresses is None:
            raise _not_reported(place, f"the addresses of interface {port.interface}")
        said_peer = None if port.peer is None else _checked_peer(port.peer, where)
        return InterfaceRecord(port.interface, _checked(port.addresses, where), said_peer)
    if port.interface not in offered:
        known = ", ".join(offered) or "none"
        raise InvalidError(
            "endpoint.interface_unknown", f"{place} has no WAN port {port.interface!r}; it has: {known}"
        )
    reported = _checked(offered[port.interface].addresses, where)
    peer = _peer(port, offered[port.interface], where)
    if port.addresses is None:
        return InterfaceRecord(port.interface, reported, peer)
    said = _checked(port.addresses, where)
    foreign = [address for address in said if address not in reported]
    if foreign:
        raise ConflictError(
            "endpoint.address_mismatch",
            f"{where} has {', '.join(reported) or 'no addresses'}, not {', '.join(foreign)}; "
            "leave addresses out to take what it has",
        )
    return InterfaceRecord(port.interface, said, peer)


def _peer(port: PortRequest, offered: PortInventory, where: str) -> PeerRecord | None:
    """The router that the agent reports; what is said of it must be the same."""
    peer = None
    if (reported := offered.peer) is not None:
        given = PeerRecord(reported.name, reported.asn, reported.addresses, reported.passive)
        peer = _checked_peer(given, where)
    if port.peer is not None:
        said = _checked_peer(port.peer, where)
        if peer is None or replace(said, passive=peer.passive) != peer:
            has = "none" if peer is None else f"{peer.name} (AS {peer.asn}, {', '.join(peer.addresses)})"
            raise ConflictError(
                "endpoint.peer_mismatch",
                f"the provider's router at {where} is not {said.name} (AS {said.asn}, "
                f"{', '.join(said.addresses)}) but {has}; leave peer out to take what is there",
            )
    return peer


def _checked_peer(peer: PeerRecord, where: str) -> PeerRecord:
    return replace(peer, addresses=_checked(peer.addresses, f"router {peer.name} at {where}"))


def _checked(values: tuple[str, ...], where: str) -> tuple[str, ...]:
    if not values:
        raise InvalidError("endpoint.address_missing", f"{where} has no address; name at least one")
    try:
        canonical = [addresses.parse_interface(value) for value in values]
        return addresses.one_per_family(canonical, where)
    except ValueError as error:
        raise InvalidError("endpoint.address_invalid", str(error)) from error


def _asn(request: EndpointRequest, cell: CellRecord, place: str, inventory: Inventory | None) -> int:
    if inventory is not None and request.asn not in (None, inventory.asn):
        raise ConflictError(
            "endpoint.asn_mismatch",
            f"the speaker of {place} is AS {inventory.asn}, not {request.asn}; leave asn out to take it",
        )
    if request.asn is not None:
        return request.asn
    return cell.asn if inventory is None else inventory.asn


def _prefixes(request: EndpointRequest, cell: CellRecord, inventory: Inventory | None) -> tuple[str, ...]:
    if request.prefixes is not None:
        prefixes = request.prefixes
    else:
        prefixes = cell.prefixes or (() if inventory is None else inventory.prefixes)
    if not prefixes:
        raise ConflictError(
            "endpoint.prefix_missing",
            f"neither the endpoint nor cell {cell.name} names a prefix to announce; name prefixes",
        )
    clash = addresses.first_overlap(prefixes)
    if clash:
        raise InvalidError(
            "endpoint.prefix_overlap", f"prefixes {clash[0]} and {clash[1]} overlap; keep the wider one"
        )
    return prefixes


def _health(
    request: EndpointRequest, place: str, inventory: Inventory | None, prefixes: tuple[str, ...]
) -> tuple[str, ...]:
    if request.health_check_addresses is not None:
        values = request.health_check_addresses
    elif inventory is None:
        raise _not_reported(place, "health_check_addresses")
    else:
        values = tuple(addresses.plain(value) for value in inventory.health_addresses)
    try:
        values = addresses.one_per_family(
            [addresses.parse_address(v) for v in values], "health_check_addresses"
        )
    except ValueError as error:
        raise InvalidError("endpoint.health_address_invalid", str(error)) from error
    for value in values:
        if not any(addresses.contains(prefix, value) for prefix in prefixes):
            raise InvalidError(
                "endpoint.health_address_outside",
                f"health check address {value} is in none of the endpoint's prefixes "
                f"({', '.join(prefixes)}): another cell could not reach it; name one inside",
            )
    return values
