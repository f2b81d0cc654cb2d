"""BFD timers of a port that connections share: the quickest, as a whole; the site's when nobody asks."""

from __future__ import annotations

import asyncio

import pytest

from cellnet_core.model.wire import BfdIntent, ConnectionIntent
from cellnet_core.planner import timers
from tests.contract.samples import connection, intent, site
from tests.unit.planner.world import World, text

Three = tuple[int, int, int]


def asking(bfd: Three | None, name: str = "one", paths: int = 2) -> ConnectionIntent:
    """A connection over the first ports whose profile asks for these timers."""
    made = connection(paths=paths)
    wanted = None if bfd is None else BfdIntent(min_tx_ms=bfd[0], min_rx_ms=bfd[1], multiplier=bfd[2])
    profile = made.profile.model_copy(update={"bfd": wanted})
    return made.model_copy(update={"id": name, "name": name, "profile": profile})


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((None,), (10, 10, 3)),  # the site's
        (((100, 100, 3),), (100, 100, 3)),  # also slower than the site's
        (((100, 100, 3), None), (100, 100, 3)),  # who asks for nothing is content
        (((100, 100, 3), (50, 50, 3)), (50, 50, 3)),
        (((50, 50, 2), (10, 10, 20)), (50, 50, 2)),  # 100 ms before 200 ms; never a mixture of both
        (((20, 100, 3), (100, 20, 3)), (20, 100, 3)),  # a tie is decided the same way at both ends
    ],
)
def test_the_quickest_of_those_asked_for(asked: tuple[Three | None, ...], expected: Three) -> None:
    many = [asking(bfd, f"c{number}") for number, bfd in enumerate(asked)]
    for order in (many, many[::-1]):
        for port in timers.of_ports(site(), order):
            assert (port.min_tx_ms, port.min_rx_ms, port.multiplier) == expected


def test_each_port_by_its_own_connections_and_says_who_asks() -> None:
    first, second = timers.of_ports(site(), [asking((100, 100, 3), "east", paths=1)])
    assert (first.interface, first.min_tx_ms, first.why) == ("wan1", 100, "the profile of east asks for")
    assert (second.interface, second.min_tx_ms, second.why) == ("wan2", 10, "the site file has it")


def test_where_the_site_has_no_bfd_that_is_said() -> None:
    here = site()
    off = here.model_copy(update={"wan": (here.wan[0].model_copy(update={"bfd": None}), here.wan[1])})
    assert [port.interface for port in timers.of_ports(off, [asking((50, 50, 3))])] == ["wan2"]
    assert timers.without_bfd(off, asking((50, 50, 3))) == ("wan1",)
    assert timers.without_bfd(off, asking(None)) == ()


def test_a_change_is_one_action_a_port_with_its_reason_and_ends_with_the_connection() -> None:
    async def story() -> None:
        world = World()
        await world.forwarding.boot()
        world.peer_up()
        await world.converge(intent(asking(None), generation=1))
        decision = await world.round(intent(asking((100, 100, 3)), generation=2))
        assert [line.split(" (")[0] for line in text(decision)] == [
            "25 gateway: modify bfd wan1",
            "25 gateway: modify bfd wan2",
        ]
        assert not (await world.round(intent(asking((100, 100, 3)), generation=2))).plan
        await world.converge(intent(asking(None), generation=3))
        assert {t.min_tx_ms for t in world.forwarding.timers.values()} == {10}

    asyncio.run(story())


@pytest.mark.parametrize(("policy", "left"), [("repair", 100), ("ignore", 7), ("adopt", 100)])
def test_timers_changed_by_hand_are_drift(policy: str, left: int) -> None:
    async def story() -> None:
        world = World()
        await world.forwarding.boot()
        world.peer_up()
        wanted = intent(asking((100, 100, 3)), generation=1).model_copy(update={"drift_policy": policy})
        await world.converge(wanted)
        world.forwarding.retime("wan2", 7, 7, 3)
        await world.round(wanted)
        (found,) = world.memory.book.open
        assert (found.kind, found.target) == ("bfd", "bfd wan2")
        await world.converge(wanted)
        assert world.forwarding.timers["wan2"].min_tx_ms == left
        assert bool(world.memory.book.open) == (policy == "ignore")

    asyncio.run(story())


def test_without_an_intent_timers_stay_as_they_are() -> None:
    async def story() -> None:
        world = World()
        await world.forwarding.boot()
        world.forwarding.retime("wan1", 100, 100, 3)
        await world.converge(None)
        assert world.forwarding.timers["wan1"].min_tx_ms == 100

    asyncio.run(story())
