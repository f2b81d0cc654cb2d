"""What the speaker shall do: which sessions, and the cell's prefixes over each of them. Pure.

A path to another gateway has a session of its own. Paths by a provider's router share the one session with
that router: all connections announce over it, and each takes from it what is its own (`routes`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cellnet_core.drivers.contract import Announcement, Family, Neighbor
from cellnet_core.model.site import Site
from cellnet_core.model.wire import ConnectionIntent, PathIntent
from cellnet_core.planner.addresses import family, of_family


def families_of(connection: ConnectionIntent, supported: frozenset[Family]) -> tuple[Family, ...]:
    """Families of the connection that the drivers can carry, IPv4 first."""
    return tuple(sorted(name for name in set(connection.families) if name in supported))


def neighbor(
    site: Site, connection: ConnectionIntent, path: PathIntent, supported: frozenset[Family]
) -> Neighbor | None:
    """The session of one path, over IPv4 where the path has it; None without two addresses of a family.

    That with a provider's router carries every family of the link, whatever this connection needs: another
    connection that comes must not end it. A connection's password is not the provider's.
    """
    for carrier in ("ipv4", "ipv6"):
        local = of_family(path.local_addresses, carrier)
        peer = of_family(path.remote_addresses, carrier)
        if local is not None and peer is not None:
            shared = path.via is not None
            return Neighbor(
                name=path.session,
                local_address=local,
                peer_address=peer,
                local_as=site.asn,
                peer_as=connection.remote.asn if path.peer_asn is None else path.peer_asn,
                passive=path.passive,
                families=_of_link(path, supported) if shared else families_of(connection, supported),
                hold_time=connection.profile.hold_time,
                graceful_restart_time=connection.profile.graceful_restart_time,
                password=None if shared else connection.profile.password,
            )
    return None


def merged(neighbors: Iterable[Neighbor]) -> tuple[Neighbor, ...]:
    """Each session once, sorted by name.

    Where connections share one and ask for different times, loss is found as soon as the most impatient
    wants, and routes outlive a restart for as long as the most patient wants.
    """
    found: dict[str, Neighbor] = {}
    for one in neighbors:
        other = found.setdefault(one.name, one)
        found[one.name] = replace(
            other,
            hold_time=min(other.hold_time, one.hold_time),
            graceful_restart_time=max(other.graceful_restart_time, one.graceful_restart_time),
        )
    return tuple(found[name] for name in sorted(found))


def _of_link(path: PathIntent, supported: frozenset[Family]) -> tuple[Family, ...]:
    here, there = (
        {family(address) for address in end} for end in (path.local_addresses, path.remote_addresses)
    )
    return tuple(sorted(here & there & supported))


def announcements(
    connection: ConnectionIntent, path: PathIntent, supported: frozenset[Family]
) -> tuple[Announcement, ...]:
    """The cell's prefixes over one path; next hop is this end's own link address of the prefix's family."""
    families = families_of(connection, supported)
    return tuple(
        Announcement(path.session, prefix, next_hop)
        for prefix in connection.prefixes
        if family(prefix) in families
        and (next_hop := of_family(path.local_addresses, family(prefix))) is not None
    )
