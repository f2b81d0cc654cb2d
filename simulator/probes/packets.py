"""The probe packet: who sent it, its place in the flow, when it left. Pure.

Big-endian: magic (4), run (4), flow (2), zero (2), sequence number (4), send time in nanoseconds of
CLOCK_MONOTONIC (8); zeros up to the flow's size. Every namespace of a machine has the same CLOCK_MONOTONIC.
"""

from __future__ import annotations

import struct

MAGIC = 0xCE11C0DE
HEADER = struct.Struct("!IIHH")
BODY = struct.Struct("!IQ")
BODY_AT = HEADER.size
SHORTEST = HEADER.size + BODY.size


def template(run: int, flow: int, size: int) -> bytearray:
    """A packet of that flow; `BODY.pack_into(packet, BODY_AT, sequence, time)` completes it."""
    packet = bytearray(max(size, SHORTEST))
    HEADER.pack_into(packet, 0, MAGIC, run, flow, 0)
    return packet


def prefix(run: int, flow: int) -> bytes:
    """What every packet of that flow starts with; anything else that arrives is a stranger's."""
    return HEADER.pack(MAGIC, run, flow, 0)
