"""How things stand: brings stored objects and the latest reports together, and writes down what changed.

Reading works the status out anew each time, so that an age is true at the moment of the answer. Settling
keeps the result in the store (for filters, `since` and the next start), makes events, and forgets connections
that both agents have taken down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cellnet_core.manager import findings, operations, status
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.findings import Side, Sides
from cellnet_core.manager.reports import Received, Reports
from cellnet_core.model.wire import ConnectionReport, ReportDocument
from cellnet_core.store import agents, connections
from cellnet_core.store.records import (
    AgentKey,
    AgentRecord,
    CellRecord,
    ConditionRecord,
    ConnectionRecord,
    EndpointRecord,
    StandingRecord,
    StatusRecord,
)
from cellnet_core.store.session import Session

NOTHING = StandingRecord(generation=0, astray=False, ever_seen=False)
"""Of an agent that nothing is known of."""
SEVERITY = {"ONLINE": "info", "DEGRADED": "warning", "UNKNOWN": "warning", "OFFLINE": "error"}


class ConnectionView(NamedTuple):
    """A connection, its status now, and what each side last said."""

    record: ConnectionRecord
    status: StatusRecord
    sides: Sides
    received: tuple[Received | None, Received | None]


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint and its status now."""

    record: EndpointRecord
    operating_status: str
    conditions: tuple[ConditionRecord, ...]


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent, its latest report and the age of that (seconds; without one, since the manager started)."""

    record: AgentRecord
    received: Received | None
    age: float

    @property
    def operating_status(self) -> str:
        """ONLINE while it reports; UNKNOWN when it does not: it may well be doing its work."""
        fresh = self.received is not None and self.age <= findings.STALE_AFTER
        return "ONLINE" if fresh else "UNKNOWN"


@dataclass(frozen=True, slots=True)
class CellView:
    """A cell and its agents."""

    record: CellRecord
    agents: tuple[AgentView, ...]

    @property
    def operating_status(self) -> str:
        """As good as the least known of its agents; NO_MONITOR when no agent was ever heard of."""
        heard = [agent for agent in self.agents if agent.record.first_seen_at is not None]
        if not heard:
            return "NO_MONITOR"
        return "ONLINE" if all(a.operating_status == "ONLINE" for a in heard) else "UNKNOWN"


def view_connections(
    context: Context, session: Session, found: Sequence[ConnectionRecord]
) -> tuple[ConnectionView, ...]:
    """The connections as they stand now. Asks the store once for all their agents."""
    at = context.wall()
    return tuple([_judge(looked, at) for looked in _look(context, session, found)])


class _Looked(NamedTuple):
    """A connection and what is known of its ends, not yet judged."""

    record: ConnectionRecord
    sides: Sides
    received: tuple[Received | None, Received | None]


def _look(context: Context, session: Session, found: Sequence[ConnectionRecord]) -> Iterator[_Looked]:
    keys = {end.agent for c in found for end in (c.local, c.remote)}
    known, now = agents.standings(session, keys), context.clock.now()
    # Once for each agent: hundreds of connections may end at one.
    heard = {key: _hear(context.reports, key, known.get(key, NOTHING), now) for key in keys}
    for connection in found:
        local, remote = connection.local, connection.remote
        near_report, near = heard[local.agent]
        far_report, far = heard[remote.agent]
        sides = Side(local, *near), Side(remote, *far)
        yield _Looked(connection, sides, (near_report, far_report))


def _judge(looked: _Looked, at: datetime) -> ConnectionView:
    record, sides, received = looked
    return ConnectionView(record, status.evaluate(record, sides, record.status, at), sides, received)


def view_connection(context: Context, session: Session, connection: ConnectionRecord) -> ConnectionView:
    """The connection as it stands now."""
    return view_connections(context, session, (connection,))[0]


def view_agent(context: Context, record: AgentRecord) -> AgentView:
    """The agent as it stands now."""
    age = context.reports.age(record.key, context.clock.now())
    return AgentView(record, context.reports.latest(record.key), age)


def view_endpoints(
    context: Context, session: Session, found: Sequence[EndpointRecord]
) -> tuple[EndpointView, ...]:
    """The endpoints as they stand now. Asks the store once for all their agents."""
    keys = {endpoint.agent for endpoint in found}
    known, now = agents.standings(session, keys), context.clock.now()
    heard = {key: _hear(context.reports, key, known.get(key, NOTHING), now) for key in keys}
    views = []
    for endpoint in found:
        received, side = heard[endpoint.agent]
        views.append(_view_endpoint(endpoint, Side(endpoint, *side), received))
    return tuple(views)


def view_endpoint(context: Context, session: Session, endpoint: EndpointRecord) -> EndpointView:
    """The endpoint as it stands now: is its agent heard, does its gateway have its ports."""
    return view_endpoints(context, session, (endpoint,))[0]


def _view_endpoint(endpoint: EndpointRecord, side: Side, received: Received | None) -> EndpointView:
    if not side.fresh or received is None:
        text = f"the agent of {side.place} last reported {side.age:.1f} s ago"
        reason, since = "ReportStale", endpoint.created_at
        if received is None:
            text, reason = f"the agent of {side.place} has not reported since the manager started", "NoReport"
        else:
            since = received.wall
        return EndpointView(
            endpoint, "UNKNOWN", (ConditionRecord("AgentReporting", "False", reason, text, since),)
        )
    since = received.steady_since
    reporting = ConditionRecord("AgentReporting", "True", "Fresh", "its agent reports", since)
    offered = {port.interface: set(port.addresses) for port in received.report.inventory.ports}
    missing = [
        port.interface
        for port in endpoint.interfaces
        if not set(port.addresses) <= offered.get(port.interface, set())
    ]
    if missing:
        text = f"{side.place} has no port {', '.join(missing)} with the endpoint's addresses any more"
        ports = ConditionRecord("PortsPresent", "False", "PortMissing", text, since)
        return EndpointView(endpoint, "DEGRADED", (reporting, ports))
    ports = ConditionRecord("PortsPresent", "True", "AsWanted", "its gateway has its ports", since)
    return EndpointView(endpoint, "ONLINE", (reporting, ports))


def news(
    context: Context, session: Session, found: Sequence[ConnectionRecord]
) -> tuple[list[ConnectionView], list[ConnectionRecord]]:
    """Those of which there is something to write down; and those that wait for an agent, as they are now.

    There is nothing while an agent had no time yet to report to a manager that just started: that is no news
    of the connection, though whoever asks in that moment is told UNKNOWN.
    """
    told, open_ = [], []
    at = context.wall()
    for looked in _look(context, session, found):
        connection, sides = looked.record, looked.sides
        stands = connection.status
        gone = connection.deleting and status.is_gone(connection, sides)
        due = gone or operations.is_due(session, connection, sides)
        if due or not any(s.report is None and s.ever_seen and s.age <= findings.STALE_AFTER for s in sides):
            view = _judge(looked, at)
            stands = view.status
            if due or not status.same(connection.status, stands):
                told.append(view)
        if stands.provisioning_status != "ACTIVE" or connection.orders:
            open_.append(connection)
    return told, open_


def settle_all(change: Change, found: Sequence[ConnectionRecord]) -> None:
    """Write down how the connections stand now; forget those that were deleted and are gone on both sides."""
    write_down(change, view_connections(change.context, change.session, found))


def write_down(change: Change, views: Iterable[ConnectionView]) -> None:
    """The same of connections that were just looked at, in this change."""
    statuses = {}
    for view in views:
        if _settle(change, view):
            statuses[view.record.id] = view.status
    connections.set_statuses(change.session, statuses)


def settle(change: Change, connection: ConnectionRecord) -> None:
    """The same for one."""
    settle_all(change, (connection,))


def _settle(change: Change, view: ConnectionView) -> bool:
    """Whether its status is to be written down."""
    connection = view.record
    resource = ("connection", connection.id, connection.name)
    if connection.deleting and status.is_gone(connection, view.sides):
        connections.remove(change.session, connection.id)
        change.untell(connection)
        operations.gone(change, connection)
        change.event("connection.deleted", resource, f"{connection.name} is gone on both sides")
        return False
    operations.follow(change, connection, view.sides)
    return announce(change, view)


def announce(change: Change, view: ConnectionView) -> bool:
    """The events of a status that is not the one before; False when it is."""
    connection = view.record
    resource = ("connection", connection.id, connection.name)
    before, after = connection.status, view.status
    if status.same(before, after):
        return False
    why = status.explain(after)
    if before.provisioning_status != after.provisioning_status:
        change.event(
            "connection.provisioning_status",
            resource,
            f"{connection.name}: {before.provisioning_status} -> {after.provisioning_status}",
            "error" if after.provisioning_status == "ERROR" else "info",
            before=before.provisioning_status,
            after=after.provisioning_status,
        )
    if before.operating_status != after.operating_status:
        change.event(
            "connection.operating_status",
            resource,
            f"{connection.name}: {before.operating_status} -> {after.operating_status}"
            + (f" ({why})" if why else ""),
            SEVERITY[after.operating_status],
            before=before.operating_status,
            after=after.operating_status,
        )
    elif before.conditions and (flipped := status.flips(before, after)):
        change.event(
            "connection.conditions",
            resource,
            f"{connection.name}: " + "; ".join(f"{c.type} {c.status}: {c.message}" for c in flipped),
            types=[c.type for c in flipped],
        )
    return True


_Heard = tuple[ReportDocument | None, Mapping[str, ConnectionReport], float, int, bool, bool, bool]
"""What all sides have in common whose endpoints are made so by one agent: a `Side` but for its endpoint."""


def _hear(
    reports: Reports, key: AgentKey, stands: StandingRecord, now: float
) -> tuple[Received | None, _Heard]:
    received = reports.latest(key)
    age = reports.age_of(received, now)
    if received is None:
        return None, (None, {}, age, *stands, False)
    fresh = age <= findings.STALE_AFTER
    return received, (received.report, received.connections, age, *stands, fresh)


def observed_at(received: Received | None) -> datetime | None:
    """When the side last said something."""
    return None if received is None else received.wall
