"""Captured frames as values, with times of the lab's timeline, read from one or several capture files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from simulator.captures import pcapng
from simulator.captures.errors import CaptureError
from simulator.captures.pcapng import Direction, Interface, Packet, Section, Statistics

_OFFSET = re.compile(r"realtime-minus-monotonic-ns=(-?\d+)")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame at one interface. `t` is CLOCK_MONOTONIC seconds, `time_ns` CLOCK_REALTIME.

    `length` is the frame's own; `data` is shorter where the capture cut it.
    """

    t: float
    time_ns: int
    node: str
    device: str
    direction: Direction
    data: bytes
    length: int

    @property
    def interface(self) -> str:
        """As in the file: "main-gw1:wan1"."""
        return f"{self.node}:{self.device}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an interface saw in all, as counted by the kernel."""

    interface: Interface
    counted: Statistics


def read(files: Iterable[Path]) -> Iterator[Frame]:
    """The frames of capture files, in their order. Raises CaptureError for a file that is none of ours."""
    for path in files:
        offset, interfaces = 0, list[Interface]()
        for block in blocks(path):
            match block:
                case Section():
                    interfaces.clear()
                    offset = offset_of(block, path)
                case Interface():
                    interfaces.append(block)
                case Packet():
                    yield _frame(block, interfaces[block.interface], offset)
                case Statistics():
                    pass


def totals(path: Path) -> tuple[Seen, ...]:
    """The counters at the end of a capture; empty while it runs. Raises CaptureError."""
    interfaces, seen = list[Interface](), list[Seen]()
    for block in blocks(path):
        if isinstance(block, Interface):
            interfaces.append(block)
        elif isinstance(block, Statistics):
            seen.append(Seen(interfaces[block.interface], block))
    return tuple(seen)


def blocks(path: Path) -> Iterator[pcapng.Block]:
    """What a capture file consists of; nothing if it is gone. Raises CaptureError."""
    try:
        yield from pcapng.parse(path.read_bytes())
    except FileNotFoundError:
        return  # a ring has just let go of it
    except pcapng.PcapngError as error:
        raise CaptureError(f"{path}: {error}") from error


def offset_of(section: Section, path: Path) -> int:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC in nanoseconds, as the capture says. Raises CaptureError."""
    found = _OFFSET.search(section.comment)
    if found is None:
        raise CaptureError(
            f"{path} does not say how its times relate to the timeline: it is no cellnet capture"
        )
    return int(found[1])


def _frame(packet: Packet, interface: Interface, offset: int) -> Frame:
    node, _, device = interface.name.partition(":")
    t = (packet.time_ns - offset) / 1e9
    return Frame(t, packet.time_ns, node, device, packet.direction, packet.data, packet.length)
