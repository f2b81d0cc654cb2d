"""The life of a connection as a table: in which state what may happen, and what follows. Pure.

Knows states and events only. Which event the facts amount to is decided by who knows the facts
(`manager/stage.py`). The drawing in the documentation is made from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a connection is in its life."""

    DRAFT = "draft"
    """Written down, not checked."""
    VALIDATED = "validated"
    """Right from both ends; no agent has it (it is new, or disabled)."""
    PROVISIONING = "provisioning"
    """Agents are told; at least one side has not made it so."""
    ESTABLISHING = "establishing"
    """Both sides have made it so; nothing passes yet, or no longer."""
    ACTIVE = "active"
    """Everything is as it should be."""
    DEGRADED = "degraded"
    """Something passes, something is not as it should be."""
    DRAINING = "draining"
    """Traffic is being moved away, for maintenance."""
    DRAINED = "drained"
    """It carries no traffic and can be worked on."""
    TEARDOWN = "teardown"
    """Agents are told to take it down."""
    DELETED = "deleted"
    """Gone on both sides and forgotten."""
    ERROR = "error"
    """An agent cannot make it so; it tries again by itself."""


class Event(StrEnum):
    """What may happen to a connection."""

    VALIDATE = "validate"
    DISCARD = "discard"
    PROVISION = "provision"
    APPLIED = "applied"
    WHOLE = "whole"
    IMPAIRED = "impaired"
    LOST = "lost"
    FAIL = "fail"
    RETRY = "retry"
    DRAIN = "drain"
    DRAINED = "drained"
    UNDRAIN = "undrain"
    TAKE_DOWN = "take-down"
    PARKED = "parked"
    GONE = "gone"


_S, _E = State, Event
TABLE: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        _S.DRAFT: {_E.VALIDATE: _S.VALIDATED, _E.DISCARD: _S.DELETED},
        _S.VALIDATED: {_E.PROVISION: _S.PROVISIONING, _E.TAKE_DOWN: _S.TEARDOWN},
        _S.PROVISIONING: {
            _E.APPLIED: _S.ESTABLISHING,
            _E.FAIL: _S.ERROR,
            _E.TAKE_DOWN: _S.TEARDOWN,
        },
        _S.ESTABLISHING: {
            _E.WHOLE: _S.ACTIVE,
            _E.IMPAIRED: _S.DEGRADED,
            _E.FAIL: _S.ERROR,
            _E.TAKE_DOWN: _S.TEARDOWN,
        },
        _S.ACTIVE: {
            _E.IMPAIRED: _S.DEGRADED,
            _E.LOST: _S.ESTABLISHING,
            _E.FAIL: _S.ERROR,
            _E.DRAIN: _S.DRAINING,
            _E.TAKE_DOWN: _S.TEARDOWN,
        },
        _S.DEGRADED: {
            _E.WHOLE: _S.ACTIVE,
            _E.LOST: _S.ESTABLISHING,
            _E.FAIL: _S.ERROR,
            _E.DRAIN: _S.DRAINING,
            _E.TAKE_DOWN: _S.TEARDOWN,
        },
        _S.DRAINING: {
            _E.DRAINED: _S.DRAINED,
            _E.UNDRAIN: _S.ESTABLISHING,
            _E.FAIL: _S.ERROR,
            _E.TAKE_DOWN: _S.TEARDOWN,
        },
        _S.DRAINED: {_E.UNDRAIN: _S.ESTABLISHING, _E.TAKE_DOWN: _S.TEARDOWN},
        # Disabled, it comes back to validated (parked) or is wanted again before it was down (provision).
        _S.TEARDOWN: {_E.GONE: _S.DELETED, _E.PARKED: _S.VALIDATED, _E.PROVISION: _S.PROVISIONING},
        _S.DELETED: {},
        _S.ERROR: {_E.RETRY: _S.PROVISIONING, _E.TAKE_DOWN: _S.TEARDOWN},
    }
)
"""Every legal step; what is not here is refused. Draining is reached by no part of the program yet."""


class IllegalEventError(Exception):
    """The event cannot happen in that state; nothing has changed."""

    def __init__(self, state: State, event: Event) -> None:
        legal = ", ".join(TABLE[state]) or "nothing: this is the end"
        super().__init__(f"{event} cannot happen to a connection that is {state}; possible are: {legal}")
        self.state = state
        self.event = event


def advance(state: State, event: Event) -> State:
    """The state that follows. Raises IllegalEventError."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise IllegalEventError(state, event) from None


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.DRAFT}"]
    for state, steps in TABLE.items():
        lines += [f"    {state} --> {after}: {event}" for event, after in steps.items()]
    lines += [f"    {state} --> [*]" for state, steps in TABLE.items() if not steps]
    return "\n".join(lines) + "\n"
