"""Checks that end: whatever a ping makes of its cancellation, the check is over and says nothing more."""

from __future__ import annotations

import asyncio

import pytest

from cellnet_core.agent.health import HealthChecker, Target
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import NoJournal

TARGET = Target("c", "ipv4", "10.0.1.11", "10.0.2.11")


class Deaf:
    """Takes its cancellation for an answer, as `asyncio.wait_for` does when both come at once."""

    def __init__(self) -> None:
        self.sent = 0

    async def ping(self, source: str, destination: str, wait: float) -> float | None:
        self.sent += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 1.0
        return None


@pytest.mark.parametrize("again", [False, True], ids=["gone", "gone and back"])
def test_a_check_that_misses_its_end_ends_all_the_same(again: bool) -> None:
    problems: list[object] = []
    changes: list[None] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: problems.append(context))
        pinger = Deaf()
        checker = HealthChecker(pinger, SystemClock(), NoJournal(), lambda: changes.append(None))

        def want(*targets: Target) -> None:
            checker.update(targets, targets, {}, observed=True)

        want(TARGET)
        await asyncio.sleep(0)
        (first,) = (task for task in asyncio.all_tasks() if task.get_name().startswith("health"))
        want()
        if again:
            want(TARGET)
        async with asyncio.timeout(10):
            await asyncio.wait([first])
        assert first.exception() is None
        assert pinger.sent == (2 if again else 1)
        assert all(report.sent == 0 for report in checker.reports("c")), (
            "an old answer is none of a new check"
        )
        async with asyncio.timeout(10):
            await checker.close()

    asyncio.run(story())
    assert (problems, changes) == ([], [])
