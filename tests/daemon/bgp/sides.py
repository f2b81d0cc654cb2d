"""One end of a WAN link in a test: a speaker process in a node and the driver that drives it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cellnet_core.drivers.contract import (
    Announcement,
    Neighbor,
    SpeakerIntent,
    SpeakerObservation,
)
from cellnet_core.drivers.exabgp import ExaBgpSpeaker
from cellnet_core.model.clock import SystemClock
from tests.daemon.bgp.sandbox import DEADLINE, Sandbox

ROOT = Path(__file__).parents[3]


class Side:
    """The speaker and driver of cell `number` (1 or 2); links are numbered from 1."""

    def __init__(self, sandbox: Sandbox, node: str, number: int) -> None:
        self.sandbox = sandbox
        self.node = node
        self.number = number
        self.directory = sandbox.directory / node
        self.driver = self.new_driver()
        self.driver.prepare()
        self.process = self.start()

    def new_driver(self) -> ExaBgpSpeaker:
        """What a restarted agent would have."""
        return ExaBgpSpeaker(self.directory, SystemClock())

    def start(self) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-m", "bgp.speaker", "--directory", str(self.directory))
        self.process = self.sandbox.start(self.node, f"{self.node}.log", *command, cwd=ROOT)
        return self.process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def address(self, link: int, number: int | None = None) -> str:
        return f"172.16.0.{4 * (link - 1) + (number or self.number)}"

    def intent(self, *links: int, prefixes: tuple[str, ...] = (), **options: int) -> SpeakerIntent:
        """Sessions over these links, the cell's two prefixes and `prefixes` announced over each."""
        own = f"10.0.{self.number}.0/24", f"fdce:11:0:{self.number}::/64", *prefixes
        neighbors = tuple(
            Neighbor(
                name=f"main-east-{link}",
                local_address=self.address(link),
                peer_address=self.address(link, 3 - self.number),
                local_as=65000 + self.number,
                peer_as=65000 + 3 - self.number,
                passive=self.number == 2,
                families=("ipv4", "ipv6"),
                interface=f"wan{link}",
                **options,
            )
            for link in links
        )
        announcements = tuple(
            Announcement(
                f"main-east-{link}",
                prefix,
                f"fdce:11:ffff:{link}::{self.number}" if ":" in prefix else self.address(link),
            )
            for link in links
            for prefix in own
        )
        return SpeakerIntent(65000 + self.number, f"10.0.{self.number}.1", neighbors, announcements)

    async def settle(
        self,
        intent: SpeakerIntent,
        until: Callable[[SpeakerObservation], bool] = lambda _: True,
        driver: ExaBgpSpeaker | None = None,
    ) -> SpeakerObservation:
        """Observe, plan and apply until nothing is left to do and `until` holds."""
        driver = driver or self.driver
        end = time.monotonic() + DEADLINE
        while True:
            observed = await driver.observe()
            actions = driver.plan(intent, observed)
            if actions:
                outcomes = await driver.apply(actions)
                assert len(outcomes) == len(actions)
            elif observed.fresh and until(observed):
                return observed
            assert time.monotonic() < end, f"{self.node} does not settle: {actions} {observed}"
            await asyncio.sleep(0.01)


def prefixes(observed: SpeakerObservation, stale: bool | None = None) -> list[str]:
    """Learned prefixes in order, all or only the (not) stale ones."""
    return [route.prefix for route in observed.learned if stale is None or route.stale is stale]


def make_link(sandbox: Sandbox, link: int) -> None:
    """Link number `link` between the nodes main and east."""
    base = 4 * (link - 1)
    sandbox.link(
        "main", f"wan{link}", "east", f"wan{link}",
        (f"172.16.0.{base + 1}/30", f"172.16.0.{base + 2}/30"),
        (f"fdce:11:ffff:{link}::1/64", f"fdce:11:ffff:{link}::2/64"),
    )  # fmt: skip
