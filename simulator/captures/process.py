"""The capturing process: runs in the sandbox, looks at interfaces of several nodes, writes one capture.

It ends when told (SIGTERM, SIGINT, end of its standard input), when its reader is gone, or after so many
seconds or packets; every packet that passed before is in the file then.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.captures.outputs import Files, Output, ReaderGoneError, Stream
from simulator.captures.pcapng import Block, Packet, Section
from simulator.captures.points import Point
from simulator.captures.tap import Tap

PACE_MS = 5
"""After packets came, rest so long: one waking for many packets. Stamps are the kernel's and lose nothing."""
AGAIN_MS = 200
"""How often an interface that is not there is looked for."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to capture. `directory`: where the files go, or "" for standard output.

    `limit` bytes in `files` files (0: one file without limit); `seconds` and `count` 0: without end.
    """

    lab: str
    points: tuple[Point, ...]
    directory: str = ""
    limit: int = 0
    files: int = 1
    seconds: float = 0.0
    count: int = 0
    snaplen: int = 262144


def offset_ns() -> int:
    """CLOCK_REALTIME minus CLOCK_MONOTONIC, now: what joins capture and timeline."""
    before = time.monotonic_ns()
    real = time.time_ns()
    return real - (before + time.monotonic_ns()) // 2


def head(spec: Spec) -> tuple[Block, ...]:
    """How each file begins."""
    comment = (
        f"lab {spec.lab}. Times are CLOCK_REALTIME; subtract realtime-minus-monotonic-ns={offset_ns()} "
        "to get those of the lab's timeline."
    )
    return Section(comment, "cellnet lab capture"), *(point.interface for point in spec.points)


class Capturer:
    """Taps, an output and the reasons to end."""

    def __init__(self, spec: Spec, leash: int | None) -> None:
        """`leash` is a descriptor whose end ends the capture."""
        self._spec = spec
        self._stopped, stop = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os.write(stop, b"."))
        self._ends = select.poll()
        self._ends.register(self._stopped, select.POLLIN)
        if leash is not None:
            self._ends.register(leash, select.POLLIN)
        self._taps = [Tap(point, number, spec.snaplen) for number, point in enumerate(spec.points)]
        self._any = select.poll()
        for tap in self._taps:
            self._any.register(tap, select.POLLIN)
        self._any.register(self._stopped, select.POLLIN)
        if leash is not None:
            self._any.register(leash, select.POLLIN)
        self._output = self._open()
        self._deadline = time.monotonic() + spec.seconds if spec.seconds else None
        self._held: list[Packet] = []
        self._written = 0

    def _open(self) -> Output:
        def beginning() -> Sequence[Block]:
            return head(self._spec)

        if self._spec.directory:
            return Files(Path(self._spec.directory), beginning, self._spec.limit, self._spec.files)
        stream = Stream(sys.stdout.fileno(), beginning, lambda: bool(self._ends.poll(0)))
        if stream.has_reader:
            for poll in (self._ends, self._any):
                poll.register(stream.descriptor, 0)  # tells only that the reader is gone
        return stream

    def run(self) -> int:
        """Capture to the end; returns how many packets were written."""
        for tap in self._taps:
            if not tap.present:
                where = f"{tap.point.node}:{tap.point.device}"
                print(f"waiting for {where}: it is down, or not there yet", file=sys.stderr, flush=True)
        try:
            self._until_ended()
            self._write(self._arrived(everything=True))
            now = time.time_ns()
            self._output.close([tap.statistics(now) for tap in self._taps])
        except ReaderGoneError:
            pass
        return self._written

    def _until_ended(self) -> None:
        while True:
            self._any.poll(self._patience())
            if self._ends.poll(0) or (self._deadline is not None and time.monotonic() >= self._deadline):
                return
            for tap in self._taps:
                tap.look_again()
            arrived = self._arrived()
            self._write(arrived)
            if self._spec.count and self._written >= self._spec.count:
                return
            if (arrived or self._held) and self._ends.poll(PACE_MS):
                return

    def _patience(self) -> float | None:
        """How long to wait for packets, in milliseconds; None: for ever."""
        waits: list[float] = []
        if self._held:
            waits.append(0)
        if not all(tap.present for tap in self._taps):
            waits.append(AGAIN_MS)
        if self._deadline is not None:
            waits.append(max(0.0, self._deadline - time.monotonic()) * 1000)
        return min(waits, default=None)

    def _arrived(self, *, everything: bool = False) -> list[Packet]:
        """What has come, in order of time over all interfaces.

        A packet that came while others were being read waits for the next round: an earlier one may still be
        in a socket that was read before.
        """
        began = time.time_ns()
        fresh = [packet for tap in self._taps for packet in tap.drain()]
        ready = self._held + [packet for packet in fresh if everything or packet.time_ns <= began]
        self._held = [packet for packet in fresh if not everything and packet.time_ns > began]
        ready.sort(key=lambda packet: packet.time_ns)
        return ready

    def _write(self, packets: list[Packet]) -> None:
        if self._spec.count:
            packets = packets[: self._spec.count - self._written]
        if packets:
            self._output.write(packets)
            self._written += len(packets)
