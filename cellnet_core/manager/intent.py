"""From stored connections to what one agent is told. Pure: the whole meaning of desired state is here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from cellnet_core.manager import addresses, pairing
from cellnet_core.model.wire import (
    BfdIntent,
    ConnectionIntent,
    IntentDocument,
    OrderIntent,
    PathIntent,
    ProfileIntent,
    RemoteIntent,
)
from cellnet_core.store.records import AgentKey, AgentRecord, ConnectionRecord, EndpointRecord, PathRecord

NO_CONNECTIONS = '"connections":[]}'
"""How the text of an intent without any ends."""


def render(
    key: AgentKey,
    connections: Iterable[ConnectionRecord],
    tell: Callable[[AgentKey, ConnectionRecord], ConnectionIntent],
) -> tuple[ConnectionIntent, ...]:
    """The connections of that gateway as its agent sees them, by name, each by `tell`."""
    mine = [c for c in connections if key in (c.local.agent, c.remote.agent)]
    return tuple(tell(key, connection) for connection in sorted(mine, key=lambda c: c.name))


def document(owner: str, agent: AgentRecord, told: Iterable[str]) -> str:
    """The whole intent of an agent, at its present generation: the JSON text of an IntentDocument.

    `told`: the JSON text of each of its connections.
    """
    head = IntentDocument(
        owner=owner,
        generation=agent.generation,
        lineage=agent.lineage,
        supersedes=agent.supersedes,
        confirmed_empty=agent.confirmed_empty,
        drift_policy=agent.drift_policy,
        connections=(),
    ).model_dump_json()
    begin, nothing, end = head.rpartition(NO_CONNECTIONS)
    if not nothing or end:
        raise ValueError(f"the intent does not end with its connections: {head}")
    return f"{begin}{NO_CONNECTIONS[:-2]}{','.join(told)}]}}"


def digest(intent: ConnectionIntent) -> str:
    """Equal exactly when the agent would be told the same."""
    return hashlib.sha256(intent.model_dump_json().encode()).hexdigest()


def told(key: AgentKey, connection: ConnectionRecord) -> ConnectionIntent:
    """One connection as the agent of that gateway sees it."""
    near, far = connection.local, connection.remote
    flipped = key != near.agent
    if flipped:
        near, far = far, near
    return ConnectionIntent(
        id=connection.id,
        name=connection.name,
        revision=connection.revision_number,
        phase="present" if connection.enabled and not connection.deleting else "absent",
        families=connection.families,
        profile=_profile(connection),
        remote=RemoteIntent(
            cell=far.cell_name,
            asn=far.asn,
            prefixes=far.prefixes,
            health_addresses=far.health_check_addresses,
        ),
        prefixes=near.prefixes,
        paths=tuple(_path(path, near, flipped) for path in connection.paths),
        orders=tuple(
            OrderIntent(id=order.id, action=order.action, paths=order.paths)
            for order in connection.orders
            if ("remote" if flipped else "local") in order.sides
        ),
    )


def _profile(connection: ConnectionRecord) -> ProfileIntent:
    hold_time, restart_time, hold_down = connection.timers
    profile = connection.profile
    bfd = profile.bfd
    return ProfileIntent(
        hold_time=hold_time,
        graceful_restart_time=restart_time,
        hold_down=hold_down,
        health_interval=profile.health_interval,
        bfd=None
        if bfd is None
        else BfdIntent(min_tx_ms=bfd.min_tx_ms, min_rx_ms=bfd.min_rx_ms, multiplier=bfd.multiplier),
        prefix_limits=dict(profile.prefix_limits),
        password=profile.password,
        drain_method=profile.drain_method,
    )


def _path(path: PathRecord, end: EndpointRecord, flipped: bool) -> PathIntent:
    """The path from that end. Via a provider's router the session is with the router."""
    interface, near, far = path.local_interface, path.local_addresses, path.remote_addresses
    if flipped:
        interface, near, far = path.remote_interface, far, near
    peer = pairing.peer_at(end, interface)
    if peer is not None:
        wanted = {addresses.family(address) for address in near}
        return PathIntent(
            name=path.name,
            interface=interface,
            local_addresses=near,
            remote_addresses=tuple(
                addresses.plain(address) for address in peer.addresses if addresses.family(address) in wanted
            ),
            passive=peer.passive,
            via=peer.name,
            peer_asn=peer.asn,
        )
    return PathIntent(
        name=path.name,
        interface=interface,
        local_addresses=near,
        remote_addresses=far,
        passive=waits(near, far),
    )


def waits(near: tuple[str, ...], far: tuple[str, ...]) -> bool:
    """Whether this end waits for the TCP connection: the one with the numerically higher first address.

    Two ends that both connect collide (RFC 4271 section 6.8) and end each other's sessions.
    """
    return addresses.number(near[0]) > addresses.number(far[0])
