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
from operator import itemgetter

from cellnet_core.manager import findings, stage
from cellnet_core.manager.findings import Abouts, Finding, Side, Sides
from cellnet_core.model.lifecycle import State
from cellnet_core.model.wire import ConnectionReport
from cellnet_core.store.records import ConditionRecord, ConnectionRecord, Family, StatusRecord

NEW = StatusRecord("PENDING_CREATE", "OFFLINE", 0)
"""Before anything is known."""

STATES = {state.value: state for state in State}
"""By what is stored: to look one up takes a fraction of what the enumeration takes."""

HOLDS_AN_AGE = frozenset({"AgentsReporting"})
"""Conditions whose message differs each time it is worked out."""


def evaluate(
    connection: ConnectionRecord, sides: Sides, previous: StatusRecord, at: datetime
) -> StatusRecord:
    """The status now. `previous` gives conditions their `since` and remembers what was applied before."""
    found = findings.find(connection, sides)
    said = findings.abouts(connection, sides)
    wanted = findings.wanted(connection)
    gone = not wanted and is_gone(connection, sides)
    if wanted:
        near, far = said
        before = previous.observed_revision
        observed = min(_made_so(near, before), _made_so(far, before))
    else:
        observed = min([_taken_down(connection, side, previous.observed_revision) for side in sides])
    provisioning = _provisioning(connection, said, observed)
    operating = "OFFLINE" if gone else _operating(connection, sides, said, found)
    facts = stage.Facts(connection.enabled, connection.deleting, gone, provisioning, operating)
    state = stage.follow(STATES[previous.state], facts)
    conditions = _with_history(found, previous.conditions, at)
    if (
        conditions is previous.conditions
        and provisioning == previous.provisioning_status
        and operating == previous.operating_status
        and observed == previous.observed_revision
        and state == previous.state
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


def _made_so(about: ConnectionReport | None, before: int) -> int:
    """The last revision that a side is known to have made so."""
    if about is not None and about.phase in ("applied", "absent"):
        return about.revision
    return before


def _taken_down(connection: ConnectionRecord, side: Side, before: int) -> int:
    """The same where it is not wanted: nothing of it is as wanted as can be."""
    if findings.is_absent(connection, side):
        return connection.revision_number
    return _made_so(side.about(connection), before)


def _provisioning(connection: ConnectionRecord, said: Abouts, observed: int) -> str:
    if connection.deleting:
        return "PENDING_DELETE"
    for about in said:
        if about is not None and about.phase == "error":
            return "ERROR"
    if observed >= connection.revision_number:
        return "ACTIVE"
    return "PENDING_CREATE" if observed == 0 else "PENDING_UPDATE"


def _operating(connection: ConnectionRecord, sides: Sides, said: Abouts, found: tuple[Finding, ...]) -> str:
    """Of what is not down because nobody wants it."""
    near, far = sides
    if not (near.fresh and far.fresh):
        return "UNKNOWN"
    for finding in found:
        if finding.status != "True":
            break
    else:
        return "ONLINE"  # health in every family is one of them
    near_says, far_says = said
    healthy = _answered(near_says) & _answered(far_says)
    passing = [family for family in connection.families if family in healthy]
    if not passing:
        dead = [f for f in connection.families if _fails(near_says, f) or _fails(far_says, f)]
        return "OFFLINE" if len(dead) == len(connection.families) else "UNKNOWN"
    return "DEGRADED"


def _answered(about: ConnectionReport | None) -> set[str]:
    """In which families that side gets answers."""
    return set() if about is None else {health.family for health in about.health if health.ok}


def _fails(about: ConnectionReport | None, family: Family) -> bool:
    """Whether that side knows that no answer comes."""
    if about is None:
        return True  # it has no such connection: nothing passes
    if not about.health and (about.sessions_age_s is None or about.tables_age_s is None):
        return False
    return not any(health.ok or not health.known for health in about.health if health.family == family)


_FINDING = itemgetter(slice(4))
"""What was found, of a condition that was made of it."""


def _with_history(
    found: tuple[Finding, ...], before: tuple[ConditionRecord, ...], at: datetime
) -> tuple[ConditionRecord, ...]:
    if tuple(map(_FINDING, before)) == found:
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
