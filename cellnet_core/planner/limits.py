"""Prefix limits: how much is imported from one session, so that a flood fills no flow table. Pure.

The session stays up. Of the routes that could be imported the shortest prefixes are kept, up to the limit:
the cell's own aggregates survive a flood of host routes, and the choice is the same at every look. The rest
is not used, and that is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cellnet_core.drivers.contract import Family, LearnedRoute
from cellnet_core.planner import addresses
from cellnet_core.planner.routes import Way, by_session

Session = tuple[str, Family]


@dataclass(frozen=True, slots=True)
class Overrun:
    """A session that brought more than its limit."""

    session: str
    family: Family
    received: int
    limit: int

    def __str__(self) -> str:
        brought = f"session {self.session} brought {self.received} {self.family} prefixes"
        return f"{brought}, the limit is {self.limit}"


def restrict(
    learned: tuple[LearnedRoute, ...],
    ways: Mapping[str, Way],
    usable: Callable[[LearnedRoute, Way], bool],
) -> tuple[tuple[LearnedRoute, ...], Mapping[str, tuple[Overrun, ...]]]:
    """The routes that are within the limits, and who was over, by connection id. `ways`: by path name.

    `usable` says whether the import filter would take a route: what it refuses does not use up the limit, and
    of a session with a provider only that is counted which the connection itself could use.
    """
    limits = {name: way.connection.profile.prefix_limits for name, way in ways.items()}
    if not any(limits.values()):
        return learned, {}
    served = by_session(ways)
    received: Counter[Session] = Counter(
        (way.path.name, addresses.family(route.prefix))
        for route in learned
        for way in served.get(route.neighbor, ())
        if limits[way.path.name] and (way.path.via is None or usable(route, way))
    )
    over = {
        session: limits[session[0]][session[1]]
        for session, count in received.items()
        if count > limits[session[0]].get(session[1], count)
    }
    if not over:
        return learned, {}
    dropped = _beyond(learned, served, usable, over)
    said: dict[str, list[Overrun]] = defaultdict(list)
    for (name, family), limit in sorted(over.items()):
        session = ways[name].path.session
        said[ways[name].connection.id].append(Overrun(session, family, received[name, family], limit))
    kept = tuple(route for route in learned if (route.neighbor, route.prefix) not in dropped)
    return kept, {connection: tuple(overruns) for connection, overruns in said.items()}


def _beyond(
    learned: Iterable[LearnedRoute],
    served: Mapping[str, tuple[Way, ...]],
    usable: Callable[[LearnedRoute, Way], bool],
    over: Mapping[Session, int],
) -> set[tuple[str, str]]:
    """(session, prefix) of what is over the limit among what could be imported."""
    candidates: dict[Session, list[LearnedRoute]] = defaultdict(list)
    for route in learned:
        for way in served.get(route.neighbor, ()):
            session = way.path.name, addresses.family(route.prefix)
            if session in over and usable(route, way):
                candidates[session].append(route)
    return {
        (route.neighbor, route.prefix)
        for session, routes in candidates.items()
        for route in sorted(routes, key=_rank)[over[session] :]
    }


def _rank(route: LearnedRoute) -> tuple[int, int]:
    """Short prefixes first, then by number."""
    network = addresses.network(route.prefix)
    return (network.prefixlen, int(network.network_address)) if network is not None else (256, 0)
