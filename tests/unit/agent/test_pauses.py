"""How often an agent looks by itself: soon while looking is cheap, seldom where it costs seconds."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from cellnet_core.agent import reconciler
from cellnet_core.drivers.contract import ForwardingObservation
from cellnet_core.drivers.fake import FakeForwarding
from tests.unit.agent.cloud import Cloud


class Watched:
    """Notes when a gateway is looked at."""

    def __init__(self, forwarding: FakeForwarding) -> None:
        self.began: list[float] = []
        self._forwarding = forwarding
        self._observe = forwarding.observe
        forwarding.observe = self.observe  # type: ignore[method-assign]

    async def observe(self) -> ForwardingObservation:
        self.began.append(self._forwarding.clock.now())
        return await self._observe()


@pytest.mark.parametrize(
    ("look_takes", "pause"),
    [(0.0, reconciler.RESYNC), (2.0, reconciler.RESYNC_SHARE * 2.0), (4.0, reconciler.RESYNC_SHARE * 4.0)],
)
def test_a_look_that_costs_much_comes_less_often(tmp_path: Path, look_takes: float, pause: float) -> None:
    async def story() -> None:
        async with Cloud(tmp_path) as cloud:
            await cloud.online()
            await cloud.clock.advance(20.0)
            cloud.main.forwarding.faults.delay = look_takes
            await cloud.clock.advance(30.0)
            watched = Watched(cloud.main.forwarding)
            await cloud.clock.advance(100.0)
            between = [after - before for before, after in pairwise(watched.began)]
            assert between == pytest.approx([look_takes + pause] * len(between), abs=0.2)
            assert len(between) >= 100 / (look_takes + pause) - 2

    asyncio.run(story())
