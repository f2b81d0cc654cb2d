"""Where a connection is in its life: what is known of it to events, and those through the table. Pure.

What is UNKNOWN is no event: the state stays the last one known, and the operating status says UNKNOWN.
A new revision is none either: what was active stays so while agents change it, `provisioning_status` tells.
"""

from __future__ import annotations

from typing import NamedTuple

from cellnet_core.model.lifecycle import Event, State, advance

APPLIED = (State.ESTABLISHING, State.ACTIVE, State.DEGRADED)
"""Both sides have made it so; what passes decides between these."""
PASSING = {"ONLINE": Event.WHOLE, "DEGRADED": Event.IMPAIRED, "OFFLINE": Event.LOST}
SETTLED = {"ONLINE": State.ACTIVE, "DEGRADED": State.DEGRADED, "OFFLINE": State.ESTABLISHING}


class Facts(NamedTuple):
    """What decides the state. `gone`: neither side has anything of it."""

    enabled: bool
    deleting: bool
    gone: bool
    provisioning_status: str
    operating_status: str


def follow(state: State, facts: Facts) -> State:
    """The state after everything that the facts amount to has happened."""
    while (event := next_event(state, facts)) is not None:
        state = advance(state, event)
    return state


def next_event(state: State, facts: Facts) -> Event | None:
    """What has happened, seen from this state; None when the state fits the facts."""
    if state is State.DRAFT:
        return Event.VALIDATE  # the manager keeps only what it has validated
    if facts.deleting or not facts.enabled:
        return _unwanted(state, facts)
    if state in (State.VALIDATED, State.TEARDOWN):
        return Event.PROVISION
    failing = facts.provisioning_status == "ERROR"
    if state is State.ERROR:
        return None if failing else Event.RETRY
    if failing and (state in APPLIED or state is State.PROVISIONING):
        return Event.FAIL
    if state is State.PROVISIONING:
        return Event.APPLIED if facts.provisioning_status == "ACTIVE" else None
    if state in APPLIED and SETTLED.get(facts.operating_status, state) is not state:
        return PASSING[facts.operating_status]
    return None


def _unwanted(state: State, facts: Facts) -> Event | None:
    if state is State.TEARDOWN:
        if not facts.gone:
            return None
        return Event.GONE if facts.deleting else Event.PARKED
    if state is State.DELETED or (state is State.VALIDATED and not facts.deleting):
        return None
    return Event.TAKE_DOWN
