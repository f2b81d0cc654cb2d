"""Carrying a plan out: which driver gets which actions when, and what a failure holds up.

First what prepares and makes (order below 30), both drivers at once: neither waits for a slow other. Then the
rest, one after the other in the order of the plan. What a driver failed to make holds up what would rely on
it: its own later actions, and everybody's announcements and removals.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from cellnet_core.drivers.contract import (
    APPLY_TIMEOUT,
    Action,
    Driver,
    DriverUnavailableError,
    Outcome,
)

ANNOUNCE = 30
GRACE = 1.0
"""Seconds that a driver may be late before it is taken to be stuck."""


async def execute(actions: Sequence[Action], drivers: Mapping[str, Driver[Any, Any]]) -> tuple[Outcome, ...]:
    """One outcome for each action, in the same order."""
    making = [action for action in actions if action.order < ANNOUNCE]
    names = sorted({action.driver for action in making})
    results = await asyncio.gather(
        *(apply(drivers[name], [action for action in making if action.driver == name]) for name in names)
    )
    outcomes = [outcome for result in results for outcome in result]
    rest = [action for action in actions if action.order >= ANNOUNCE]
    for name, group in groupby(rest, key=lambda action: action.driver):
        batch = list(group)
        failed = first_failure(outcomes)
        if failed is not None:
            message = f"waits for {failed.action.target}"
            outcomes += [Outcome(action, "skipped", message) for action in batch]
        else:
            outcomes += await apply(drivers[name], batch)
    by_action = {id(outcome.action): outcome for outcome in outcomes}
    return tuple(by_action[id(action)] for action in actions)


async def apply(driver: Driver[Any, Any], actions: Sequence[Action]) -> tuple[Outcome, ...]:
    """Apply with a limit in time; a driver that is not there failed at all of them."""
    try:
        async with asyncio.timeout(APPLY_TIMEOUT + GRACE):
            outcomes = await driver.apply(actions)
    except DriverUnavailableError as error:
        return tuple(Outcome(action, "failed", f"{driver.name}: {error}") for action in actions)
    except TimeoutError:
        message = f"{driver.name} did not answer within {APPLY_TIMEOUT + GRACE:g} s"
        return tuple(Outcome(action, "failed", message) for action in actions)
    # Drivers answer in order; their outcomes may hold equal copies of the actions.
    return tuple(
        Outcome(action, outcome.status, outcome.message)
        for action, outcome in zip(actions, outcomes, strict=True)
    )


def first_failure(outcomes: Iterable[Outcome]) -> Outcome | None:
    """The first action that failed."""
    return next((outcome for outcome in outcomes if outcome.status == "failed"), None)
