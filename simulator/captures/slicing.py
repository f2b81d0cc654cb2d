"""A stretch of time cut out of a capture, as a file of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from simulator.captures import frames, pcapng
from simulator.captures.errors import CaptureError
from simulator.captures.pcapng import Block, Packet, Section, Statistics


def cut(files: Iterable[Path], since_s: float, target: Path) -> int:
    """Write the packets from `since_s` on (CLOCK_MONOTONIC) to `target`; returns how many there are.

    `files` are those of one capture, oldest first; one that a ring let go of meanwhile is passed over.
    Without packets no file is written. Raises CaptureError for a file that is none of ours, OSError.
    """
    head: list[Block] = []
    packets: list[Packet] = []
    for path in files:
        first: list[Block] = []
        offset = 0
        for block in frames.blocks(path):
            if isinstance(block, Packet):
                if block.time_ns - offset >= since_s * 1e9:
                    packets.append(block)
            elif not isinstance(block, Statistics):
                offset = frames.offset_of(block, path) if isinstance(block, Section) else offset
                first.append(block)
        if head and first and first[1:] != head[1:]:
            raise CaptureError(f"{path} is of another capture than the files before it")
        head = head or first
    if packets:
        target.write_bytes(b"".join(map(pcapng.render, (*head, *packets))))
    return len(packets)
