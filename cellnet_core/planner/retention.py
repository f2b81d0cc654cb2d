"""Routes live longer than the speaker that learned them (RFC 4724 section 4.1, the restarting speaker).

A speaker that was restarted has an empty RIB for a while. That says nothing about the network: what was
learned before stays in force, per neighbour, until that neighbour has told its routes again (the session
is up and its routes have been quiet for QUIET seconds, or all old prefixes are back) or its restart time has
passed. A new agent treats what it remembers the same way. A speaker that does not answer changes nothing at
all. What the *peer's* restart means is decided by the speaker itself, which marks such routes `stale`; they
are routes like any other here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cellnet_core.drivers.contract import LearnedRoute, Neighbor, SpeakerObservation
from cellnet_core.planner.seen import Deferral, Memory

QUIET = 2.0
"""Seconds without a change of a neighbour's routes after which it is taken to have told them all."""


def advance(
    memory: Memory, observed: SpeakerObservation, wanted: Iterable[Neighbor], now: float
) -> tuple[tuple[LearnedRoute, ...], dict[str, Deferral], str | None]:
    """Routes in force, neighbours still deferred and the speaker's instance after one more look."""
    if not observed.fresh:
        return memory.learned, dict(memory.deferrals), memory.speaker_instance
    deferrals = dict(memory.deferrals)
    if observed.instance != memory.speaker_instance:
        # Only what had routes has something to lose.
        deferrals = {route.neighbor: Deferral(now, 0, now) for route in memory.learned}
    if not deferrals:
        return observed.learned, {}, observed.instance

    old = _by_neighbor(memory.learned)
    fresh = _by_neighbor(observed.learned)
    restart_times = {neighbor.name: float(neighbor.graceful_restart_time) for neighbor in wanted}
    since_up = {s.neighbor: s.since for s in observed.sessions if s.state == "ESTABLISHED"}
    kept: list[LearnedRoute] = []
    remaining: dict[str, Deferral] = {}
    for name, before in sorted(deferrals.items()):
        told = fresh.get(name, {})
        same = len(told) == before.count
        deferral = before if same else replace(before, count=len(told), changed=now)
        missing = [route for prefix, route in old.get(name, {}).items() if prefix not in told]
        up = since_up.get(name)
        quiet = up is not None and now - max(up, deferral.changed) >= QUIET
        # A neighbour that is no longer wanted has no restart time and nothing to wait for.
        expired = now - deferral.since >= restart_times.get(name, 0.0)
        if missing and not quiet and not expired:
            kept += [replace(route, stale=True) for route in missing]
            remaining[name] = deferral
    return (*observed.learned, *kept), remaining, observed.instance


def resume(memory: Memory, now: float) -> Memory:
    """What a new agent goes on with: a speaker cannot tell of a route that it kept for a restarting peer once
    this agent's picture of its RIB is gone, so every remembered route waits to be told again."""
    names = {route.neighbor for route in memory.learned}
    left = tuple(replace(drift, found=now) for drift in memory.book.open)
    return replace(
        memory,
        deferrals={name: Deferral(now, 0, now) for name in sorted(names)},
        book=replace(memory.book, open=left),
    )


def next_due(deferrals: Mapping[str, Deferral], wanted: Iterable[Neighbor], now: float) -> float | None:
    """When to look again because a deferral may end; None when time alone ends none."""
    times = {neighbor.name: float(neighbor.graceful_restart_time) for neighbor in wanted}
    due = [
        at
        for name, deferral in deferrals.items()
        for at in (deferral.since + times.get(name, 0.0), deferral.changed + QUIET)
        if at > now
    ]
    return min(due, default=None)


def _by_neighbor(routes: Iterable[LearnedRoute]) -> dict[str, dict[str, LearnedRoute]]:
    table: dict[str, dict[str, LearnedRoute]] = defaultdict(dict)
    for route in routes:
        table[route.neighbor][route.prefix] = route
    return table
