"""The fakes keep the driver contract, and the suite notices drivers that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cellnet_core.drivers.contract import (
    Action,
    Capabilities,
    ForwardingIntent,
    ForwardingObservation,
    Hint,
    Outcome,
    SpeakerIntent,
    SpeakerObservation,
)
from cellnet_core.drivers.fake import FakeForwarding, FakeSpeaker
from tests.contract.checks import CHECKS
from tests.contract.rigs import RigFactory, fake_forwarding, fake_speaker


def run(name: str, factory: RigFactory) -> None:
    """One check over a new rig."""

    async def play() -> None:
        async with factory() as rig:
            await CHECKS[name](rig)

    asyncio.run(play())


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("factory", [fake_speaker(), fake_forwarding()], ids=["speaker", "forwarding"])
def test_fake(name: str, factory: RigFactory) -> None:
    run(name, factory)


# --- drivers that lie --------------------------------------------------------------------------------


class Remembers(FakeForwarding):
    """Reports what it once saw, not what is there."""

    async def observe(self) -> ForwardingObservation:
        if not self.applied or self._count != len(self.applied):
            self._last = await super().observe()
        self._count = len(self.applied)
        return self._last


class Pretends(FakeSpeaker):
    """Says done and does nothing."""

    def _do(self, action: Action) -> str:
        return ""


class NeverContent(FakeSpeaker):
    """Plans the same things for ever."""

    def plan(self, desired: SpeakerIntent, observed: SpeakerObservation) -> tuple[Action, ...]:
        return super().plan(desired, SpeakerObservation(0.0, fresh=observed.fresh))


class Additive(FakeForwarding):
    """Forgets to remove."""

    def plan(self, desired: ForwardingIntent, observed: ForwardingObservation) -> tuple[Action, ...]:
        return tuple(action for action in super().plan(desired, observed) if action.verb != "remove")


class BreaksFirst(FakeForwarding):
    """Removes before it makes."""

    def plan(self, desired: ForwardingIntent, observed: ForwardingObservation) -> tuple[Action, ...]:
        return tuple(reversed(super().plan(desired, observed)))


class Moody(FakeForwarding):
    """Plans differently each time."""

    def plan(self, desired: ForwardingIntent, observed: ForwardingObservation) -> tuple[Action, ...]:
        self.mood = not getattr(self, "mood", False)
        plan = super().plan(desired, observed)
        return plan if self.mood else plan[:-1]


class PlansBlind(FakeSpeaker):
    """Takes not knowing for not there."""

    def plan(self, desired: SpeakerIntent, observed: SpeakerObservation) -> tuple[Action, ...]:
        return super().plan(desired, SpeakerObservation(0.0, fresh=True, neighbors=observed.neighbors))


class Optimist(FakeSpeaker):
    """Calls fresh what is not."""

    async def observe(self) -> SpeakerObservation:
        if self.running:
            self._last = await super().observe()
        return self._last


class Dreams(FakeSpeaker):
    """Tells at a glance what was there once, whatever became of it."""

    def glance(self) -> SpeakerObservation | None:
        self._dream = super().glance() or getattr(self, "_dream", None)
        return self._dream


class Overlooks(FakeSpeaker):
    """Has not heard of routes."""

    def glance(self) -> SpeakerObservation | None:
        found = super().glance()
        return None if found is None else replace(found, learned=())


class Swallows(FakeForwarding):
    """Hides that the device is gone."""

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        if self.faults.unavailable:
            return tuple(Outcome(action, "done") for action in actions)
        return await super().apply(actions)


class Miscounts(FakeForwarding):
    """Loses outcomes."""

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        return (await super().apply(actions))[:-1]


class Shuffles(FakeForwarding):
    """Answers in another order."""

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        return tuple(reversed(await super().apply(actions)))


class OnlyOnce(FakeForwarding):
    """Fails at what is already done."""

    def _do(self, action: Action) -> str:
        if action.verb == "remove" and action.payload[0] is not None and action.payload[0] not in self.flows:
            return "no such flow"
        return super()._do(action)


class Deaf(FakeForwarding):
    """Never hints."""

    def hint(self, about: str) -> None:
        return


class Ageless(FakeSpeaker):
    """Does not show a restart."""

    @property
    def instance(self) -> str:
        return "always-the-same"


class CleansUp(FakeSpeaker):
    """Takes the device down with itself."""

    async def close(self) -> None:
        self.announced.clear()
        await super().close()


class Hangs(FakeSpeaker):
    """Watches on after it was closed."""

    async def watch(self) -> AsyncIterator[Hint]:
        while True:
            async for hint in super().watch():
                yield hint
            await asyncio.sleep(3600)


class Boasts(FakeSpeaker):
    """Says no without saying why."""

    def capabilities(self) -> Capabilities:
        answer = super().capabilities()
        return Capabilities(answer.driver, answer.version, {**answer.supports, "evpn": False})


class Silent(FakeSpeaker):
    """Does not answer a word of the contract."""

    def capabilities(self) -> Capabilities:
        answer = super().capabilities()
        kept = {word: said for word, said in answer.supports.items() if word != "md5"}
        return Capabilities(answer.driver, answer.version, kept)


class BootsAlways(FakeForwarding):
    """Boots from scratch each time."""

    async def boot(self) -> tuple[str, ...]:
        self.booted = False
        return await super().boot()


LIARS: list[tuple[type[Any], str]] = [
    (Remembers, "observe_tells_what_the_device_has"),
    (Pretends, "a_plan_converges_from_any_state_to_any_other"),
    (Pretends, "what_is_wanted_is_what_is_there"),
    (NeverContent, "a_plan_converges_from_any_state_to_any_other"),
    (Additive, "what_is_wanted_is_what_is_there"),
    (BreaksFirst, "a_plan_is_pure_and_in_order"),
    (Moody, "a_plan_is_pure_and_in_order"),
    (PlansBlind, "nothing_is_planned_on_what_is_not_fresh"),
    (Optimist, "a_device_that_is_gone_is_unknown_and_unavailable"),
    (Dreams, "a_glance_tells_what_a_look_would"),
    (Overlooks, "a_glance_tells_what_a_look_would"),
    (Swallows, "a_device_that_is_gone_is_unknown_and_unavailable"),
    (Miscounts, "outcomes_answer_the_actions_one_by_one"),
    (Shuffles, "outcomes_answer_the_actions_one_by_one"),
    (OnlyOnce, "actions_may_be_repeated"),
    (Deaf, "a_change_is_hinted_at"),
    (Ageless, "a_restart_shows_and_is_made_good"),
    (CleansUp, "closing_ends_the_watch_and_changes_nothing"),
    (Hangs, "closing_ends_the_watch_and_changes_nothing"),
    (Boasts, "every_capability_is_answered_with_a_reason"),
    (Silent, "every_capability_is_answered_with_a_reason"),
    (BootsAlways, "booting_again_changes_nothing"),
]


@pytest.mark.parametrize(("liar", "name"), LIARS, ids=[f"{liar.__name__}-{name}" for liar, name in LIARS])
def test_a_lie_is_found(liar: type[Any], name: str) -> None:
    factory = fake_speaker(liar) if issubclass(liar, FakeSpeaker) else fake_forwarding(liar)
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        run(name, factory)
