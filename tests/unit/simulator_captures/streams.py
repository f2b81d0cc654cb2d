"""Frames of made-up conversations, built with scapy."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether

from simulator.captures.frames import Frame
from simulator.captures.pcapng import Direction

KEEPALIVE = b"\xff" * 16 + struct.pack("!HB", 19, 4)
END_OF_RIB = b"\xff" * 16 + struct.pack("!HB", 23, 2) + bytes(4)
END_OF_RIB_V6 = b"\xff" * 16 + struct.pack("!HB", 30, 2) + bytes.fromhex("00000007900f0003000201")
ATTRIBUTES = bytes.fromhex("4001010040020602010000fde9400304ac100001")
UPDATE = (
    b"\xff" * 16 + struct.pack("!HBHH", 47, 2, 0, len(ATTRIBUTES)) + ATTRIBUTES + bytes.fromhex("180a0001")
)


def openflow(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBHI", 4, kind, 8 + len(body), 7) + body


ECHO, FLOW_MOD, GROUP_MOD = openflow(2), openflow(14, bytes(48)), openflow(15, bytes(8))
BUNDLE_ADD = openflow(4, struct.pack("!II", 0x4F4E4600, 2301) + bytes(8) + FLOW_MOD)


def frame(
    payload: bytes,
    sequence: int = 1,
    *,
    port: int = 179,
    flags: str = "A",
    t: float = 0.0,
    interface: str = "main-gw1:ip-wan1",
    direction: Direction = Direction.OUT,
    six: bool = False,
    tag: bool = False,
) -> Frame:
    network = IPv6(src="fd00::1", dst="fd00::2") if six else IP(src="172.16.0.1", dst="172.16.0.2")
    link = Ether() / Dot1Q(vlan=5) if tag else Ether()
    packet = link / network / TCP(sport=40000, dport=port, seq=sequence % 2**32, flags=flags) / payload
    data = bytes(packet).ljust(60, b"\0")  # short frames are filled up on their way
    node, _, device = interface.partition(":")
    return Frame(t, int(t * 1e9), node, device, direction, data, len(data))


def cut(stream: bytes, places: Sequence[int], first: int) -> list[tuple[int, bytes]]:
    """(sequence number, bytes) of a stream that is cut at these places."""
    ends = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [(first + a, stream[a:b]) for a, b in pairwise(ends) if a < b]
