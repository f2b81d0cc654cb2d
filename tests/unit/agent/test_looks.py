"""What an agent looks at: whoever rang, whatever it wrote to, and everything every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cellnet_core.agent import reconciler
from tests.contract import samples
from tests.unit.agent.cloud import Cloud
from tests.unit.agent.watched import Watched

EAST = samples.prefixes("east")[0]
Story = Callable[[Cloud, Watched, Watched], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story right after a look at everything, with the speaker and the gateway of one cell watched."""

    def run(story: Story) -> None:
        async def told() -> None:
            async with Cloud(tmp_path) as cloud:
                await cloud.online()
                await cloud.clock.advance(20.0)
                gateway = Watched(cloud.main.forwarding)
                while not gateway.began:
                    await cloud.clock.advance(0.1)
                await cloud.clock.advance(0.1)
                gateway.began.clear()
                await story(cloud, Watched(cloud.main.speaker), gateway)

        asyncio.run(told())

    return run


@pytest.mark.parametrize("rings", ["speaker", "routes", "gateway", "intent"])
def test_whoever_did_not_ring_is_not_looked_at(play: Callable[[Story], None], rings: str) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        if rings == "speaker":
            cloud.main.speaker.hint("session")
        elif rings == "routes":
            cloud.main.speaker.hint("route")  # a glance will do
        elif rings == "gateway":
            cloud.main.forwarding.hint("switch")
        else:
            cloud.connect(generation=2)  # the same again: nothing to do
        await cloud.clock.advance(0.5)
        assert (len(speaker.began), len(gateway.began)) == (rings == "speaker", rings == "gateway")

    play(story)


def test_after_it_acted_it_looks_at_what_it_wrote_to(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        cloud.main.speaker.lose("main-east-1", "10.0.1.0/24")  # rings
        await cloud.clock.advance(0.5)
        assert len(speaker.began) >= 2
        assert gateway.began == []
        assert "10.0.1.0/24" in {found.prefix for found in (await cloud.main.speaker.observe()).announced}
        speaker.began.clear()
        del cloud.main.forwarding.flows[EAST]
        cloud.main.forwarding.hint("flow")
        await cloud.clock.advance(0.5)
        assert len(gateway.began) >= 2
        assert speaker.began == []
        assert EAST in cloud.main.forwarding.flows

    play(story)


def test_a_route_that_was_told_of_is_acted_on_before_anybody_is_asked(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        await cloud.east.stop()  # nobody repairs what is lost there
        assert ways(cloud) == ["wan1", "wan2"]
        cloud.east.speaker.lose("main-east-1", EAST)
        await cloud.clock.advance(0.5)
        assert ways(cloud) == ["wan2"]
        assert speaker.began == []
        await cloud.clock.advance(reconciler.RESYNC)
        assert speaker.began, "confirmed by asking"
        assert ways(cloud) == ["wan2"]

    play(story)


def test_what_was_told_wrongly_is_put_right_by_asking(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        truth = await cloud.main.speaker.observe()
        told = replace(truth, learned=tuple(r for r in truth.learned if r.neighbor != "main-east-1"))
        cloud.main.speaker.glance = lambda: told  # type: ignore[method-assign]
        cloud.main.speaker.hint("route")
        await cloud.clock.advance(0.5)
        assert ways(cloud) == ["wan2"]
        await cloud.clock.advance(reconciler.RESYNC)
        assert ways(cloud) == ["wan1", "wan2"]

    play(story)


def test_what_a_glance_does_not_tell_is_asked_for(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        cloud.main.speaker.glance = lambda: None  # type: ignore[method-assign]
        cloud.main.speaker.hint("route")
        await cloud.clock.advance(0.5)
        assert len(speaker.began) == 1
        assert gateway.began == []

    play(story)


def test_a_route_beside_other_news_is_asked_for(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        cloud.main.speaker.hint("route")
        cloud.main.speaker.hint("session")
        await cloud.clock.advance(0.5)
        assert len(speaker.began) == 1

    play(story)


def ways(cloud: Cloud) -> list[str]:
    """The ports by which main's gateway reaches east, sorted."""
    return sorted(hop.interface for hop in cloud.main.forwarding.next_hops(EAST))


def test_rings_do_not_put_the_look_at_everything_off(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        for _ in range(200):
            cloud.main.speaker.hint("route")
            await cloud.clock.advance(0.1)
        for asked in (gateway.began, speaker.began):
            pauses = [after - before for before, after in pairwise(asked)]
            assert pauses
            assert max(pauses) <= reconciler.RESYNC + 0.2

    play(story)


@pytest.mark.parametrize(
    ("look_takes", "pause"),
    [(0.0, reconciler.RESYNC), (2.0, reconciler.RESYNC_SHARE * 2.0), (4.0, reconciler.RESYNC_SHARE * 4.0)],
)
def test_a_look_that_costs_much_comes_less_often(
    play: Callable[[Story], None], look_takes: float, pause: float
) -> None:
    async def story(cloud: Cloud, speaker: Watched, gateway: Watched) -> None:
        cloud.main.forwarding.faults.delay = look_takes
        await cloud.clock.advance(30.0)
        gateway.began.clear()
        await cloud.clock.advance(100.0)
        between = [after - before for before, after in pairwise(gateway.began)]
        assert between == pytest.approx([look_takes + pause] * len(between), abs=0.2)
        assert len(between) >= 100 / (look_takes + pause) - 2

    play(story)
