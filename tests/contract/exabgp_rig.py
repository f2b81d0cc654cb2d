"""A real ExaBGP for the contract suite, with a real peer that is started to provoke something."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bgp import commands, readback
from bgp.client import SpeakerClient
from cellnet_core.drivers.contract import Announcement, Family, Neighbor, SpeakerIntent
from cellnet_core.drivers.exabgp import ExaBgpSpeaker
from cellnet_core.model.clock import SystemClock
from tests.contract.rigs import SPEAKER_WORDS, speaker_intents

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
NEIGHBORS = (
    Neighbor("p1", "127.0.0.1", "127.0.0.2", 65001, 65002, False, FAMILIES),
    Neighbor("p2", "127.0.0.1", "127.0.0.3", 65001, 65003, False, FAMILIES),
)
BACK = Neighbor("back", "127.0.0.2", "127.0.0.1", 65002, 65001, True, FAMILIES)
START = 10.0


class Speaker:
    """A speaker process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "speaker.log"

    async def start(self) -> None:
        if self._process is None:
            self._process = self._spawn()
            async with asyncio.timeout(START):
                while not (self.directory / "api.sock").is_socket():
                    await asyncio.sleep(0.02)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bgp.speaker", "--directory", str(self.directory)]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None
            (self.directory / "api.sock").unlink(missing_ok=True)


class ExaBgpRig:
    """One driver on the speaker."""

    words = SPEAKER_WORDS
    patience = 15.0
    intents = speaker_intents(NEIGHBORS)

    def __init__(self, speaker: Speaker, peer: Speaker) -> None:
        self._speaker, self._peer = speaker, peer
        self.driver = ExaBgpSpeaker(speaker.directory, SystemClock())
        self.driver.prepare()

    async def state(self) -> object:
        async def read(client: SpeakerClient) -> object:
            configured = readback.parse_neighbors(await client.ask(commands.SHOW_CONFIGURATION, 5.0))
            announced = readback.parse_routes(await client.ask(commands.SHOW_ADJ_RIB_OUT, 5.0))
            by_peer = {peer: sorted(map(repr, routes)) for peer, routes in announced.items() if routes}
            return sorted(map(repr, configured)), by_peer

        async with asyncio.timeout(START):
            client = SpeakerClient(self._speaker.directory / "api.sock", lambda _: None, lambda *_: None)
            try:
                await client.connect(START)
                return await read(client)
            finally:
                await client.close()

    async def meddle(self) -> None:
        (line, _), *_ = commands.withdraw([commands.Advertisement("127.0.0.2", "10.0.1.0/24", "127.0.0.1")])
        client = SpeakerClient(self._speaker.directory / "api.sock", lambda _: None, lambda *_: None)
        try:
            await client.connect(START)
            await client.ask(line, 5.0)
        finally:
            await client.close()

    async def provoke(self) -> None:
        await self._peer.start()

    async def stop(self) -> None:
        await self._speaker.stop()

    async def start(self) -> None:
        await self._speaker.start()


class ExaBgp:
    """The speaker under test, and its peer with a configuration and an announcement of its own."""

    def __init__(self, directory: Path) -> None:
        self._speaker, self._peer = Speaker(directory / "a"), Speaker(directory / "b")

    async def rig(self) -> ExaBgpRig:
        await self._peer.stop()
        rig = ExaBgpRig(self._speaker, self._peer)
        await self._speaker.start()
        return rig

    async def prepare_peer(self) -> None:
        """Give the peer its configuration once."""
        driver = ExaBgpSpeaker(self._peer.directory, SystemClock())
        driver.prepare()
        await self._peer.start()
        intent = SpeakerIntent(
            65002, "10.0.2.1", (BACK,), (Announcement("back", "10.0.2.0/24", "127.0.0.2"),)
        )
        async with asyncio.timeout(START):
            while not (seen := await driver.observe()).fresh or (actions := driver.plan(intent, seen)):
                await driver.apply(actions if seen.fresh else ())
        await driver.close()
        await self._peer.stop()

    def logs(self) -> str:
        return self._speaker.log.read_text(errors="replace")[-3000:]

    async def stop(self) -> None:
        await self._peer.stop()
        await self._speaker.stop()


@asynccontextmanager
async def exabgp(directory: Path) -> AsyncIterator[ExaBgp]:
    """See sandboxed.Device."""
    device = ExaBgp(directory)
    try:
        await device.prepare_peer()
        yield device
    finally:
        await device.stop()
