"""A train of beats: decided beforehand, the same for the same seed, and whole again whenever it ends."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults import Direction, Flap, Mode, apply
from simulator.faults.flapping import beats
from tests.unit.simulator_faults.books import BookLab, run


@given(
    period=st.floats(0.02, 60),
    duty=st.floats(0.05, 0.95),
    count=st.integers(1, 50),
    seed=st.none() | st.integers(0, 2**63 - 1),
)
def test_beats_never_touch_and_stay_in_their_period(
    period: float, duty: float, count: int, seed: int | None
) -> None:
    train = beats(Flap("x", Mode.CUT, period, duty, count, seed))
    assert train == beats(Flap("x", Mode.CUT, period, duty, count, seed))
    assert len(train) == count
    assert train[0].down == 0
    for number, beat in enumerate(train):
        assert number * period <= beat.down < beat.up < (number + 1) * period


def test_without_a_seed_beats_are_exact_and_another_seed_is_another_train() -> None:
    assert [(beat.down, beat.up) for beat in beats(Flap("x", Mode.CUT, 2.0, 0.25, 2))] == [(0, 0.5), (2, 2.5)]
    assert beats(Flap("x", seed=1)) != beats(Flap("x", seed=2))


def test_every_beat_is_in_the_timeline_and_the_link_is_whole_afterwards(lab: BookLab) -> None:
    over: list[bool] = []

    async def story() -> None:
        undo = await apply(
            Flap("main-east-1", Mode.BLACKHOLE, 1.0, 0.5, 3), lab, "f1", lambda: over.append(lab.untouched)
        )
        assert undo is not None
        while not over:
            await asyncio.sleep(0)
        await undo()

    run(story())
    assert over == [True]
    assert lab.untouched
    beat = ["fault", "fault-cleared"]
    assert [kind for kind, _ in lab.journal] == ["fault", "flap", "fault-cleared", *beat, *beat, "flap-over"]
    lines = [detail for kind, detail in lab.journal if kind in beat]
    assert [line["beat"] for line in lines] == [1, 1, 2, 2, 3, 3]
    assert {line["fault"]["kind"] for line in lines} == {"blackhole"}
    assert {detail["id"] for _, detail in lab.journal} == {"f1"}


@pytest.mark.parametrize(
    "flap",
    [
        Flap("main-east-1"),
        Flap("main-east-1", Mode.BLACKHOLE),
        Flap("main-east-1", Mode.ONEWAY, direction=Direction.A_TO_B),
    ],
    ids=lambda flap: str(flap.mode),
)
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 7, 20])
def test_cleared_in_the_middle_it_leaves_the_link_whole(flap: Flap, turns: int, lab: BookLab) -> None:
    async def story() -> None:
        undo = await apply(flap, lab, "f1")
        assert undo is not None
        assert not lab.untouched
        for _ in range(turns):
            await asyncio.sleep(0)
        await undo()
        assert lab.untouched
        for _ in range(20):
            await asyncio.sleep(0)
        assert lab.untouched, "the train went on"

    run(story())


def test_a_beat_that_cannot_be_done_ends_the_train_and_is_said(lab: BookLab) -> None:
    async def story() -> None:
        undo = await apply(Flap("main-east-1", count=5), lab, "f1")
        lab.refuse["main-gw1"] = "no"
        while not any(kind == "flap-broken" for kind, _ in lab.journal):
            await asyncio.sleep(0)
        lab.refuse.clear()
        assert undo is not None
        await undo()

    run(story())
    assert lab.untouched
