"""BGP and OpenFlow messages by name, out of captured frames. Only headers are read.

Sources: RFC 4271 section 4.1 (BGP header), OpenFlow 1.3.5 section 7.1 (ofp_header, ofp_type) and its
experimenter message for bundles (ONF extension 230).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulator.captures import segments
from simulator.captures.frames import Frame
from simulator.captures.pcapng import Direction
from simulator.captures.points import BGP_PORT, OPENFLOW_PORT
from simulator.captures.segments import Stream

BGP = {1: "OPEN", 2: "UPDATE", 3: "NOTIFICATION", 4: "KEEPALIVE", 5: "ROUTE-REFRESH"}
OPENFLOW = {
    0: "HELLO", 1: "ERROR", 2: "ECHO_REQUEST", 3: "ECHO_REPLY", 4: "EXPERIMENTER", 5:
    "FEATURES_REQUEST", 6: "FEATURES_REPLY", 7: "GET_CONFIG_REQUEST", 8: "GET_CONFIG_REPLY", 9:
    "SET_CONFIG", 10: "PACKET_IN", 11: "FLOW_REMOVED", 12: "PORT_STATUS", 13: "PACKET_OUT", 14:
    "FLOW_MOD", 15: "GROUP_MOD", 16: "PORT_MOD", 17: "TABLE_MOD", 18: "MULTIPART_REQUEST", 19:
    "MULTIPART_REPLY", 20: "BARRIER_REQUEST", 21: "BARRIER_REPLY", 22: "QUEUE_GET_CONFIG_REQUEST", 23:
    "QUEUE_GET_CONFIG_REPLY", 24: "ROLE_REQUEST", 25: "ROLE_REPLY", 26: "GET_ASYNC_REQUEST", 27:
    "GET_ASYNC_REPLY", 28: "SET_ASYNC", 29: "METER_MOD",
}  # fmt: skip
BUNDLE = "BUNDLE"
"""An EXPERIMENTER message that carries or commits others in a bundle."""
_ONF = 0x4F4E4600
_BUNDLE_TYPES = (2300, 2301)
_MARKER = b"\xff" * 16
_BGP_HEADER = 19
_OPENFLOW_HEADER = 8

CHANGES = frozenset(
    {"UPDATE", "NOTIFICATION", "FLOW_MOD", "GROUP_MOD", "METER_MOD", "TABLE_MOD", "PORT_MOD", BUNDLE}
)
"""Messages that change something at the other end, or end a session."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as seen at an interface; `t` (CLOCK_MONOTONIC seconds) is that of its last frame."""

    t: float
    channel: str
    kind: str
    interface: str
    direction: Direction
    source: str
    destination: str
    data: bytes

    def __str__(self) -> str:
        way = "left" if self.direction is Direction.OUT else "arrived at"
        text = f"{self.channel} {self.kind} of {len(self.data)} bytes {way} {self.interface}"
        return f"{self.t:.3f} {text} ({self.source} > {self.destination})"


def read(frames: Iterable[Frame]) -> Iterator[Message]:
    """The messages of both channels in these frames, in order; other traffic is passed over.

    The same message is there once for each interface that saw it.
    """
    streams: dict[tuple[object, ...], tuple[Stream, bytearray]] = {}
    for frame in frames:
        segment = segments.parse(frame.data)
        if segment is None:
            continue
        ports = {segment.source_port, segment.destination_port}
        channel = "bgp" if BGP_PORT in ports else "openflow" if OPENFLOW_PORT in ports else None
        if channel is None:
            continue
        ends = segment.source, segment.source_port, segment.destination, segment.destination_port
        stream, rest = streams.setdefault((frame.interface, *ends), (Stream(), bytearray()))
        payload, fresh = stream.feed(segment)
        if fresh:
            rest.clear()
        found, left = (_cut_bgp if channel == "bgp" else _cut_openflow)(bytes(rest) + payload)
        rest[:] = left
        source, destination = _socket(*ends[:2]), _socket(*ends[2:])
        for kind, data in found:
            yield Message(frame.t, channel, kind, frame.interface, frame.direction, source, destination, data)


def _socket(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _cut_bgp(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    found: list[tuple[str, bytes]] = []
    while len(data) >= _BGP_HEADER:
        if data[:16] != _MARKER:
            start = data.find(_MARKER, 1)
            if start < 0:
                return found, data[-15:]  # joined in the middle: the next marker may have begun
            data = data[start:]
            continue
        length, kind = struct.unpack_from("!HB", data, 16)
        if length < _BGP_HEADER:
            data = data[1:]
            continue
        if length > len(data):
            break
        found.append((BGP.get(kind, f"TYPE-{kind}"), data[:length]))
        data = data[length:]
    return found, data


def _cut_openflow(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    found: list[tuple[str, bytes]] = []
    while len(data) >= _OPENFLOW_HEADER:
        version, kind, length = struct.unpack_from("!BBH", data)
        if not 1 <= version <= 6 or kind > 35 or length < _OPENFLOW_HEADER:
            return found, b""  # joined in the middle of a message: one begins with a later segment
        if length > len(data):
            break
        found.append((_openflow_kind(kind, data[:length]), data[:length]))
        data = data[length:]
    return found, data


def _openflow_kind(kind: int, message: bytes) -> str:
    name = OPENFLOW.get(kind, f"TYPE_{kind}")
    if name == "EXPERIMENTER" and len(message) >= 16:
        experimenter, subtype = struct.unpack_from("!II", message, 8)
        if experimenter == _ONF and subtype in _BUNDLE_TYPES:
            return BUNDLE
    return name
