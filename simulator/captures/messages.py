"""BGP and OpenFlow messages by name, out of captured frames. Only headers are read.

Sources: RFC 4271 section 4.1 (BGP header), OpenFlow 1.3.5 section 7.1 (ofp_header, ofp_type) and its
experimenter message for bundles (ONF extension 230).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from simulator.captures import segments
from simulator.captures.frames import Frame
from simulator.captures.pcapng import Direction
from simulator.captures.points import BGP_PORT, OPENFLOW_PORT
from simulator.captures.segments import Segment, Stream

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
UNREADABLE = "UNREADABLE"
"""Bytes that are no message: the capture began in the middle of one, or lacks a part."""
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

    @property
    def end_of_rib(self) -> bool:
        """An UPDATE that changes nothing: it says that all routes were told (RFC 4724 section 2)."""
        # Nothing withdrawn and no attributes; or one attribute, MP_UNREACH_NLRI with a family and no routes.
        body = self.data[_BGP_HEADER:]
        return self.kind == "UPDATE" and (
            body == bytes(4) or (len(body) in (10, 11) and body[5:6] == b"\x0f" and body[:2] == bytes(2))
        )

    @property
    def what(self) -> str:
        """In words, without the time."""
        way = "left" if self.direction is Direction.OUT else "arrived at"
        text = f"{self.channel} {self.kind} of {len(self.data)} bytes {way} {self.interface}"
        return f"{text} ({self.source} > {self.destination})"

    def __str__(self) -> str:
        return f"{self.t:.3f} {self.what}"


@dataclass(slots=True)
class _Conversation:
    """One direction of a connection at one interface."""

    channel: str
    interface: str
    source: str
    destination: str
    stream: Stream = field(default_factory=Stream)
    rest: bytes = b""

    def feed(self, frame: Frame, segment: Segment) -> Iterator[Message]:
        payload, fresh = self.stream.feed(segment)
        yield from self._cut(frame, payload, fresh=fresh)

    def end(self, frame: Frame) -> Iterator[Message]:
        """What lies behind gaps that nothing filled; `frame` was the last one."""
        for payload in self.stream.behind_gaps():
            yield from self._cut(frame, payload, fresh=True)

    def _cut(self, frame: Frame, payload: bytes, *, fresh: bool) -> Iterator[Message]:
        lost = self.rest if fresh and payload else b""
        if fresh:
            self.rest = b""
        cut = _cut_bgp if self.channel == "bgp" else _cut_openflow
        found, self.rest = cut(self.rest + payload)
        ends = self.source, self.destination
        for kind, data in [(UNREADABLE, lost), *found] if lost else found:
            yield Message(frame.t, self.channel, kind, self.interface, frame.direction, *ends, data)


def read(frames: Iterable[Frame]) -> Iterator[Message]:
    """The messages of both channels in these frames, in order; other traffic is passed over.

    The same message is there once for each interface that saw it. What cannot be read is there as UNREADABLE.
    """
    conversations: dict[tuple[object, ...], tuple[_Conversation, Frame]] = {}
    for frame in frames:
        segment = segments.parse(frame.data)
        channel = _channel(segment)
        if segment is None or channel is None:
            continue
        ends = segment.source, segment.source_port, segment.destination, segment.destination_port
        known = conversations.get((frame.interface, *ends))
        conversation = (
            known[0]
            if known
            else _Conversation(channel, frame.interface, _socket(*ends[:2]), _socket(*ends[2:]))
        )
        conversations[frame.interface, *ends] = conversation, frame
        yield from conversation.feed(frame, segment)
    for conversation, last in conversations.values():
        yield from conversation.end(last)


def _channel(segment: Segment | None) -> str | None:
    ports = {segment.source_port, segment.destination_port} if segment else set()
    return "bgp" if BGP_PORT in ports else "openflow" if OPENFLOW_PORT in ports else None


def _socket(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _cut_bgp(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """(name, bytes) of each complete message, and what is left over."""
    found: list[tuple[str, bytes]] = []
    while len(data) >= _BGP_HEADER:
        length, kind = struct.unpack_from("!HB", data, 16)
        if data[:16] != _MARKER or length < _BGP_HEADER:
            # Joined in the middle; the last bytes may be the beginning of the next marker.
            start = data.find(_MARKER, 1)
            start = len(data) - 15 if start < 0 else start
            found.append((UNREADABLE, data[:start]))
            data = data[start:]
            continue
        if length > len(data):
            break
        found.append((BGP.get(kind, f"TYPE-{kind}"), data[:length]))
        data = data[length:]
    return found, data


def _cut_openflow(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """(name, bytes) of each complete message, and what is left over."""
    found: list[tuple[str, bytes]] = []
    while len(data) >= _OPENFLOW_HEADER:
        version, kind, length = struct.unpack_from("!BBH", data)
        if not 1 <= version <= 6 or kind > 35 or length < _OPENFLOW_HEADER:
            # Joined in the middle of a message: one begins with a later segment.
            found.append((UNREADABLE, data))
            return found, b""
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
