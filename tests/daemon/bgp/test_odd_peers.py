"""Peers that are odd, careless or broken: what our speaker takes from them, and what it must not."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from pathlib import Path

import pytest

from cellnet_core.drivers.contract import SpeakerObservation
from tests.daemon.bgp.sandbox import Sandbox
from tests.daemon.bgp.sides import Side, prefixes

pytestmark = pytest.mark.daemon

PEER_AS = 65002
MARKER = b"\xff" * 16
ORIGIN, NEXT_HOP = b"\x40\x01\x01\x00", b"\x40\x03\x04" + socket.inet_aton("172.16.0.2")


def message(kind: int, body: bytes = b"") -> bytes:
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def opening(asn4: int = PEER_AS) -> bytes:
    """OPEN of AS 65002 with IPv4, IPv6 and four-octet AS numbers; no graceful restart, hold time 90."""
    capabilities = b"\x01\x04\0\x01\0\x01" + b"\x01\x04\0\x02\0\x01" + b"\x41\x04" + struct.pack("!I", asn4)
    head = struct.pack("!BHH4s", 4, PEER_AS, 90, socket.inet_aton("10.0.2.1"))
    return message(1, head + bytes([len(capabilities) + 2, 2, len(capabilities)]) + capabilities)


def attribute(flags: int, kind: int, value: bytes) -> bytes:
    return struct.pack("!BBH", flags | 0x10, kind, len(value)) + value


def segment(kind: int, *numbers: int) -> bytes:
    return struct.pack(f"!BB{len(numbers)}I", kind, len(numbers), *numbers)


def update(nlri: bytes, *more: bytes, path: bytes = segment(2, PEER_AS)) -> bytes:
    attributes = ORIGIN + attribute(0x40, 2, path) + NEXT_HOP + b"".join(more)
    return message(2, b"\0\0" + struct.pack("!H", len(attributes)) + attributes + nlri)


def prefix(number: int) -> bytes:
    return bytes([24, 10, 77, number])


class OddPeer:
    """`odd_peer.py` on the node east, and our side on main, which calls it."""

    def __init__(self, sandbox: Sandbox, *updates: bytes, opening: bytes = opening()) -> None:
        self.main = Side(sandbox, "main", 1)
        self._log = sandbox.directory / "peer.log"
        self._updates = sandbox.directory / "updates"
        self._updates.write_text("".join(f"{each.hex()}\n" for each in updates))
        program = Path(__file__).with_name("odd_peer.py")
        words = "--local", "172.16.0.2", "--open", opening.hex(), "--file", str(self._updates)
        sandbox.start("east", self._log.name, sys.executable, str(program), *words)

    def send(self, *updates: bytes) -> None:
        """In this session and each one after it."""
        with self._updates.open("a") as file:
            file.writelines(f"{each.hex()}\n" for each in updates)

    def notifications(self) -> set[tuple[int, int]]:
        """What it was refused with."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        bodies = [bytes.fromhex(line["octets"]) for line in lines if line.get("type") == 3]
        return {(body[0], body[1]) for body in bodies}


def test_odd_attributes_end_no_session(sandbox: Sandbox) -> None:
    communities = b"".join(struct.pack("!HH", *each) for each in ((65535, 65281), (65535, 666)))
    communities += b"".join(struct.pack("!HH", 1, n) for n in range(800))
    extended = bytes.fromhex("0002fde900000001800600000000000043000000000000ff")
    aggregated = attribute(0xC0, 7, bytes(8)), attribute(0x40, 6, b"")
    odd = [
        update(prefix(1), path=segment(2, PEER_AS) + segment(1, 1, 2, 3)),
        update(prefix(2), path=b"".join(segment(2, PEER_AS, *range(100, 350)) for _ in range(3))),
        update(prefix(3), attribute(0xC0, 8, communities)),
        update(prefix(4), attribute(0xC0, 16, extended)),
        update(prefix(5), attribute(0xC0, 32, struct.pack("!III", 4200000000, 1, 2) * 30)),
        update(prefix(6), attribute(0xC0, 200, b"?" * 1000), attribute(0xE0, 201, b"")),
        update(prefix(7), attribute(0x80, 4, b"\xff" * 4), *aggregated),
        update(prefix(8), attribute(0x80, 9, bytes(4)), attribute(0x80, 10, bytes(8))),  # an iBGP thing
        # What is malformed is withdrawn, and the session goes on (RFC 7606).
        update(prefix(99), attribute(0xC0, 8, b"12345")),
        # Bits behind the length mean nothing (RFC 4271 section 4.3).
        update(b"\x14\x0a\x4e\xff"),
    ]
    expected = [*(f"10.77.{n}.0/24" for n in range(1, 9)), "10.78.240.0/20"]

    async def story() -> None:
        peer = OddPeer(sandbox, *odd)
        seen = await peer.main.settle(peer.main.intent(1), lambda seen: prefixes(seen) == expected)
        assert [session.flaps for session in seen.sessions] == [0]
        assert peer.notifications() == set()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        pytest.param(b"\0" * 16 + message(4)[16:], (1, 1), id="marker"),
        pytest.param(MARKER + b"\0\x02\x02", (1, 2), id="length"),
        pytest.param(message(4, b"x"), (1, 2), id="keepalive with a body"),
    ],
)
def test_a_broken_header_is_refused_in_words_and_not_taken_for_a_restart(
    sandbox: Sandbox, broken: bytes, code: tuple[int, int]
) -> None:
    async def story() -> None:
        peer = OddPeer(sandbox, update(prefix(1)))
        intent = peer.main.intent(1)
        await peer.main.settle(intent, lambda seen: prefixes(seen) == ["10.77.1.0/24"])
        peer.send(broken)

        def refused(seen: SpeakerObservation) -> bool:
            errors = {session.last_error for session in seen.sessions}
            # A NOTIFICATION can be lost to a reset of TCP; it comes again with the next session.
            return errors == {f"notification sent {_spelled(code)}"} and peer.notifications() == {code}

        await peer.main.settle(intent, refused)
        assert "Traceback" not in (sandbox.directory / "main.log").read_text()

    asyncio.run(story())


def test_the_right_number_in_two_octets_and_another_in_four_is_another_as(sandbox: Sandbox) -> None:
    async def story() -> None:
        peer = OddPeer(sandbox, update(prefix(1)), opening=opening(asn4=4200000001))

        def refused(seen: SpeakerObservation) -> bool:
            return any(session.last_error == "notification sent (2,2)" for session in seen.sessions)

        seen = await peer.main.settle(peer.main.intent(1), refused)
        assert prefixes(seen) == []

    asyncio.run(story())


def _spelled(code: tuple[int, int]) -> str:
    return f"({code[0]},{code[1]})"
