"""The whole agent over fakes: refusals, actions that fail, devices that are slow, checks that are lost."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract import samples
from tests.unit.agent.cloud import Cloud, Story

EAST4, EAST6 = samples.prefixes("east")


def test_an_empty_intent_out_of_nowhere_is_refused(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.writes()
        cloud.manager.want("main", samples.intent(generation=2))
        await cloud.clock.advance(5.0)
        assert cloud.main.writes() == before
        assert cloud.main.report.generation == 1
        (condition,) = cloud.main.connection.conditions
        assert condition.reason == "EmptyIntentRefused"
        assert len(cloud.main.journal.of("intent")) == 2  # said once, not asked for over and over
        cloud.manager.want("main", samples.intent(generation=3, confirmed_empty=True))
        await cloud.clock.advance(5.0)
        assert not cloud.main.speaker.neighbors

    play(story)


def test_failed_action_is_said_and_repeated(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.main.forwarding.faults.fail_at = 0
        cloud.connect()
        await cloud.clock.advance(3.0)
        assert "failed" in {d["status"] for d in cloud.main.journal.of("action")}
        assert "ActionFailed" in {d["type"] for d in cloud.main.journal.of("condition")}
        assert cloud.main.connection.phase == "applied"
        assert cloud.main.connection.conditions == ()

    play(story)


def test_a_device_that_fails_for_ever_is_not_hammered(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.connect()
        await cloud.clock.advance(0.001)
        for _ in range(3000):
            cloud.main.forwarding.faults.fail_at = 0  # fails once: asked for again before anybody can succeed
            cloud.main.forwarding.hint("noise")
            await cloud.clock.advance(0.02)
        failed = [d for d in cloud.main.journal.of("action") if d["status"] == "failed"]
        assert 10 < len(failed) < 60
        assert cloud.main.connection.phase == "error"

    play(story)


def test_next_hops_are_resolved_by_a_nudge(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.main.table.answers = False
        cloud.connect()
        await cloud.clock.advance(2.0)
        assert cloud.main.connection.learned == {}
        assert "NextHopUnresolved" in {c.type for c in cloud.main.connection.conditions}
        assert len(cloud.main.table.asked) < 40
        cloud.main.table.answers = True
        await cloud.clock.advance(1.0)
        assert cloud.main.connection.learned == {"ipv4": (EAST4,), "ipv6": (EAST6,)}

    play(story)


def test_a_slow_speaker_does_not_hold_up_the_gateway(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        cloud.main.speaker.faults.delay = 0.5
        cloud.main.forwarding.set_port("wan1", bfd="down")
        await cloud.clock.advance(1.0)
        assert cloud.main.forwarding.next_hops(EAST4)[0].interface == "wan2"

    play(story)


def test_refusal_by_the_manager_is_retried_slowly(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.clock.advance(1.0)
        cloud.manager.refuse = 404
        cloud.connect()
        await cloud.clock.advance(30.0)
        cloud.manager.refuse = 0
        await cloud.clock.advance(5.0)
        assert cloud.main.connection.phase == "applied"

    play(story)


def test_health_is_fast_at_first_then_steady_and_forgives_one_loss(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.pinger.sent
        await cloud.clock.advance(10.0)
        assert 18 <= cloud.main.pinger.sent - before <= 22  # two families, one a second each
        for gateway in (cloud.main, cloud.east):
            for port in ("wan1", "wan2"):
                gateway.forwarding.set_port(port, bfd="down")
        await cloud.clock.advance(1.2)
        assert [h.ok for h in cloud.main.connection.health] == [True, True]
        await cloud.clock.advance(4.0)
        assert [h.ok for h in cloud.main.connection.health] == [False, False]
        assert [d["ok"] for d in cloud.main.journal.of("health")] == [True, True, False, False]

    play(story)
