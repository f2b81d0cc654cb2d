"""A new intent: when it is acted on, when it is safe, when it is told, and what may come in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cellnet_core.model.wire import IntentDocument
from tests.contract import samples
from tests.unit.agent.cloud import Cloud, Story


def test_an_intent_is_acted_on_first_and_told_only_once_it_is_safe(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.clock.advance(1.0)
        agent = cloud.main.agent
        assert agent is not None
        storage = agent.reconciler._around.storage
        settle = storage.settle
        made_safe: list[tuple[int, int]] = []

        def watched() -> None:
            if storage.next_file.exists():
                made_safe.append((cloud.main.writes(), cloud.main.report.generation))
            settle()

        storage.settle = watched  # type: ignore[method-assign]
        before = cloud.main.writes()
        await cloud.online()
        ((writes, told),) = made_safe
        assert writes > before, "acted on before"
        assert told == -1, "not told of before"
        assert cloud.main.report.generation == 1
        assert not storage.next_file.exists()

    play(story)


def test_an_agent_killed_before_the_intent_was_safe_goes_on_with_what_it_did(
    play: Callable[[Story], None],
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.clock.advance(1.0)
        agent = cloud.main.agent
        assert agent is not None
        agent.reconciler._around.storage.settle = lambda: None  # type: ignore[method-assign]
        await cloud.online()
        await cloud.main.stop()
        cloud.manager.cut = True
        before = cloud.main.writes()
        await cloud.main.start()
        await cloud.clock.advance(10.0)
        assert cloud.main.writes() == before
        assert cloud.main.agent is not None
        assert cloud.main.agent.reconciler.intent == cloud.manager.intents["main"]

    play(story)


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        (samples.intent(generation=9), "EmptyIntentRefused"),
        (samples.intent(generation=1), "IntentOutdated"),
        (samples.intent(generation=9, owner="m-2"), "OwnerChanged"),
    ],
    ids=["empty", "put back", "another manager"],
)
def test_a_manager_that_lost_its_past_is_refused_after_a_kill_before_the_intent_was_safe(
    play: Callable[[Story], None], offered: IntentDocument, reason: str
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.clock.advance(1.0)
        agent = cloud.main.agent
        assert agent is not None
        storage = agent.reconciler._around.storage
        storage.settle = lambda: None  # type: ignore[method-assign]
        cloud.connect(generation=2)
        await cloud.clock.advance(5.0)
        assert storage.next_file.exists()
        acted_on = cloud.manager.intents["main"]
        await cloud.main.stop()
        before = cloud.main.writes()
        cloud.manager.want("main", offered)
        await cloud.main.start()
        await cloud.clock.advance(10.0)
        assert cloud.main.agent is not None
        assert cloud.main.agent.reconciler.intent == acted_on
        refused = [
            line["reason"] for line in cloud.main.journal.of("intent") if not line.get("accepted", True)
        ]
        assert set(refused) == {reason}
        assert cloud.main.writes() == before, "nothing was taken away"

    play(story)


def test_a_connection_may_be_forgotten_while_its_gateway_is_written_to(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        cloud.connect(generation=2, phase="absent", revision=2)
        await cloud.clock.advance(5.0)
        assert cloud.main.connection.phase == "absent"
        gateway = cloud.main.forwarding
        gateway.faults.delay = 1.0
        gateway.flows["192.0.2.0/24"] = "local"
        gateway.hint("flow")
        await cloud.clock.advance(1.5)  # looked at; now it is being written to
        cloud.manager.want("main", samples.intent(generation=3))
        await cloud.clock.advance(10.0)
        assert "192.0.2.0/24" not in gateway.flows
        assert cloud.main.report.generation == 3
        assert cloud.main.report.connections == ()

    play(story)
