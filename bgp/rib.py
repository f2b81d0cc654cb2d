"""The adjacency RIB in of every neighbour, kept over graceful restarts as their receiver (RFC 4724). Pure.

`advance(rib, event, at)` is the whole behaviour; time is the argument `at` (monotonic seconds, the moment the
event was true). ExaBGP itself forgets a peer's routes when the peer's session comes up again; this module
remembers them as stale until the peer has said End-of-RIB.

Which session ends count as restarts (routes become stale instead of being deleted), provided that both sides
offered graceful restart and the peer's restart time is not 0:

    TCP session lost without a NOTIFICATION (crash, kill -9, reset)         restart
    own speaker crashed, was restarted or shut down in an orderly way       restart (our own: section 4.1)
    own re-establishment after a changed definition, own teardown           restart (ExaBGP closes silently)
    session found down, its end was not seen                                restart
    NOTIFICATION received, whatever its code                                no: routes are deleted
    NOTIFICATION sent, which includes the expiry of the hold timer (4,0)    no: routes are deleted
    neighbour removed from the configuration                                no: routes are deleted

Stale routes go when the family's End-of-RIB arrives; when the restart time runs out, counted from the end of
the session and again from its return; at once when the returned peer's OPEN lacks graceful restart, the
family, or its forwarding state bit; and when the session ends a second time before that (section 4.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from bgp.events import (
    EndOfRib,
    OpenReceived,
    RestartCapability,
    SessionConnected,
    SessionDown,
    SessionEvent,
    SessionUp,
    UpdateReceived,
)
from bgp.model import FAMILIES, Family, Peer, Route

Key = tuple[Family, str]


@dataclass(frozen=True, slots=True)
class Held:
    """A route in the table; `stale` while kept over a restart."""

    route: Route
    stale: bool = False


@dataclass(frozen=True, slots=True)
class AdjRibIn:
    """One neighbour's table. `own_time` is the restart time configured here, in seconds; 0 is off."""

    own_time: int = 0
    established: bool = False
    since: float = float("-inf")
    """When `established` last changed. Older news about the session is ignored."""
    synced: bool = False
    """False until the table was first compared with the speaker's."""
    own_restart: bool = False
    """The last session ended because our own speaker went: the peer's forwarding never was in doubt."""
    restart: RestartCapability | None = None
    """The peer's, from its latest OPEN."""
    deadline: float | None = None
    """When the stale routes go."""
    routes: Mapping[Key, Held] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rib:
    """All neighbours' tables."""

    tables: Mapping[Peer, AdjRibIn] = field(default_factory=dict)

    def routes(self) -> Iterator[tuple[Peer, Held]]:
        """Every route held, neighbour by neighbour."""
        for peer, table in self.tables.items():
            for held in table.routes.values():
                yield peer, held

    def next_deadline(self) -> float | None:
        """When the next stale routes go, if nothing happens before; None: there are none."""
        return min(
            (table.deadline for table in self.tables.values() if table.deadline is not None), default=None
        )


@dataclass(frozen=True, slots=True)
class Configured:
    """These are the neighbours now, with the restart time configured for each (seconds; 0 is off)."""

    restart_times: Mapping[Peer, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the speaker answered when asked: is the session established, and the whole table."""

    peer: Peer
    established: bool
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class SpeakerRestarted:
    """Our own speaker is another process than before: all its sessions are gone."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened but time."""


RibEvent = SessionEvent | Configured | Snapshot | SpeakerRestarted | Tick


def advance(rib: Rib, event: RibEvent, at: float) -> Rib:
    """The tables after the event. News about neighbours that are not configured changes nothing."""
    rib = _expire(rib, at)
    match event:
        case Tick() | SessionConnected():
            return rib
        case Configured(restart_times):
            return Rib(
                {
                    peer: replace(rib.tables.get(peer, AdjRibIn()), own_time=own_time)
                    for peer, own_time in restart_times.items()
                }
            )
        case SpeakerRestarted():
            return Rib({peer: _own_restart(table, at) for peer, table in rib.tables.items()})
        case _:
            table = rib.tables.get(event.peer)
            if table is None:
                return rib
            changed = _advance_table(table, event, at)
            return rib if changed is table else Rib({**rib.tables, event.peer: changed})


def changes(before: Rib, after: Rib, event: RibEvent) -> Iterator[tuple[Peer, dict[str, tuple[str, ...]]]]:
    """What the event made of routes: per neighbour the prefixes "learned", gone "stale" and "withdrawn"."""
    if before is after:
        return
    for peer in {**before.tables, **after.tables}:
        old = before.tables[peer].routes if peer in before.tables else {}
        new = after.tables[peer].routes if peer in after.tables else {}
        if old is new:
            continue
        if (
            isinstance(event, UpdateReceived) and event.peer == peer
        ):  # a small part of a table that may be big
            keys = {(route.family, route.prefix) for route in event.announced} | set(event.withdrawn)
        else:
            keys = {*old, *new}
        words: dict[str, list[str]] = {"learned": [], "stale": [], "withdrawn": []}
        for key in sorted(keys):
            if key not in new:
                words["withdrawn"] += [key[1]] if key in old else []
            elif old.get(key) != new[key]:
                words["stale" if new[key].stale else "learned"].append(key[1])
        found = {word: tuple(prefixes) for word, prefixes in words.items() if prefixes}
        if found:
            yield peer, found


def _advance_table(table: AdjRibIn, event: SessionEvent | Snapshot, at: float) -> AdjRibIn:
    match event:
        case OpenReceived(restart=restart):
            return replace(table, restart=restart)
        case SessionUp():
            return table if at <= table.since else _up(table, at)
        case SessionDown():
            return table if at <= table.since else _down(table, event.restart, at)
        case UpdateReceived(announced=announced, withdrawn=withdrawn):
            routes = dict(table.routes)
            for key in withdrawn:
                routes.pop(key, None)
            routes.update({(route.family, route.prefix): Held(route) for route in announced})
            return replace(table, routes=routes)
        case EndOfRib(family=family):
            return _without_stale(table, {family})
        case Snapshot(established=established, routes=routes_now):
            return _synchronise(table, established, routes_now, at)
        case _:
            return table


def _up(table: AdjRibIn, at: float) -> AdjRibIn:
    if table.established:  # its end was not seen
        table = _down(table, True, at)
    if not table.own_restart:
        kept = set(table.restart.preserved) if table.restart is not None else set()
        table = _without_stale(table, set(FAMILIES) - kept)
    table = replace(table, established=True, since=at, own_restart=False)
    if table.deadline is None:
        return table
    # The peer is back: from now on it has its restart time to say End-of-RIB.
    return replace(table, deadline=at + max(_peer_time(table), table.own_time))


def _down(table: AdjRibIn, restart: bool, at: float) -> AdjRibIn:
    if not table.established and table.synced:
        # A connection attempt failed; what is stale waits on. (Before the first comparison with the speaker
        # it may be the end of a session that this process never saw: fall through.)
        return table
    families = set(table.restart.families) if restart and _negotiated(table) and table.restart else set()
    routes = {
        key: Held(held.route, stale=True)
        for key, held in table.routes.items()
        if key[0] in families and not held.stale
    }
    deadline = at + _peer_time(table) if families else None
    return replace(
        table, established=False, since=at, own_restart=False, routes=routes,
        deadline=deadline if routes or not table.synced else None,
    )  # fmt: skip


def _own_restart(table: AdjRibIn, at: float) -> AdjRibIn:
    """All sessions went with our process. What was stale before stays: no peer restarted twice."""
    waits_for_return = table.established or table.deadline is not None
    if not (waits_for_return and _negotiated(table) and table.restart):
        return AdjRibIn(own_time=table.own_time, since=at, synced=table.synced)
    routes = {
        key: Held(held.route, stale=True)
        for key, held in table.routes.items()
        if key[0] in table.restart.families
    }
    return replace(
        table,
        established=False,
        since=at,
        own_restart=True,
        routes=routes,
        deadline=at + table.own_time if routes else None,
    )


def _synchronise(table: AdjRibIn, established: bool, routes_now: tuple[Route, ...], at: float) -> AdjRibIn:
    fresh = {(route.family, route.prefix): Held(route) for route in routes_now}
    if established:
        if not table.established:
            table = _up(table, at)
        stale = {key: held for key, held in table.routes.items() if held.stale}
        fresh = {key: _with_global_next_hop(held, table.routes.get(key)) for key, held in fresh.items()}
        return replace(table, synced=True, routes={**stale, **fresh})
    if not table.synced and table.deadline is not None:
        # A new process finds a restart under way: ExaBGP keeps the old table until the peer returns.
        families = table.restart.families if table.restart is not None else ()
        stale = {key: Held(held.route, stale=True) for key, held in fresh.items() if key[0] in families}
        return replace(table, synced=True, routes=stale, deadline=table.deadline if stale else None)
    if table.established:
        table = _down(table, True, at)
    return replace(table, synced=True)


def _with_global_next_hop(read: Held, heard: Held | None) -> Held:
    """The route as heard, where reading it back lost only the global one of its two next hops (RFC 2545)."""
    if heard is None or heard.stale or not ip_address(read.route.next_hop).is_link_local:
        return read
    return heard if replace(read.route, next_hop=heard.route.next_hop) == heard.route else read


def _expire(rib: Rib, at: float) -> Rib:
    due = {
        peer: _without_stale(table, set(FAMILIES))
        for peer, table in rib.tables.items()
        if table.deadline is not None and at >= table.deadline
    }
    return Rib({**rib.tables, **due}) if due else rib


def _without_stale(table: AdjRibIn, families: set[Family]) -> AdjRibIn:
    routes = {key: held for key, held in table.routes.items() if not (held.stale and key[0] in families)}
    waiting = any(held.stale for held in routes.values())
    if waiting == (table.deadline is not None) and len(routes) == len(table.routes):
        return table
    return replace(table, routes=routes, deadline=table.deadline if waiting else None)


def _negotiated(table: AdjRibIn) -> bool:
    return table.own_time > 0 and _peer_time(table) > 0


def _peer_time(table: AdjRibIn) -> int:
    return table.restart.time if table.restart is not None else 0
