"""BFD timers of each WAN port, from the site and the connections that use it. Pure.

A port has one BFD session, however many connections use it. So of the timers that profiles ask for, the
quickest to notice a fault are in force, as a whole: a mixture of two would be quicker than anybody asked for.
Both ends of a link see the same connections and so come to the same. A connection whose profile asks for
nothing is content with any; when nobody asks, the port has those of its site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cellnet_core.drivers.contract import PortTimers
from cellnet_core.model.site import Site
from cellnet_core.model.wire import BfdIntent, ConnectionIntent


def of_ports(site: Site, present: Iterable[ConnectionIntent]) -> tuple[PortTimers, ...]:
    """The timers of every port that has BFD, in the site's order. `present`: connections that are wanted."""
    asked = _asked(present)
    found = []
    for port in site.wan:
        if port.bfd is None:
            continue
        own = port.bfd
        timers = PortTimers(
            port.interface, own.min_tx_ms, own.min_rx_ms, own.multiplier, "the site file has it"
        )
        if candidates := asked.get(port.interface):
            bfd, name = min(candidates, key=_rank)
            why = f"the profile of {name} asks for"
            timers = PortTimers(port.interface, bfd.min_tx_ms, bfd.min_rx_ms, bfd.multiplier, why)
        found.append(timers)
    return tuple(found)


def without_bfd(site: Site, connection: ConnectionIntent) -> tuple[str, ...]:
    """Ports of a connection that asks for BFD timers where the site has switched BFD off."""
    if connection.profile.bfd is None:
        return ()
    silent = {port.interface for port in site.wan if port.bfd is None}
    return tuple(sorted({path.interface for path in connection.paths} & silent))


def _asked(present: Iterable[ConnectionIntent]) -> Mapping[str, list[tuple[BfdIntent, str]]]:
    asked: dict[str, list[tuple[BfdIntent, str]]] = {}
    for connection in present:
        if connection.profile.bfd is not None:
            for interface in sorted({path.interface for path in connection.paths}):
                asked.setdefault(interface, []).append((connection.profile.bfd, connection.name))
    return asked


def _rank(candidate: tuple[BfdIntent, str]) -> tuple[int, int, int, int, str]:
    """By the time to notice a fault (RFC 5880 section 6.8.4, both ends alike), then by the most packets."""
    bfd, name = candidate
    pace = max(bfd.min_tx_ms, bfd.min_rx_ms)
    return pace * bfd.multiplier, bfd.min_tx_ms, bfd.min_rx_ms, bfd.multiplier, name
