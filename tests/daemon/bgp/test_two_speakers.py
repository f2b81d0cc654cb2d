"""Two ExaBGP speakers over veths, each driven through the driver contract."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bgp import speaker
from cellnet_core.drivers.contract import SpeakerObservation
from tests.daemon.bgp.sandbox import DEADLINE, Sandbox, eventually
from tests.daemon.bgp.sides import Side, prefixes

pytestmark = pytest.mark.daemon

MARKER = b"\xff" * 16  # RFC 4271 section 4.1; two bytes of length, then the type
UPDATE = 2
CAPTURE = str(Path(__file__).with_name("capture.py"))


def learned(count: int) -> object:
    return lambda observed: len(prefixes(observed, stale=False)) == count == len(prefixes(observed))


def updates_in(capture: bytes) -> int:
    """UPDATE messages in a capture file, by the marker that begins every BGP message."""
    return sum(message[2:3] == bytes([UPDATE]) for message in capture.split(MARKER)[1:])


def ends_in(capture: bytes) -> int:
    """End-of-RIB markers in a capture file (RFC 4724 section 2): no other UPDATE is so short."""
    ends = [length.to_bytes(2, "big") + bytes([UPDATE]) for length in (23, 29, 30)]
    return sum(message[:3] in ends for message in capture.split(MARKER)[1:])


@asynccontextmanager
async def two_sides(sandbox: Sandbox, *links: int) -> AsyncIterator[tuple[Side, Side]]:
    """Both speakers running, with their routes exchanged over the links."""
    main, east = Side(sandbox, "main", 1), Side(sandbox, "east", 2)
    try:
        await asyncio.gather(
            main.settle(main.intent(*links), learned(2 * len(links))),
            east.settle(east.intent(*links), learned(2 * len(links))),
        )
        # Both have settled once more, now that the other has said End-of-RIB.
        yield main, east
    finally:
        await main.driver.close()
        await east.driver.close()


def test_routes_cross_in_both_families_and_a_second_apply_is_silent(sandbox: Sandbox) -> None:
    async def story() -> None:
        capture = sandbox.directory / "wan1.frames"
        sandbox.start("main", "capture.log", sys.executable, CAPTURE, "wan1", str(capture))
        eventually("capture", capture.exists)
        async with two_sides(sandbox, 1) as (main, east):
            observed = await main.driver.observe()
            (session,) = observed.sessions
            assert (session.state, session.hold_time, session.families) == (
                "ESTABLISHED",
                9,
                ("ipv4", "ipv6"),
            )
            assert observed.neighbors == main.intent(1).neighbors
            assert {(one.prefix, one.next_hop) for one in observed.learned} == {
                ("10.0.2.0/24", "172.16.0.2"),
                ("fdce:11:0:2::/64", "fdce:11:ffff:1::2"),
            }
            assert {one.as_path for one in observed.learned} == {(65002,)}

            # Said by both in both families; what comes after that is too much.
            eventually("End-of-RIB", lambda: ends_in(capture.read_bytes()) == 4)
            before = updates_in(capture.read_bytes())
            nothing = SpeakerObservation(at=0, fresh=True)
            again = [action for action in main.driver.plan(main.intent(1), nothing) if action.order != 31]
            assert len(again) == 3
            for _ in range(2):
                await main.settle(main.intent(1))
                assert {outcome.status for outcome in await main.driver.apply(again)} == {"done"}
                await east.settle(east.intent(1))
            await asyncio.sleep(0.5)
            assert updates_in(capture.read_bytes()) == before

            # The capture would have shown one.
            await main.settle(main.intent(1, prefixes=("10.0.11.0/24",)))
            eventually("an UPDATE in the capture", lambda: updates_in(capture.read_bytes()) > before)
            await east.settle(east.intent(1), learned(3))

    asyncio.run(story())


def test_a_new_neighbor_and_its_removal_leave_the_other_session_alone(sandbox: Sandbox) -> None:
    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, east):
            before = (await main.driver.observe()).sessions[0]
            await asyncio.gather(
                main.settle(main.intent(1, 2), learned(4)), east.settle(east.intent(1, 2), learned(4))
            )
            taken_down = main.driver.plan(main.intent(1), await main.driver.observe())
            after = await main.settle(main.intent(1), learned(2))
            assert after.sessions == (before,)
            again = await main.driver.apply(taken_down)
            assert [outcome.status for outcome in again] == ["done"] * 3
            # Withdrawn before it was removed: the peer keeps nothing over what looks like a restart.
            observed = await east.settle(
                east.intent(1, 2), lambda one: one.sessions[1].state != "ESTABLISHED"
            )
            assert prefixes(observed) == ["10.0.1.0/24", "fdce:11:0:1::/64"]
            assert observed.sessions[0].flaps == 0

    asyncio.run(story())


def test_a_killed_speaker_costs_no_route_on_either_side(sandbox: Sandbox) -> None:
    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, east):
            east.kill()
            gone = await main.settle(main.intent(1), lambda one: one.sessions[0].state != "ESTABLISHED")
            assert prefixes(gone, stale=True) == ["10.0.2.0/24", "fdce:11:0:2::/64"]
            assert not (await east.driver.observe()).fresh
            east.start()
            # Its own side of the restart: another instance, routes held until the peer has sent them again.
            back = SpeakerObservation(at=0, fresh=False)
            while not back.fresh:
                back = await east.driver.observe()
            assert prefixes(back) == ["10.0.1.0/24", "fdce:11:0:1::/64"]
            # One prefix is not announced again: End-of-RIB takes it away from the peer.
            fewer = east.intent(1)
            fewer = type(fewer)(fewer.local_as, fewer.router_id, fewer.neighbors, fewer.announcements[:1])
            await asyncio.gather(east.settle(fewer, learned(2)), main.settle(main.intent(1), learned(1)))
            observed = await main.driver.observe()
            assert prefixes(observed) == ["10.0.2.0/24"]
            assert observed.sessions[0].flaps == 1

    asyncio.run(story())


def test_an_agent_that_returns_learns_all_by_asking(sandbox: Sandbox) -> None:
    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, east):
            # ExaBGP may answer that a session is up before it says so: End-of-RIB is due once more then.
            before = await main.settle(main.intent(1), learned(2))
            await main.driver.close()
            reborn = main.new_driver()
            observed = await reborn.observe()
            assert observed.learned == before.learned
            assert observed.announced == before.announced
            assert observed.sessions[0].since == pytest.approx(before.sessions[0].since, abs=0.001)
            # The relay remembers that the peer was told End-of-RIB.
            assert reborn.plan(main.intent(1), observed) == ()

            # And one that returns while the peer is away finds its routes stale, not missing.
            east.kill()
            async with asyncio.timeout(DEADLINE):
                while (await reborn.observe()).sessions[0].state == "ESTABLISHED":
                    await asyncio.sleep(0.02)
            await reborn.close()
            third = main.new_driver()
            observed = await third.observe()
            assert prefixes(observed, stale=True) == ["10.0.2.0/24", "fdce:11:0:2::/64"]
            assert observed.sessions[0].last_error == "closing connection"
            await third.close()

    asyncio.run(story())


def test_hints_come_at_once(sandbox: Sandbox) -> None:
    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, east):
            heard: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

            async def listen() -> None:
                async for hint in main.driver.watch():
                    heard.put_nowait((time.monotonic(), hint.about))

            listener = asyncio.create_task(listen())
            await asyncio.sleep(0)
            await east.settle(east.intent(1, prefixes=("10.0.12.0/24",)))
            async with asyncio.timeout(DEADLINE):
                _, about = await heard.get()
            assert about == "route"
            await main.driver.close()
            async with asyncio.timeout(DEADLINE):
                await listener

    asyncio.run(story())


def test_a_glance_has_what_was_told_since_and_no_more_than_asking_would_show(sandbox: Sandbox) -> None:
    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, east):
            heard: asyncio.Queue[str] = asyncio.Queue()

            async def listen() -> None:
                async for hint in main.driver.watch():
                    heard.put_nowait(hint.about)

            async def shown(*expected: str) -> SpeakerObservation | None:
                """The glance, once it shows these routes; None as soon as it does not do."""
                async with asyncio.timeout(DEADLINE):
                    while (found := main.driver.glance()) is not None and prefixes(found) != list(expected):
                        assert await heard.get() == "route"
                return found

            listener = asyncio.create_task(listen())
            before = await main.driver.observe()
            ours = ("10.0.12.0/24", "10.0.13.0/24")
            await east.settle(east.intent(1, prefixes=ours))
            told = await shown("10.0.12.0/24", "10.0.13.0/24", "10.0.2.0/24", "fdce:11:0:2::/64")
            assert told is not None
            assert told.at == before.at
            asked = await main.driver.observe()
            assert asked == replace(told, at=asked.at)
            assert main.driver.glance() == asked

            await east.settle(east.intent(1))
            told = await shown("10.0.2.0/24", "fdce:11:0:2::/64")
            assert told is not None
            asked = await main.driver.observe()
            assert asked == replace(told, at=asked.at)

            # The end of a session is more than a route: there it has to be asked.
            east.kill()
            async with asyncio.timeout(DEADLINE):
                while await heard.get() != "session":
                    pass
            assert main.driver.glance() is None
            assert prefixes(await main.driver.observe(), stale=True) == ["10.0.2.0/24", "fdce:11:0:2::/64"]
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    asyncio.run(story())


def test_an_unreachable_neighbor_does_not_hold_up_the_others(sandbox: Sandbox) -> None:
    """ExaBGP itself forgets every reload while updates wait for a neighbour that it cannot reach."""

    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, east):
            await main.settle(main.intent(1, 2))  # link 2 has nobody at its other end, and routes wait for it
            await main.settle(main.intent(1), learned(2))
            await asyncio.gather(
                main.settle(main.intent(1, 2), learned(4)), east.settle(east.intent(1, 2), learned(4))
            )

    asyncio.run(story())


def test_a_spoiled_configuration_is_put_right_before_the_speaker_needs_it(sandbox: Sandbox) -> None:
    async def story() -> None:
        async with two_sides(sandbox, 1) as (main, _):
            file = main.directory / speaker.CONFIGURATION
            text = file.read_text()
            file.write_text(text + "nonsense\n")
            main.process.send_signal(signal.SIGUSR1)
            await main.settle(main.intent(1), lambda _: file.read_text() == text)
            assert [one.state for one in (await main.driver.observe()).sessions] == ["ESTABLISHED"]
            # Also while it is dead: it would never start again.
            main.kill()
            file.write_text("nonsense\n")
            assert not (await main.driver.observe()).fresh
            assert file.read_text() == text
            main.start()
            await main.settle(main.intent(1), learned(2))

    asyncio.run(story())
