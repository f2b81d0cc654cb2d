"""The conditions that expectations name: one look at the stage each, answered with what was seen.

A condition never waits (`deadline` does) and never judges time (`verdicts` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import wording
from .deadline import Look, Reading
from .safety import tables
from .stage import Stage

RECENT = 0.5
"""Seconds without a lost packet that count as delivering."""
SEEN_COLUMNS = 160
"""What is said of a status in a verdict is no longer than this."""
FLIGHT = 0.15
"""Packets sent this recently may still be on their way."""


class UnknownConditionError(ValueError):
    """A scenario names a condition that does not exist."""


def delivering(stage: Stage, of: Mapping[str, Any]) -> Reading:
    """Every flow delivered all packets of the last half second. `since`: not before that moment.

    `flows`: only those whose name begins with one of these, such as ["main → east"].
    """
    only = tuple(of.get("flows", ("",)))
    now = stage.look().at
    end = now - FLIGHT
    start = max(end - RECENT, float(of.get("since", 0.0)))
    if end - start < RECENT - 1e-6:
        return Reading(False, "measuring")
    bad = [
        f"{measured.flow.name} {measured.lost} of {measured.sent} lost"
        for measured in stage.measure(start, end)
        if (measured.lost or not measured.sent) and measured.flow.name.startswith(only)
    ]
    return Reading(not bad, "; ".join(bad) or "all flows deliver")


def status(stage: Stage, of: Mapping[str, Any]) -> Reading:
    """The connection's operating status is `of["is"]`."""
    seen = stage.status()
    if seen is None:
        return Reading(False, "the API shows no connection", "NOT SHOWN", ("the API shows no connection",))
    words = wording.fit(seen.operating, seen.reasons, SEEN_COLUMNS)
    return Reading(seen.operating == of["is"], words, seen.operating, seen.reasons)


def path(stage: Stage, of: Mapping[str, Any]) -> Reading:
    """Traffic leaves by the path that it used when the step began."""
    used = stage.path_in_use()
    return Reading(used == of["is"], f"traffic leaves by {used}")


def service_back(stage: Stage, of: Mapping[str, Any]) -> Reading:
    """The service was started again at least once since the step began, and is ready."""
    seen = stage.service(of["service"])
    again = seen.restarts > int(of["restarts_before"])
    return Reading(seen.ready and again, f"{of['service']} is {seen.state}, {seen.restarts} restarts")


def gone(stage: Stage, of: Mapping[str, Any]) -> Reading:  # noqa: ARG001 - one signature for all
    """Nothing of the deleted connection is left."""
    left = stage.leftovers()
    return Reading(not left, "; ".join(left) or "nothing is left")


def agreed(stage: Stage, of: Mapping[str, Any]) -> Reading:  # noqa: ARG001 - one signature for all
    """What is wanted and what is there are the same, for every connection and every agent."""
    apart = stage.disagreements()
    return Reading(not apart, "; ".join(apart) or "desired and observed agree")


def routed(stage: Stage, of: Mapping[str, Any]) -> Reading:
    """The gateway `of["gateway"]` has a flow into a group for the prefix `of["prefix"]`."""
    text = stage.survey().gateways.get(str(of["gateway"]))
    if text is None:
        return Reading(False, f"{of['gateway']} does not answer")
    there = tables.has_remote(tables.parse(text), str(of["prefix"]))
    return Reading(there, f"{of['gateway']} has {'a' if there else 'no'} flow for {of['prefix']}")


CONDITIONS: dict[str, Callable[[Stage, Mapping[str, Any]], Reading]] = {
    "delivering": delivering,
    "status": status,
    "path": path,
    "service-back": service_back,
    "gone": gone,
    "agreed": agreed,
    "routed": routed,
}
ARGUMENTS: dict[str, tuple[str, ...]] = {"status": ("is",), "routed": ("gateway", "prefix")}
"""What an expectation must say in `of`; all else the run finds out or may be left out."""
OPTIONAL: dict[str, tuple[str, ...]] = {"delivering": ("flows",), "path": ("is",)}


def bind(name: str, stage: Stage, of: Mapping[str, Any]) -> Look:
    """The condition of that name as a look at this stage. Raises UnknownConditionError."""
    if name not in CONDITIONS:
        raise UnknownConditionError(
            f"there is no condition {name!r}; there are: {', '.join(sorted(CONDITIONS))}"
        )
    condition = CONDITIONS[name]
    return lambda: condition(stage, of)
