"""What a probe process wrote down, as a file of blocks that may be read while it grows. Bytes in, values out.

A block: magic "cprb" (4), kind (2), flow (2), count (4), little-endian; then for SENT `count` send times
(int64, nanoseconds of CLOCK_MONOTONIC) of consecutive sequence numbers, for RECEIVED `count` sequence numbers
(uint32) and then `count` arrival times (int64). 8 bytes a packet sent, 12 a packet received.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from typing import Literal

_HEAD = struct.Struct("<4sHHI")
_MAGIC = b"cprb"
SENT: Literal[1] = 1
RECEIVED: Literal[2] = 2

assert sys.byteorder == "little", "the records are written as the machine has them in memory"
assert array("I").itemsize == 4


@dataclass(frozen=True, slots=True)
class Block:
    """`sequence` is empty in a SENT block: there it goes on where the flow's last block ended."""

    kind: int
    flow: int
    times: array[int]
    sequence: array[int]


class RecordError(ValueError):
    """Bytes that no probe process wrote."""


def encode_sent(flow: int, times: array[int]) -> bytes:
    """A SENT block."""
    return _HEAD.pack(_MAGIC, SENT, flow, len(times)) + times.tobytes()


def encode_received(flow: int, sequence: array[int], times: array[int]) -> bytes:
    """A RECEIVED block."""
    return _HEAD.pack(_MAGIC, RECEIVED, flow, len(times)) + sequence.tobytes() + times.tobytes()


def decode(data: bytes) -> tuple[list[Block], int]:
    """The complete blocks at the start of `data`, and how many bytes they took. Raises RecordError."""
    blocks: list[Block] = []
    at = 0
    while at + _HEAD.size <= len(data):
        magic, kind, flow, count = _HEAD.unpack_from(data, at)
        if magic != _MAGIC or kind not in (SENT, RECEIVED):
            raise RecordError(f"byte {at}: not a block of probe records")
        numbers = 4 * count if kind == RECEIVED else 0
        end = at + _HEAD.size + numbers + 8 * count
        if end > len(data):
            break
        middle = at + _HEAD.size + numbers
        sequence: array[int] = array("I", data[at + _HEAD.size : middle])
        times: array[int] = array("q", data[middle:end])
        blocks.append(Block(kind, flow, times, sequence))
        at = end
    return blocks, at
