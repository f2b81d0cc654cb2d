"""The pcapng file format as pure functions: the four blocks that captures need, written and read.

Source: IETF draft-ietf-opsawg-pcapng. Little-endian, nanosecond stamps. A library's writer is not used
because none at hand writes names and filters of interfaces, directions, nanoseconds and drop counters.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

SECTION_HEADER = 0x0A0D0D0A
INTERFACE_DESCRIPTION = 1
INTERFACE_STATISTICS = 5
ENHANCED_PACKET = 6

LINKTYPE_ETHERNET = 1
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_NANOSECONDS = b"\x09"
_LONGEST_BLOCK = 16 << 20


class PcapngError(ValueError):
    """Not a pcapng file of the kind that this module writes."""


class Direction(IntEnum):
    """As seen from the interface: `IN` arrived there, `OUT` left there (epb_flags, bits 0 and 1)."""

    UNKNOWN = 0
    IN = 1
    OUT = 2


class Reception(IntEnum):
    """To whom the frame was addressed (epb_flags, bits 2 to 4). OTHER: to somebody else's MAC."""

    UNSPECIFIED = 0
    UNICAST = 1
    MULTICAST = 2
    BROADCAST = 3
    OTHER = 4


@dataclass(frozen=True, slots=True)
class Section:
    """The head of a file. `comment` is free text."""

    comment: str = ""
    application: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """One place where packets are seen. `filter` is the expression in force there, if any."""

    name: str
    description: str = ""
    filter: str = ""
    snaplen: int = 262144


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame. `time_ns` is CLOCK_REALTIME; `length` is the frame's own, `data` may be cut short."""

    interface: int
    time_ns: int
    data: bytes
    length: int
    direction: Direction = Direction.UNKNOWN
    reception: Reception = Reception.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an interface saw in all. `dropped` frames passed the filter and found no room."""

    interface: int
    time_ns: int
    received: int
    dropped: int
    comment: str = ""


Block = Section | Interface | Packet | Statistics


# --- writing ----------------------------------------------------------------------------------------------


def render(block: Block) -> bytes:
    """The bytes of one block."""
    match block:
        case Section():
            fixed = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1)
            return _block(SECTION_HEADER, fixed + _options((1, block.comment), (4, block.application)))
        case Interface():
            fixed = struct.pack("<HHI", LINKTYPE_ETHERNET, 0, block.snaplen)
            # An expression is told by a leading 0 (the other kind is BPF code).
            expression = f"\0{block.filter}" if block.filter else ""
            named = ((2, block.name), (3, block.description), (9, _NANOSECONDS), (11, expression))
            return _block(INTERFACE_DESCRIPTION, fixed + _options(*named))
        case Packet():
            high, low = divmod(block.time_ns, 1 << 32)
            fixed = struct.pack("<IIIII", block.interface, high, low, len(block.data), block.length)
            flags = struct.pack("<I", block.direction | block.reception << 2)
            return _block(ENHANCED_PACKET, fixed + _padded(block.data) + _options((2, flags)))
        case Statistics():
            high, low = divmod(block.time_ns, 1 << 32)
            counted = (4, struct.pack("<Q", block.received)), (5, struct.pack("<Q", block.dropped))
            fixed = struct.pack("<III", block.interface, high, low)
            return _block(INTERFACE_STATISTICS, fixed + _options((1, block.comment), *counted))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, str | bytes]) -> bytes:
    """Empty values are left out."""
    rendered = b""
    for code, value in options:
        data = value.encode()[:65535] if isinstance(value, str) else value
        if data:
            rendered += struct.pack("<HH", code, len(data)) + _padded(data)
    return rendered + bytes(4) if rendered else b""


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


# --- reading ----------------------------------------------------------------------------------------------


def parse(data: bytes) -> Iterator[Block]:
    """The blocks of a file that `render` wrote, in order; unknown kinds of blocks are passed over.

    A last block that is not complete ends the reading: the file is still being written. Raises PcapngError
    for anything else that is wrong.
    """
    view = memoryview(data)
    if len(view) >= 12 and struct.unpack_from("<I4xI", view) != (SECTION_HEADER, _BYTE_ORDER_MAGIC):
        raise PcapngError("this is no little-endian pcapng file")
    place = 0
    while place + 12 <= len(view):
        kind, size = struct.unpack_from("<II", view, place)
        if size % 4 or not 12 <= size <= _LONGEST_BLOCK:
            raise PcapngError(f"byte {place}: a block of {size} bytes cannot be")
        if place + size > len(view):
            return
        if struct.unpack_from("<I", view, place + size - 4)[0] != size:
            raise PcapngError(f"byte {place}: the two sizes of a block differ")
        try:
            block = _parse_block(kind, bytes(view[place + 8 : place + size - 4]))
        except struct.error as error:
            raise PcapngError(f"byte {place}: a block of kind {kind} is too short") from error
        if block is not None:
            yield block
        place += size


def _parse_block(kind: int, body: bytes) -> Block | None:
    if kind == SECTION_HEADER:
        options = _parse_options(body[16:])
        return Section(_text(options, 1), _text(options, 4))
    if kind == INTERFACE_DESCRIPTION:
        options = _parse_options(body[8:])
        snaplen = struct.unpack_from("<4xI", body)[0]
        return Interface(_text(options, 2), _text(options, 3), _text(options, 11)[1:], snaplen)
    if kind == ENHANCED_PACKET:
        interface, high, low, kept, length = struct.unpack_from("<IIIII", body)
        options = _parse_options(body[20 + kept + -kept % 4 :])
        flags = int.from_bytes(options.get(2, b""), "little")
        data = body[20 : 20 + kept]
        way = Direction(flags & 3), Reception(flags >> 2 & 7)
        return Packet(interface, high << 32 | low, data, length, *way)
    if kind == INTERFACE_STATISTICS:
        interface, high, low = struct.unpack_from("<III", body)
        options = _parse_options(body[12:])
        received, dropped = (int.from_bytes(options.get(code, b""), "little") for code in (4, 5))
        return Statistics(interface, high << 32 | low, received, dropped, _text(options, 1))
    return None


def _parse_options(data: bytes) -> dict[int, bytes]:
    found = {}
    place = 0
    while place + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, place)
        if code == 0:
            break
        found[code] = data[place + 4 : place + 4 + length]
        place += 4 + length + -length % 4
    return found


def _text(options: dict[int, bytes], code: int) -> str:
    return options.get(code, b"").decode(errors="replace")
