"""One reading of ExaBGP fits together, whatever happens between its questions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bgp import commands, speaker
from cellnet_core.drivers.exabgp import ExaBgpSpeaker
from cellnet_core.drivers.exabgp.planning import ExaBgpObservation
from cellnet_core.model.clock import SystemClock
from tests.unit.bgp.test_readback import learned, session, shown
from tests.unit.drivers_exabgp.test_hearing import ANNOUNCE, OPEN, STATE_UP

HELLO = {"instance": "1-1", "version": "5.0.15", "memory": [], "end_of_rib": []}
NOBODY = {"capabilities": {"graceful-restart": None}, "hold": None, "address": "172.16.0.2", "id": None}
IDLE = session(fsm="IDLE", state="down", peer=NOBODY, families=[])


class Relay:
    """A speaker whose session comes up, with a route, when it is asked `comes_up_at`."""

    def __init__(self, comes_up_at: str) -> None:
        self.comes_up_at = comes_up_at
        self.up = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"hello {json.dumps(HELLO)}\n".encode())
        while line := await reader.readline():
            question = line.decode().strip()
            if question == self.comes_up_at and not self.up:
                self.up = True
                now = asyncio.get_running_loop().time()
                for event in (OPEN, STATE_UP, ANNOUNCE):
                    writer.write(f"event {now:.6f} {event}\n".encode())
            for answer in self.answers(question):
                writer.write(f"line {answer}\n".encode())
            writer.write(b"done\n")
        writer.close()

    def answers(self, question: str) -> list[str]:
        *neighbor, end = shown("172.16.0.2", "main-east-1 interface wan1")
        return {
            commands.SHOW_CONFIGURATION: [*neighbor, "ipv4 unicast;", end],
            commands.SHOW_SESSIONS: [json.dumps([session() if self.up else IDLE])],
            commands.SHOW_ADJ_RIB_IN: [learned({})] if self.up else [],
        }.get(question, [])


@pytest.mark.parametrize(
    "question",
    [
        commands.SHOW_CONFIGURATION,
        commands.SHOW_SESSIONS,
        commands.SHOW_ADJ_RIB_IN,
        commands.SHOW_ADJ_RIB_OUT,
    ],
)
def test_no_route_is_seen_without_its_session_and_the_end_of_rib_that_is_due(
    tmp_path: Path, question: str
) -> None:
    """Who stops looking as soon as the routes are there would never say End-of-RIB otherwise."""

    async def story() -> None:
        server = await asyncio.start_unix_server(Relay(question), tmp_path / speaker.SOCKET)
        driver = ExaBgpSpeaker(tmp_path, SystemClock())
        observed = await driver.observe()
        assert isinstance(observed, ExaBgpObservation)
        assert [route.prefix for route in observed.learned] == ["10.0.2.0/24"]
        assert [one.state for one in observed.sessions] == ["ESTABLISHED"]
        assert observed.end_of_rib_due == ("172.16.0.2",)
        await driver.close()
        server.close()
        await server.wait_closed()

    asyncio.run(story())
