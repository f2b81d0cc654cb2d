"""Faults of BGP to acts: which speaker is told what, about which peers. Reads addresses, does nothing."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from simulator.context import FaultContext, FaultTargetError
from simulator.faults.impostor import Impostor
from simulator.faults.routing import Flood, Hijack, Leak, Malformed, ResetSession, Withdraw
from simulator.faults.speaking import Announced, Flooding, Reset, Session, Withdrawn
from simulator.faults.steps import Step
from topologies.model import Cell, Link, Port


def routing_steps(
    fault: ResetSession | Withdraw | Leak | Hijack | Flood | Malformed, context: FaultContext
) -> tuple[Step, ...]:
    """The acts, one for each gateway of the cell that has one of the paths. Raises FaultTargetError."""
    cell = context.inventory.topology.cell(fault.cell)
    if isinstance(fault, ResetSession):
        return (_reset(fault, cell, context),)
    if isinstance(fault, Malformed):
        return (_impostor(fault, cell, context),)
    name = f"{fault.kind} {fault.cell}"
    steps: list[Step] = []
    for gateway, sessions in _by_gateway(fault.links, cell, context).items():
        if isinstance(fault, Withdraw):
            peers = tuple(session.peer for session in sessions)
            steps.append(Withdrawn(gateway, peers, tuple(map(str, cell.prefixes)), name))
        elif isinstance(fault, Flood):
            steps.append(Flooding(sessions, fault.count, name))
        else:
            prefixes = (fault.prefix,) if isinstance(fault, Leak) else fault.prefixes
            steps.append(Announced(gateway, advertisements(sessions, prefixes), name))
    return tuple(steps)


def _reset(fault: ResetSession, cell: Cell, context: FaultContext) -> Reset:
    name = f"reset-session {fault.session or fault.link}"
    if fault.link is not None:
        session = session_on(context.link(fault.link), cell)
        return Reset(session.gateway, session.peer, name)
    services = context.inventory.services
    gateways = [gateway.name for gateway in cell.gateways if f"speaker@{gateway.name}" in services]
    if len(gateways) != 1 or fault.session is None:
        raise FaultTargetError(
            f"{cell.name} has {len(gateways)} gateways that speak: name the session by its link instead"
        )
    return Reset(gateways[0], fault.session, name)


def _impostor(fault: Malformed, cell: Cell, context: FaultContext) -> Impostor:
    link = context.link(fault.link)
    session = session_on(link, cell)
    if 4 not in session.next_hops or ":" in session.peer:
        raise FaultTargetError(f"link {link.name!r} has no IPv4 addresses: a rogue speaker needs them")
    far = link.b if link.a.node == session.gateway else link.a
    topology = context.inventory.topology
    asns = {router.name: router.asn for router in topology.routers}
    asns |= {gateway.name: each.asn for each in topology.cells for gateway in each.gateways}
    router_id = next(gateway.router_id for gateway in cell.gateways if gateway.name == session.gateway)
    words = {
        "--local": session.next_hops[4],
        "--peer": session.peer,
        "--local-as": str(cell.asn),
        "--peer-as": str(asns[far.node]),
        "--router-id": router_id,
        "--sort": fault.sort.value,
    }
    arguments = tuple(word for pair in words.items() for word in pair)
    return Impostor(session.gateway, arguments, f"malformed {fault.link}")


def advertisements(sessions: Iterable[Session], prefixes: Iterable[str]) -> tuple[dict[str, str], ...]:
    """Each prefix to each peer, by the own address of the prefix's family where the path has one."""
    names = tuple(prefixes)
    return tuple(
        {"peer_address": session.peer, "prefix": prefix, "next_hop": hop}
        for session in sessions
        for prefix in names
        if (hop := session.next_hops.get(ip_network(prefix).version)) is not None
    )


def session_on(link: Link, cell: Cell) -> Session:
    """The cell's end of the session over a path: over IPv4 where the path has it. Raises FaultTargetError."""
    gateways = {gateway.name for gateway in cell.gateways}
    near, far = (link.a, link.b) if link.a.node in gateways else (link.b, link.a)
    ours, theirs = _addresses(near), _addresses(far)
    version = next((version for version in (4, 6) if version in ours and version in theirs), None)
    if version is None:
        raise FaultTargetError(f"link {link.name!r} has no addresses for a BGP session")
    return Session(near.node, theirs[version], ours)


def _addresses(port: Port) -> dict[int, str]:
    """The first address of each IP version."""
    return {address.version: str(address.ip) for address in reversed(port.addresses)}


def _by_gateway(links: Iterable[str], cell: Cell, context: FaultContext) -> dict[str, tuple[Session, ...]]:
    found: dict[str, tuple[Session, ...]] = {}
    for name in links:
        session = session_on(context.link(name), cell)
        found[session.gateway] = (*found.get(session.gateway, ()), session)
    return found
