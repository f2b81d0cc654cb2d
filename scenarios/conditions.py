"""The conditions that expectations name: one look at the stage each, answered with what was seen.

A condition never waits (`deadline` does) and never judges time (`verdicts` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import wording
from .deadline import Look, Reading
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
    """Every flow delivered all packets of the last half second. `since`: not before that moment."""
    now = stage.look().at
    end = now - FLIGHT
    start = max(end - RECENT, float(of.get("since", 0.0)))
    if end - start < RECENT - 1e-6:
        return Reading(False, "measuring")
    bad = [
        f"{measured.flow.name} {measured.lost} of {measured.sent} lost"
        for measured in stage.measure(start, end)
        if measured.lost or not measured.sent
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


CONDITIONS: dict[str, Callable[[Stage, Mapping[str, Any]], Reading]] = {
    "delivering": delivering,
    "status": status,
    "path": path,
    "service-back": service_back,
    "gone": gone,
}


def bind(name: str, stage: Stage, of: Mapping[str, Any]) -> Look:
    """The condition of that name as a look at this stage. Raises UnknownConditionError."""
    if name not in CONDITIONS:
        raise UnknownConditionError(
            f"there is no condition {name!r}; there are: {', '.join(sorted(CONDITIONS))}"
        )
    condition = CONDITIONS[name]
    return lambda: condition(stage, of)
