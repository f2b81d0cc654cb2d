"""Our speaker against BIRD 2: another implementation's view of sessions, restarts and End-of-RIB."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import pytest

from cellnet_core.drivers.contract import SpeakerObservation
from tests.daemon.bgp.sandbox import Sandbox, eventually
from tests.daemon.bgp.sides import Side, prefixes

pytestmark = [
    pytest.mark.daemon,
    pytest.mark.skipif(shutil.which("bird") is None, reason="BIRD 2 is not installed (package bird2)"),
]

CONFIGURATION = """
router id 10.0.2.1;
protocol device { scan time 1; }
protocol static four { ipv4; route 10.0.2.0/24 blackhole; }
protocol static six { ipv6; route fdce:11:0:2::/64 blackhole; }
protocol bgp peer {
  local 172.16.0.2 as 65002;
  neighbor 172.16.0.1 as 65001;
  passive on;
  hold time 9;
  graceful restart on;
  graceful restart time 30;
  ipv4 { import all; export where source = RTS_STATIC; next hop self; };
  ipv6 { import all; export where source = RTS_STATIC; next hop address fdce:11:ffff:1::2; };
}
"""


class Bird:
    """A BIRD daemon on the node east."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.directory = sandbox.directory / "bird"
        self.directory.mkdir()
        (self.directory / "bird.conf").write_text(CONFIGURATION)
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        paths = [f"{self.directory}/bird.{suffix}" for suffix in ("conf", "ctl", "pid")]
        self.process = self.sandbox.start(
            "east", "bird.log", "bird", "-f", "-c", paths[0], "-s", paths[1], "-P", paths[2]
        )
        return self.process

    def ask(self, *words: str) -> str:
        return self.sandbox.run("east", "birdc", "-s", f"{self.directory}/bird.ctl", *words)

    def routes(self) -> set[str]:
        """Prefixes that BIRD has from its peer."""
        text = "".join(
            self.ask("show", "route", "protocol", "peer", "table", name) for name in ("master4", "master6")
        )
        return {line.split()[0] for line in text.splitlines() if " unicast " in line}


@pytest.fixture
def bird(sandbox: Sandbox) -> Bird:
    return Bird(sandbox)


def has(*expected: str, stale: bool = False) -> object:
    return lambda observed: prefixes(observed, stale=stale) == list(expected) == prefixes(observed)


BOTH = ("10.0.2.0/24", "fdce:11:0:2::/64")


def test_bird_keeps_our_routes_until_end_of_rib(sandbox: Sandbox, bird: Bird) -> None:
    async def story() -> None:
        main = Side(sandbox, "main", 1)
        intent = main.intent(1, prefixes=("10.0.11.0/24",))
        await main.settle(intent, has(*BOTH))
        all_three = {"10.0.1.0/24", "10.0.11.0/24", "fdce:11:0:1::/64"}
        eventually("routes at BIRD", lambda: bird.routes() == all_three)

        main.kill()
        eventually("BIRD notices", lambda: "Established" not in bird.ask("show", "protocols", "peer"))
        assert bird.routes() == all_three
        main.start()
        # The session is back before any agent has said a word: BIRD waits for End-of-RIB.
        eventually("session is back", lambda: "Established" in bird.ask("show", "protocols", "peer"))
        assert bird.routes() == all_three
        await main.settle(main.intent(1), has(*BOTH))
        eventually("the third is gone", lambda: bird.routes() == {"10.0.1.0/24", "fdce:11:0:1::/64"})
        await main.driver.close()

    asyncio.run(story())


def test_a_notification_deletes_routes_and_a_crash_does_not(sandbox: Sandbox, bird: Bird) -> None:
    async def story() -> None:
        main = Side(sandbox, "main", 1)
        await main.settle(main.intent(1), has(*BOTH))
        bird.process.kill()
        bird.process.wait(30)
        await main.settle(main.intent(1), has(*BOTH, stale=True))
        bird.start()
        await main.settle(main.intent(1), has(*BOTH))

        bird.ask("disable", "peer")
        observed: SpeakerObservation = await main.settle(main.intent(1), has())
        assert observed.sessions[0].last_error == "notification received (6,2)"
        await main.driver.close()

    asyncio.run(story())


def test_the_hold_timer_deletes_routes(sandbox: Sandbox, bird: Bird) -> None:
    async def story() -> None:
        main = Side(sandbox, "main", 1)
        intent = main.intent(1, hold_time=3)
        await main.settle(intent, has(*BOTH))
        sandbox.run("east", "ip", "link", "set", "wan1", "down")
        observed = await main.settle(intent, has())
        assert observed.sessions[0].last_error == "notification sent (4,0)"
        await main.driver.close()

    asyncio.run(story())
