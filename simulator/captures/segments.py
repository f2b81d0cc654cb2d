"""TCP payload out of frames, in order and once: as much of TCP as a passive listener needs.

Checksums are not looked at: where the kernel leaves them to hardware, a capture at the sender shows them
unset.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import ip_address

_TCP = 6
_VLAN = (0x8100, 0x88A8)
_SYN = 0x02
_MOST_PENDING = 64
"""Segments kept behind a gap; with more, the gap is given up (the capture itself lost a frame)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    sequence: int
    syn: bool
    payload: bytes


def parse(frame: bytes) -> Segment | None:
    """The TCP segment of an Ethernet frame over IPv4 or IPv6; None for anything else, and for fragments."""
    try:
        return _parse(frame)
    except (struct.error, IndexError, ValueError):
        return None


def _parse(frame: bytes) -> Segment | None:
    kind, place = struct.unpack_from("!H", frame, 12)[0], 14
    while kind in _VLAN:
        kind, place = struct.unpack_from("!H", frame, place + 2)[0], place + 4
    if kind == 0x0800:
        total, fragment, protocol = struct.unpack_from("!2xH2xHxB", frame, place)
        addresses, tcp, end = frame[place + 12 : place + 20], place + (frame[place] & 15) * 4, place + total
        if fragment & 0x3FFF:
            return None
    elif kind == 0x86DD:
        size, protocol = struct.unpack_from("!4xHB", frame, place)
        addresses, tcp, end = frame[place + 8 : place + 40], place + 40, place + 40 + size
    else:
        return None
    if protocol != _TCP:
        return None
    source_port, destination_port, sequence, offset, flags = struct.unpack_from("!HHI4xBB", frame, tcp)
    half = len(addresses) // 2
    return Segment(
        str(ip_address(addresses[:half])),
        source_port,
        str(ip_address(addresses[half:])),
        destination_port,
        sequence,
        bool(flags & _SYN),
        frame[tcp + (offset >> 4) * 4 : end],
    )


@dataclass(slots=True)
class Stream:
    """One direction of a connection. Repetitions are left out, segments behind a gap wait for it to fill."""

    _next: int | None = None
    _pending: dict[int, bytes] = field(default_factory=dict)

    def feed(self, segment: Segment) -> tuple[bytes, bool]:
        """The payload that is now in order, and whether it does not follow what came before.

        A stream that is joined in the middle does not, nor does one that begins anew or has a hole.
        """
        fresh = False
        if segment.syn:
            self._next = (segment.sequence + 1) % (1 << 32)
            self._pending.clear()
            return b"", True
        if not segment.payload:
            return b"", False
        if self._next is None:
            self._next, fresh = segment.sequence, True
        self._pending[segment.sequence] = segment.payload
        if len(self._pending) > _MOST_PENDING:
            self._next, fresh = min(self._pending, key=self._distance), True
        return self._in_order(), fresh

    def behind_gaps(self) -> list[bytes]:
        """At the end: what was never reached, each piece the beginning of something."""
        pieces = []
        while self._pending:
            self._next = min(self._pending, key=self._distance)
            pieces.append(self._in_order())
        return pieces

    def _in_order(self) -> bytes:
        whole = b""
        for sequence in sorted(self._pending, key=self._distance):
            ahead = self._distance(sequence)
            if ahead > 0:
                break
            new = self._pending.pop(sequence)[-ahead:]
            whole += new
            self._next = ((self._next or 0) + len(new)) % (1 << 32)
        return whole

    def _distance(self, sequence: int) -> int:
        """How far ahead of what is expected; negative: it was there before."""
        return (sequence - (self._next or 0) + (1 << 31)) % (1 << 32) - (1 << 31)
