"""One round of thinking: intent, site, observations, memory and time in; plan and new memory out. Pure.

The drivers' own `plan` functions turn intents into actions; this module decides what they are asked for, and
puts the actions of both into one order. What is unknown is never withdrawn: without a fresh observation a
driver plans nothing, and while the past is unknown (no intent yet, speaker never heard) only additions pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cellnet_core.drivers.contract import (
    Action,
    Announcement,
    Capabilities,
    Family,
    ForwardingIntent,
    ForwardingObservation,
    Neighbor,
    SpeakerIntent,
    SpeakerObservation,
)
from cellnet_core.model.site import Site
from cellnet_core.model.wire import ConditionReport, ConnectionIntent, IntentDocument
from cellnet_core.planner import (
    conditions,
    drift,
    holds,
    limits,
    neighbors,
    phases,
    retention,
    routes,
    sessions,
    timers,
)
from cellnet_core.planner.phases import Stage
from cellnet_core.planner.seen import Memory, Seen


@dataclass(frozen=True, slots=True)
class Southbound:
    """The pure side of both drivers."""

    plan_speaker: Callable[[SpeakerIntent, SpeakerObservation], tuple[Action, ...]]
    plan_forwarding: Callable[[ForwardingIntent, ForwardingObservation], tuple[Action, ...]]
    families: frozenset[Family]
    lacking: Mapping[str, str] = field(default_factory=dict)
    """Family to the reason why a driver cannot carry it."""
    speaker: str = "speaker"
    forwarding: str = "forwarding"
    """The names of the two drivers."""


def southbound(
    plan_speaker: Callable[[SpeakerIntent, SpeakerObservation], tuple[Action, ...]],
    plan_forwarding: Callable[[ForwardingIntent, ForwardingObservation], tuple[Action, ...]],
    *capabilities: Capabilities,
) -> Southbound:
    """Put together what two drivers can do."""
    every: tuple[Family, ...] = ("ipv4", "ipv6")
    lacking: dict[str, str] = {
        family: f"{answer.driver}: {answer.reason(family)}"
        for family in every
        for answer in capabilities
        if not answer.can(family)
    }
    families = frozenset(family for family in every if family not in lacking)
    return Southbound(plan_speaker, plan_forwarding, families, lacking)


def drift_policy(intent: IntentDocument | None) -> drift.Policy:
    """What becomes of drift; a word of a later version means repair."""
    return "repair" if intent is None else drift.POLICIES.get(intent.drift_policy, "repair")


@dataclass(frozen=True, slots=True)
class Plan:
    """Actions of both drivers in the order in which they are applied; empty when all is as wanted."""

    actions: tuple[Action, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.actions)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a round says about one connection."""

    id: str
    stage: Stage
    in_use: Mapping[str, tuple[str, ...]]
    conditions: tuple[ConditionReport, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that comes out of one round."""

    plan: Plan
    speaker: SpeakerIntent
    forwarding: ForwardingIntent
    memory: Memory
    outlooks: tuple[Outlook, ...] = ()
    unresolved: tuple[tuple[str, str, str], ...] = ()
    """(internal port, own address, far address) of link peers that the kernel should resolve."""
    wake_at: float | None = None
    """When time alone will change the decision."""


def decide(
    intent: IntentDocument | None, site: Site, seen: Seen, memory: Memory, south: Southbound, now: float
) -> Decision:
    """One round. `now` in seconds on the agent's clock. The same arguments give the same decision."""
    connections, clashing = _without_clashes(intent.connections if intent is not None else ())
    present = [connection for connection in connections if connection.phase == "present"]
    present_ways = routes.ways(site, present, south.families)
    announced = _announcements(present_ways, south)
    stages = {c.id: phases.before_unrouting(c, seen.speaker, announced) for c in connections}

    watched = [
        holds.Watched(path.name, path.interface, connection.profile.hold_down)
        for connection in present
        for path in connection.paths
    ]
    standing = holds.advance(memory.holds, watched, seen.forwarding.ports, now)
    routing = [c for c in connections if stages[c.id] in phases.KEEPS_ROUTES]
    ways = routes.ways(site, routing, south.families)
    peers = neighbors.link_peers(ways.values())
    macs = neighbors.macs({**neighbors.told_macs(site), **memory.macs}, peers, seen.neighbors)
    hosts = memory.adjacencies if seen.neighbors is None else neighbors.adjacencies(site, seen.neighbors)

    wanted = _neighbors(site, present_ways, south)
    shared = {neighbor.name for neighbor in wanted}
    learned, deferrals, instance = retention.advance(memory, seen.speaker, wanted, now)
    within, overruns = limits.restrict(
        learned, ways, lambda route, way: routes.refusal(route, way, site) is None
    )
    selection = routes.select(site, ways, within, standing, macs)
    forwarding = replace(
        neighbors.forwarding_intent(site, hosts or (), selection.routes),
        timers=timers.of_ports(site, present),
    )
    policy = drift_policy(intent)
    gateway = drift.Look(
        south.forwarding,
        forwarding,
        seen.forwarding.instance,
        seen.forwarding.fresh,
        south.plan_forwarding(forwarding, seen.forwarding),
    )
    book, forwarding_actions = drift.judge(memory.book, gateway, policy, now)
    flows_gone = seen.forwarding.fresh and not forwarding_actions
    if intent is None or instance is None or hosts is None:
        forwarding_actions = _additions(forwarding_actions)

    stages = {
        c.id: phases.after_unrouting(stages[c.id], c, seen.speaker, flows_gone=flows_gone, shared=shared)
        for c in connections
    }
    leaving = {
        neighbor.name: neighbor
        for c in connections
        if stages[c.id] in phases.KEEPS_NEIGHBORS
        for neighbor in phases.observed_neighbors(c, seen.speaker, shared)
    }
    speaker = SpeakerIntent(
        local_as=site.asn,
        router_id=site.router_id,
        neighbors=tuple(sorted([*wanted, *leaving.values()])),
        announcements=announced,
    )
    sessions_look = drift.Look(
        south.speaker,
        speaker,
        seen.speaker.instance,
        seen.speaker.fresh,
        south.plan_speaker(speaker, seen.speaker),
    )
    book, speaker_actions = drift.judge(book, sessions_look, policy, now)
    if intent is None:
        speaker_actions = _additions(speaker_actions)

    times = (holds.next_due(standing, watched, now), retention.next_due(deferrals, wanted, now))
    return Decision(
        # Stable: within an order the gateway comes first, and each driver's own sequence stays.
        plan=Plan(tuple(sorted((*forwarding_actions, *speaker_actions), key=lambda action: action.order))),
        speaker=speaker,
        forwarding=forwarding,
        memory=replace(
            memory,
            holds=standing,
            macs=macs,
            adjacencies=hosts,
            speaker_instance=instance,
            learned=learned,
            deferrals=deferrals,
            book=book,
        ),
        outlooks=tuple(
            Outlook(
                id=c.id,
                stage=stages[c.id],
                in_use=selection.in_use.get(c.id, {}),
                conditions=conditions.of_connection(
                    site, c, seen, selection, standing, south.lacking, clashing.get(c.id, ())
                )
                + conditions.of_limits(overruns.get(c.id, ()))
                + conditions.of_drift(book.open),
            )
            for c in (intent.connections if intent is not None else ())
        ),
        unresolved=tuple(peer for peer in peers if (peer[0], peer[2]) not in macs),
        wake_at=min((at for at in times if at is not None), default=None),
    )


def _without_clashes(
    connections: tuple[ConnectionIntent, ...],
) -> tuple[tuple[ConnectionIntent, ...], dict[str, tuple[str, ...]]]:
    """The connections, each path name left to the first that has it; and what the others lost, by id."""
    taken: set[str] = set()
    lost: dict[str, tuple[str, ...]] = {}
    result = []
    for connection in connections:
        clashing = tuple(path.name for path in connection.paths if path.name in taken)
        if clashing:
            lost[connection.id] = clashing
            paths = tuple(path for path in connection.paths if path.name not in taken)
            result.append(connection.model_copy(update={"paths": paths}))
        else:
            result.append(connection)
        taken.update(path.name for path in connection.paths)
    return tuple(result), lost


def _neighbors(site: Site, ways: Mapping[str, routes.Way], south: Southbound) -> tuple[Neighbor, ...]:
    return sessions.merged(
        neighbor
        for way in ways.values()
        if (neighbor := sessions.neighbor(site, way.connection, way.path, south.families)) is not None
    )


def _announcements(ways: Mapping[str, routes.Way], south: Southbound) -> tuple[Announcement, ...]:
    """All of them, each once: connections that share a session announce the same cell."""
    return tuple(
        sorted(
            {
                announcement
                for way in ways.values()
                for announcement in sessions.announcements(way.connection, way.path, south.families)
            }
        )
    )


def _additions(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    return tuple(action for action in actions if action.verb == "add")
