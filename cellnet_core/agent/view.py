"""What a round of the agent leaves behind for reporter and health checker. Values and pure functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from cellnet_core.agent.health import Target
from cellnet_core.drivers.contract import Outcome, PortStatus, Session
from cellnet_core.model.site import Site
from cellnet_core.model.wire import ConditionReport, ConnectionIntent, IntentDocument
from cellnet_core.planner import addresses
from cellnet_core.planner.conditions import listed, problem
from cellnet_core.planner.decide import Decision, Outlook
from cellnet_core.planner.drift import Book
from cellnet_core.planner.phases import Stage
from cellnet_core.planner.seen import Hold, Seen

Phase = Literal["applying", "applied", "absent", "error"]

PATIENCE = 3
"""Rounds in a row that may fail before a connection is in error."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One connection after a round."""

    intent: ConnectionIntent
    stage: Stage
    phase: Phase
    in_use: Mapping[str, tuple[str, ...]]
    received: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Prefixes learned, used or not, by path and family."""
    conditions: tuple[ConditionReport, ...] = ()
    installed: bool = False
    """The gateway has the flows for what is in use."""


@dataclass(frozen=True, slots=True)
class View:
    """The whole gateway after a round. Sessions and ports are those last known."""

    intent: IntentDocument | None = None
    speaker_fresh: bool = False
    forwarding_fresh: bool = False
    switch_known: bool = False
    sessions: Mapping[str, Session] = field(default_factory=dict)
    ports: Mapping[str, PortStatus] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    connections: tuple[ConnectionView, ...] = ()
    speaker_at: float | None = None
    """When the speaker last answered, on the agent's clock; None: not since this agent started."""
    forwarding_at: float | None = None
    """When the gateway's tables were last read."""
    book: Book = field(default_factory=Book)
    round_s: float | None = None
    """How long the round took, in seconds."""

    @property
    def observed(self) -> bool:
        """Whether both devices have been seen in this agent's life: before, emptiness is no news."""
        return self.speaker_at is not None and self.forwarding_at is not None


def first(intent: IntentDocument | None) -> View:
    """Before the first look: what is wanted is known, and nothing of what is there."""
    return View(
        intent=intent,
        connections=tuple(
            ConnectionView(connection, Stage.UNKNOWN, "applying", {})
            for connection in (intent.connections if intent is not None else ())
        ),
    )


def targets(site: Site, connection: ConnectionIntent) -> tuple[Target, ...]:
    """The health checks a connection asks for: one per family that both ends have an address of."""
    own = tuple(str(interface.ip) for interface in site.lan.health_addresses)
    return tuple(
        Target(connection.id, family, local, remote)
        for family in connection.families
        if (local := addresses.of_family(own, family)) is not None
        and (remote := addresses.of_family(connection.remote.health_addresses, family)) is not None
    )


def reachable(view: ConnectionView, target: Target) -> bool:
    """Whether flows towards the target's address are in the gateway."""
    return view.installed and addresses.contains(view.in_use.get(target.family, ()), target.destination)


def advance(
    old: View,
    intent: IntentDocument | None,
    seen: Seen,
    decision: Decision,
    outcomes: tuple[Outcome, ...],
    failed_rounds: int,
    notice: ConditionReport | None,
    gateway: str,
) -> View:
    """The view after a round; what could not be seen stays as it was. `gateway`: the forwarding driver."""
    by_id = {connection.id: connection for connection in (intent.connections if intent is not None else ())}
    before = {view.intent.id: view for view in old.connections}
    general = tuple(_general(outcomes, notice))
    received = _received(decision)
    broken = any(o.status != "done" for o in outcomes if o.action.driver == gateway)
    connections = []
    for outlook in decision.outlooks:
        connection = by_id[outlook.id]
        last = before.get(outlook.id)
        sure = seen.forwarding.fresh and not broken
        connections.append(
            ConnectionView(
                intent=connection,
                stage=outlook.stage,
                phase=_phase(outlook, last, connection.revision, seen, outcomes, failed_rounds),
                in_use=outlook.in_use,
                received={path.name: received.get(path.session, {}) for path in connection.paths},
                conditions=outlook.conditions + general,
                installed=sure or (last is not None and last.installed),
            )
        )
    ports = {port.interface: port for port in seen.forwarding.ports}
    sessions = {session.neighbor: session for session in seen.speaker.sessions}
    return View(
        intent=intent,
        speaker_fresh=seen.speaker.fresh,
        forwarding_fresh=seen.forwarding.fresh,
        switch_known=bool(ports),
        sessions=sessions if seen.speaker.fresh else old.sessions,
        ports=ports,
        holds=decision.memory.holds,
        connections=tuple(connections),
        speaker_at=seen.speaker.at if seen.speaker.fresh else old.speaker_at,
        forwarding_at=seen.forwarding.at if seen.forwarding.fresh else old.forwarding_at,
        book=decision.memory.book,
    )


def with_problem(old: View, condition: ConditionReport) -> View:
    """The same view with one more problem on every connection."""
    return replace(
        old,
        connections=tuple(
            replace(
                connection,
                conditions=(*(c for c in connection.conditions if c.type != condition.type), condition),
            )
            for connection in old.connections
        ),
    )


def _phase(
    outlook: Outlook,
    last: ConnectionView | None,
    revision: int,
    seen: Seen,
    outcomes: tuple[Outcome, ...],
    failed_rounds: int,
) -> Phase:
    if outlook.stage is Stage.GONE:
        return "absent"
    if any(
        condition.type in ("InterfaceUnknown", "PathClash", "PeerMismatch")
        for condition in outlook.conditions
    ):
        return "error"
    if failed_rounds >= PATIENCE:
        return "error"
    if outlook.stage is not Stage.PRESENT:
        return "applying"
    known = seen.speaker.fresh and seen.forwarding.fresh
    if known and not outcomes:
        return "applied"
    # What was applied once stays so over drift that this very round repaired, and over not knowing.
    stays = not known or all(outcome.status == "done" for outcome in outcomes)
    if stays and last is not None and last.intent.revision == revision:
        return last.phase
    return "applying"


def _general(outcomes: tuple[Outcome, ...], notice: ConditionReport | None) -> Iterator[ConditionReport]:
    failed = [f"{o.action.verb} {o.action.target}: {o.message}" for o in outcomes if o.status == "failed"]
    if failed:
        yield problem("ActionFailed", "DriverFailed", listed(failed))
    if notice is not None:
        yield notice


def _received(decision: Decision) -> Mapping[str, Mapping[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for route in decision.memory.learned:
        counts[route.neighbor][addresses.family(route.prefix)] += 1
    return counts


def condition_changes(old: View, new: View) -> Iterator[tuple[str, ConditionReport, str]]:
    """(connection name, condition, "True" or "False") for each problem that came or went."""
    before = {view.intent.id: {c.type: c for c in view.conditions} for view in old.connections}
    for view in new.connections:
        was = before.get(view.intent.id, {})
        now = {condition.type: condition for condition in view.conditions}
        for type_, condition in now.items():
            if type_ not in was:
                yield view.intent.name, condition, "True"
        for type_, condition in was.items():
            if type_ not in now:
                yield view.intent.name, condition, "False"
