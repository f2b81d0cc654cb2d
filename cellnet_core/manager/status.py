"""The two statuses of a connection now, from both agents' latest reports and their age. Pure.

Operating status, first match wins:
    OFFLINE   not wanted, and taken down on both sides
    UNKNOWN   an agent has not reported for STALE_AFTER seconds: nothing older is passed off as the present
    UNKNOWN   in no family is health ok on both sides, and in one no side knows yet that it is not: a new
              agent over a living gateway has neither answers nor losses at first
    OFFLINE   in no family is health ok on both sides
    ONLINE    health is ok in every family on both sides, and every condition is True
    DEGRADED  the rest: something still passes, something is not as it should be
"""

from __future__ import annotations

from datetime import datetime

from cellnet_core.manager import findings, stage
from cellnet_core.manager.findings import Finding, Side, Sides
from cellnet_core.model.lifecycle import State
from cellnet_core.store.records import ConditionRecord, ConnectionRecord, Family, StatusRecord

NEW = StatusRecord("PENDING_CREATE", "OFFLINE", 0)
"""Before anything is known."""

HOLDS_AN_AGE = frozenset({"AgentsReporting"})
"""Conditions whose message differs each time it is worked out."""


def evaluate(
    connection: ConnectionRecord, sides: Sides, previous: StatusRecord, at: datetime
) -> StatusRecord:
    """The status now. `previous` gives conditions their `since` and remembers what was applied before."""
    found = findings.find(connection, sides)
    near, far = sides
    observed = min(
        _observed(connection, near, previous.observed_revision),
        _observed(connection, far, previous.observed_revision),
    )
    provisioning = _provisioning(connection, sides, observed)
    operating = _operating(connection, sides, found)
    facts = stage.Facts(
        connection.enabled,
        connection.deleting,
        not findings.wanted(connection) and is_gone(connection, sides),
        provisioning,
        operating,
    )
    conditions = _with_history(found, previous.conditions, at)
    state = stage.follow(State(previous.state), facts)
    if (
        conditions is previous.conditions
        and (provisioning, operating) == (previous.provisioning_status, previous.operating_status)
        and (observed, state) == (previous.observed_revision, previous.state)
    ):
        return previous
    return StatusRecord(provisioning, operating, observed, conditions, state)


def is_gone(connection: ConnectionRecord, sides: Sides) -> bool:
    """Whether both agents have taken the connection down, so that it can be forgotten."""
    return all(findings.is_absent(connection, side) for side in sides)


def same(one: StatusRecord, other: StatusRecord) -> bool:
    """Whether there is nothing new to write down."""
    return one is other or one == other or _essence(one) == _essence(other)


def flips(before: StatusRecord, after: StatusRecord) -> tuple[ConditionRecord, ...]:
    """The conditions that changed their status or reason."""
    known = {(c.type, c.status, c.reason) for c in before.conditions}
    return tuple(c for c in after.conditions if (c.type, c.status, c.reason) not in known)


def explain(status: StatusRecord) -> str:
    """Why it is not ONLINE, in one line; empty when it is."""
    return "; ".join(f"{c.reason}: {c.message}" for c in status.conditions if c.status == "False")


def _observed(connection: ConnectionRecord, side: Side, before: int) -> int:
    """The last revision that this side is known to have made so."""
    if not findings.wanted(connection) and findings.is_absent(connection, side):
        return connection.revision_number
    about = side.about(connection)
    if about is not None and about.phase in ("applied", "absent"):
        return about.revision
    return before


def _provisioning(connection: ConnectionRecord, sides: Sides, observed: int) -> str:
    if connection.deleting:
        return "PENDING_DELETE"
    for side in sides:
        about = side.about(connection)
        if about is not None and about.phase == "error":
            return "ERROR"
    if observed >= connection.revision_number:
        return "ACTIVE"
    return "PENDING_CREATE" if observed == 0 else "PENDING_UPDATE"


def _operating(connection: ConnectionRecord, sides: Sides, found: tuple[Finding, ...]) -> str:
    if not findings.wanted(connection) and is_gone(connection, sides):
        return "OFFLINE"
    near, far = sides
    if not (near.fresh and far.fresh):
        return "UNKNOWN"
    healthy = [f for f in connection.families if all(_answers(connection, side, f) for side in sides)]
    if not healthy:
        dead = [f for f in connection.families if any(_fails(connection, side, f) for side in sides)]
        return "OFFLINE" if len(dead) == len(connection.families) else "UNKNOWN"
    whole = len(healthy) == len(connection.families) and all(f.status == "True" for f in found)
    return "ONLINE" if whole else "DEGRADED"


def _answers(connection: ConnectionRecord, side: Side, family: Family) -> bool:
    about = side.about(connection)
    return about is not None and any(health.ok for health in about.health if health.family == family)


def _fails(connection: ConnectionRecord, side: Side, family: Family) -> bool:
    """Whether that side knows that no answer comes."""
    about = side.about(connection)
    if about is None:
        return True  # it has no such connection: nothing passes
    if not about.health and (about.sessions_age_s is None or about.tables_age_s is None):
        return False
    return not any(health.ok or not health.known for health in about.health if health.family == family)


def _with_history(
    found: tuple[Finding, ...], before: tuple[ConditionRecord, ...], at: datetime
) -> tuple[ConditionRecord, ...]:
    if [condition[:4] for condition in before] == list(found):
        return before  # nothing is new, as at most looks
    known = {condition.type: condition for condition in before}
    conditions = []
    for type_, truth, reason, message in found:
        same = known.get(type_)
        if same is None or same.status != truth or same.reason != reason:
            same = ConditionRecord(type_, truth, reason, message, at)
        elif same.message != message:
            same = ConditionRecord(type_, truth, reason, message, same.since)
        conditions.append(same)
    return tuple(conditions)


def _essence(status: StatusRecord) -> object:
    return (
        status.provisioning_status,
        status.operating_status,
        status.observed_revision,
        status.state,
        [
            (c.type, c.status, c.reason, "" if c.type in HOLDS_AN_AGE else c.message)
            for c in status.conditions
        ],
    )
