"""Our speaker against other implementations: their view of sessions, restarts and End-of-RIB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cellnet_core.drivers.contract import SpeakerObservation
from tests.daemon.bgp.foreign import DAEMONS, MISSING, Foreign
from tests.daemon.bgp.sandbox import Sandbox, eventually
from tests.daemon.bgp.sides import Side

pytestmark = pytest.mark.daemon


@pytest.fixture(params=DAEMONS)
def peer(request: pytest.FixtureRequest, sandbox: Sandbox) -> Foreign:
    if MISSING[request.param]:
        pytest.skip(f"{request.param} is not installed (see bindep.txt)")
    return DAEMONS[request.param](sandbox)


def has(*expected: str, stale: bool = False) -> Callable[[SpeakerObservation], bool]:
    """Whether exactly these were learned, all stale or none. FRR sends back what it has from us, with our own
    AS in its path: nobody uses that (`planner.routes`), and here it does not count."""

    def look(observed: SpeakerObservation) -> bool:
        foreign = [route for route in observed.learned if OWN_AS not in route.as_path]
        return [route.prefix for route in foreign] == list(expected) and all(
            route.stale is stale for route in foreign
        )

    return look


OWN_AS = 65001
BOTH = ("10.0.2.0/24", "fdce:11:0:2::/64")


def test_our_routes_are_kept_until_end_of_rib(sandbox: Sandbox, peer: Foreign) -> None:
    async def story() -> None:
        main = Side(sandbox, "main", 1)
        intent = main.intent(1, prefixes=("10.0.11.0/24",))
        await main.settle(intent, has(*BOTH))
        all_three = {"10.0.1.0/24", "10.0.11.0/24", "fdce:11:0:1::/64"}
        eventually("routes at the peer", lambda: peer.routes() == all_three)

        main.kill()
        eventually("the peer notices", lambda: not peer.established())
        assert peer.routes() == all_three
        main.start()
        # The session is back before any agent has said a word: the peer waits for End-of-RIB.
        eventually("session is back", peer.established)
        assert peer.routes() == all_three
        await main.settle(main.intent(1), has(*BOTH))
        eventually("the third is gone", lambda: peer.routes() == {"10.0.1.0/24", "fdce:11:0:1::/64"})
        await main.driver.close()

    asyncio.run(story())


def test_a_notification_deletes_routes_and_a_crash_does_not(sandbox: Sandbox, peer: Foreign) -> None:
    async def story() -> None:
        main = Side(sandbox, "main", 1)
        await main.settle(main.intent(1), has(*BOTH))
        peer.process.kill()
        peer.process.wait(30)
        await main.settle(main.intent(1), has(*BOTH, stale=True))
        peer.start()
        await main.settle(main.intent(1), has(*BOTH))

        peer.shut_down()
        observed: SpeakerObservation = await main.settle(main.intent(1), has())
        assert observed.sessions[0].last_error == "notification received (6,2)"
        await main.driver.close()

    asyncio.run(story())


def test_the_hold_timer_deletes_routes(sandbox: Sandbox, peer: Foreign) -> None:
    async def story() -> None:
        main = Side(sandbox, "main", 1)
        intent = main.intent(1, hold_time=3)
        await main.settle(intent, has(*BOTH))
        eventually("routes at the peer", peer.established)
        sandbox.run("east", "ip", "link", "set", "wan1", "down")
        observed = await main.settle(intent, has())
        assert observed.sessions[0].last_error == "notification sent (4,0)"
        await main.driver.close()

    asyncio.run(story())
