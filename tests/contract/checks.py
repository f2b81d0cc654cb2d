"""The driver contract as checks: each takes a rig and asserts one promise of `drivers.contract`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from cellnet_core.drivers.contract import (
    APPLY_TIMEOUT,
    OBSERVE_TIMEOUT,
    Action,
    DriverUnavailableError,
    Hint,
    Outcome,
)
from tests.contract.rigs import Rig

POLL = 0.05
MAKE, BREAK = (10, 59), (60, 89)

Check = Callable[[Rig], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Put a check into the suite, under its own name."""
    CHECKS[function.__name__] = function
    return function


# --- what checks are made of -------------------------------------------------------------------------


async def look(rig: Rig) -> Any:
    """Observe, within the contract's limit."""
    async with asyncio.timeout(OBSERVE_TIMEOUT + 0.5):
        return await rig.driver.observe()


async def look_fresh(rig: Rig) -> Any:
    """Observe until the device answers; bounded."""
    async with asyncio.timeout(rig.patience):
        while not (seen := await look(rig)).fresh:
            await asyncio.sleep(POLL)
    return seen


async def do(rig: Rig, actions: tuple[Action, ...]) -> tuple[Outcome, ...]:
    """Apply, within the contract's limit."""
    async with asyncio.timeout(APPLY_TIMEOUT + 0.5):
        return await rig.driver.apply(actions)


async def bring(rig: Rig, desired: Any) -> tuple[Action, ...]:
    """Plan and apply once; the actions. All must be done."""
    actions = rig.driver.plan(desired, await look_fresh(rig))
    outcomes = await do(rig, actions)
    assert all(outcome.status == "done" for outcome in outcomes), outcomes
    return actions


async def restore(rig: Rig, desired: Any) -> None:
    """As an agent does after a restart: boot what can be booted, then plan until nothing is left; bounded."""
    boot = getattr(rig.driver, "boot", None)
    async with asyncio.timeout(rig.patience):
        while True:
            with suppress(DriverUnavailableError):
                if boot is not None:
                    await boot()
                seen = await look_fresh(rig)
                if not (actions := rig.driver.plan(desired, seen)):
                    return
                await do(rig, actions)
            await asyncio.sleep(POLL)


# --- the promises ------------------------------------------------------------------------------------


@check
async def every_capability_is_answered_with_a_reason(rig: Rig) -> None:
    answer = rig.driver.capabilities()
    assert answer.driver == rig.driver.name
    assert answer == rig.driver.capabilities()
    for word in rig.words:
        assert word in answer.supports, f"no answer about {word}"
        said = answer.supports[word]
        assert said is True or (isinstance(said, str) and said.strip()), f"{word}: a no without a reason"
    assert not answer.can("flying")
    assert answer.reason("flying")


@check
async def a_plan_is_pure_and_in_order(rig: Rig) -> None:
    seen = await look_fresh(rig)
    before = await rig.state()
    plan = rig.driver.plan(rig.intents[0], seen)
    assert plan, "there was something to do"
    assert plan == rig.driver.plan(rig.intents[0], seen)
    assert await rig.state() == before
    assert [action.order for action in plan] == sorted(action.order for action in plan)
    assert len({(action.verb, action.target) for action in plan}) == len(plan)
    for action in plan:
        assert action.driver == rig.driver.name
        assert action.reason.strip()
        assert action.target.strip()
        low, high = BREAK if action.verb == "remove" else MAKE
        assert action.verb in ("add", "modify", "remove")
        assert low <= action.order <= high, f"{action.verb} at {action.order}"


@check
async def a_plan_converges_from_any_state_to_any_other(rig: Rig) -> None:
    for desired in (*rig.intents, *reversed(rig.intents), rig.intents[2], rig.intents[0]):
        actions = await bring(rig, desired)
        left = rig.driver.plan(desired, await look_fresh(rig))
        assert left == (), f"still to do after {[a.target for a in actions]}: {left}"


@check
async def what_is_wanted_is_what_is_there(rig: Rig) -> None:
    states = []
    for desired in (rig.intents[0], rig.intents[1], rig.intents[0], rig.intents[-1], rig.intents[-1]):
        await bring(rig, desired)
        states.append(await rig.state())
    assert states[0] == states[2], "the same intent, another state"
    assert states[0] != states[1]
    assert states[0] != states[3], "nothing was done"
    assert states[3] == states[4]


@check
async def actions_may_be_repeated(rig: Rig) -> None:
    for desired in (rig.intents[0], rig.intents[2], rig.intents[-1]):
        actions = await bring(rig, desired)
        state = await rig.state()
        outcomes = await do(rig, actions)
        assert all(outcome.status == "done" for outcome in outcomes), outcomes
        assert await rig.state() == state
        assert rig.driver.plan(desired, await look_fresh(rig)) == ()


@check
async def outcomes_answer_the_actions_one_by_one(rig: Rig) -> None:
    assert await do(rig, ()) == ()
    actions = rig.driver.plan(rig.intents[0], await look_fresh(rig))
    outcomes = await do(rig, actions)
    assert tuple(outcome.action for outcome in outcomes) == actions
    assert {outcome.status for outcome in outcomes} <= {"done", "failed", "skipped"}


@check
async def observe_tells_what_the_device_has(rig: Rig) -> None:
    await bring(rig, rig.intents[0])
    state = await rig.state()
    await look_fresh(rig)  # a driver that remembers this look is found out by the next one
    await rig.meddle()
    assert await rig.state() != state
    actions = rig.driver.plan(rig.intents[0], await look_fresh(rig))
    assert actions, "the change behind the driver's back was not seen"
    await do(rig, actions)
    assert await rig.state() == state


@check
async def looking_changes_nothing(rig: Rig) -> None:
    await bring(rig, rig.intents[0])
    state = await rig.state()
    for _ in range(3):
        assert (await look(rig)).fresh
    assert await rig.state() == state


@check
async def a_device_that_is_gone_is_unknown_and_unavailable(rig: Rig) -> None:
    actions = await bring(rig, rig.intents[0])
    await rig.stop()
    seen = await look(rig)
    assert not seen.fresh
    assert rig.driver.plan(rig.intents[-1], seen) == ()
    with pytest.raises(DriverUnavailableError, match=r"."):
        await do(rig, actions)
    await rig.start()
    await restore(rig, rig.intents[0])


@check
async def nothing_is_planned_on_what_is_not_fresh(rig: Rig) -> None:
    await bring(rig, rig.intents[0])
    seen = replace(await look_fresh(rig), fresh=False)
    assert rig.driver.plan(rig.intents[-1], seen) == ()


@check
async def a_restart_shows_and_is_made_good(rig: Rig) -> None:
    await bring(rig, rig.intents[0])
    state = await rig.state()
    before = await look_fresh(rig)
    assert before.instance
    await rig.stop()
    await rig.start()
    await restore(rig, rig.intents[0])
    after = await look_fresh(rig)
    assert after.instance
    assert after.instance != before.instance
    assert await rig.state() == state


@check
async def a_change_is_hinted_at(rig: Rig) -> None:
    await bring(rig, rig.intents[0])
    heard: asyncio.Queue[Hint] = asyncio.Queue()

    async def listen() -> None:
        async for hint in rig.driver.watch():
            heard.put_nowait(hint)

    listener = asyncio.create_task(listen())
    try:
        with suppress(TimeoutError):  # whatever the start of watching says is over then
            while True:
                async with asyncio.timeout(rig.patience / 10):
                    await heard.get()
        await rig.provoke()
        async with asyncio.timeout(rig.patience):
            hint = await heard.get()
        assert hint.about
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


@check
async def a_glance_tells_what_a_look_would(rig: Rig) -> None:
    glance = getattr(rig.driver, "glance", None)
    if glance is None:
        return  # gateways are looked at
    actions = await bring(rig, rig.intents[0])
    assert glance() is None, "something was applied"
    await rig.provoke()
    seen, found = await look_fresh(rig), glance()
    async with asyncio.timeout(rig.patience):
        while found is None or "ESTABLISHED" not in {session.state for session in seen.sessions}:
            await asyncio.sleep(POLL)
            seen, found = await look_fresh(rig), glance()
    assert replace(found, at=0.0) == replace(seen, at=0.0)
    assert found.at <= seen.at, "a glance is not newer than what was asked"
    await do(rig, actions)
    assert glance() is None, "something was applied"
    await look_fresh(rig)
    await rig.stop()
    await look(rig)
    assert glance() is None, "the device is gone"
    await rig.start()
    await restore(rig, rig.intents[0])


@check
async def closing_ends_the_watch_and_changes_nothing(rig: Rig) -> None:
    await bring(rig, rig.intents[0])
    state = await rig.state()
    ended = asyncio.Event()
    started = asyncio.Event()

    async def listen() -> None:
        started.set()
        async for _ in rig.driver.watch():
            pass
        ended.set()

    listener = asyncio.create_task(listen())
    try:
        await started.wait()
        await look(rig)
        assert not ended.is_set()
        async with asyncio.timeout(rig.patience):
            await rig.driver.close()
            await ended.wait()
        assert await rig.state() == state
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


@check
async def booting_again_changes_nothing(rig: Rig) -> None:
    boot = getattr(rig.driver, "boot", None)
    if boot is None:
        return  # speakers are not booted
    await bring(rig, rig.intents[0])
    state = await rig.state()
    assert await boot() == ()
    assert await rig.state() == state
    assert rig.driver.plan(rig.intents[0], await look_fresh(rig)) == ()
