"""What the speaker shall do: one session per path, and the cell's prefixes over each of them. Pure."""

from __future__ import annotations

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
    """The session of one path, over IPv4 where the path has it; None without two addresses of a family."""
    for carrier in ("ipv4", "ipv6"):
        local = of_family(path.local_addresses, carrier)
        peer = of_family(path.remote_addresses, carrier)
        if local is not None and peer is not None:
            return Neighbor(
                name=path.name,
                local_address=local,
                peer_address=peer,
                local_as=site.asn,
                peer_as=connection.remote.asn,
                passive=path.passive,
                families=families_of(connection, supported),
                hold_time=connection.profile.hold_time,
                graceful_restart_time=connection.profile.graceful_restart_time,
                password=connection.profile.password,
            )
    return None


def announcements(
    connection: ConnectionIntent, path: PathIntent, supported: frozenset[Family]
) -> tuple[Announcement, ...]:
    """The cell's prefixes over one path; next hop is this end's own link address of the prefix's family."""
    families = families_of(connection, supported)
    return tuple(
        Announcement(path.name, prefix, next_hop)
        for prefix in connection.prefixes
        if family(prefix) in families
        and (next_hop := of_family(path.local_addresses, family(prefix))) is not None
    )
