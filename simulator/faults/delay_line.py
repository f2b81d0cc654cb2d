"""Delays frames without netem: what an interface sends goes to a tap, waits here, and is sent on, in order.

    python -I -S delay_line.py --interface wan1 --tap dly0 --milliseconds 50 [--jitter-ms 5] --journal FILE

The clsact egress filter of the interface, which is not this program's, redirects to the tap. The kernel cuts
large segments and fills in checksums before a frame enters the tap, because a tap can do neither. Frames are
sent on past the egress hooks and queues of the interface (packet(7), PACKET_QDISC_BYPASS): none is delayed,
or dropped by a rule, twice. A capture on that interface does not see them, one at the other end does.

Limits: one thread, so some 10,000 frames a second; `--limit` frames wait at most, the rest is dropped and
counted; a frame is never early, and late by as much as the machine lets this program wait. Counters go to the
journal at the end, and once a second while frames are dropped. While no such program reads the tap, nothing
passes the interface: it must be supervised. Runs as a plain file: the standard library only.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import random
import select
import signal
import socket
import struct
import time
from collections import deque
from pathlib import Path
from types import FrameType

_TUNSETIFF = 0x400454CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_SOL_PACKET = 263
_PACKET_QDISC_BYPASS = 20
_PR_SET_TIMERSLACK = 29
_LARGEST = 65536
_AT_ONCE = 64
"""Frames read before due ones are looked at again."""
TOLD_EVERY = 1.0


class Line:
    """The queue and its two ends."""

    def __init__(self, tap: int, out: socket.socket, settings: argparse.Namespace) -> None:
        self._tap = tap
        self._out = out
        self._delay = settings.milliseconds / 1000
        self._jitter = settings.jitter_ms / 1000
        self._limit = settings.limit
        self._journal: Path | None = settings.journal
        self._queue: deque[tuple[float, bytes]] = deque()
        self._last_due = 0.0
        self.ended = False
        self.taken = self.sent = self.dropped = self.unsent = 0
        self.latest = 0.0

    def run(self) -> None:
        """Until somebody sets `ended`."""
        told, told_at = 0, 0.0
        while not self.ended:
            now = time.monotonic()
            self._send_due(now)
            wait = max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else TOLD_EVERY
            readable, _, _ = select.select([self._tap], [], [], min(wait, TOLD_EVERY))
            if readable:
                self._take()
            if self.dropped > told and now - told_at >= TOLD_EVERY:
                told, told_at = self.dropped, now
                self.tell()

    def _take(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                frame = os.read(self._tap, _LARGEST)
            except BlockingIOError:
                return
            self.taken += 1
            if len(self._queue) >= self._limit:
                self.dropped += 1
                continue
            shift = random.uniform(-self._jitter, self._jitter) if self._jitter else 0.0
            self._last_due = max(self._last_due, time.monotonic() + self._delay + shift)
            self._queue.append((self._last_due, frame))

    def _send_due(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            due, frame = self._queue.popleft()
            try:
                self._out.send(frame)
            except OSError:  # the interface is down, gone or full: the frame is lost, as on a cable
                self.unsent += 1
            else:
                self.sent += 1
                self.latest = max(self.latest, now - due)

    def tell(self) -> None:
        """Write the counters into the journal, now."""
        if self._journal is None:
            return
        source = f"delay/{self._journal.stem.removeprefix('delay-')}"
        entry = {"t": round(time.monotonic(), 6), "source": source, "kind": "delay-line"}
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({**entry, "detail": self.counters()}) + "\n")

    def counters(self) -> dict[str, float]:
        """Frames: `waiting` are those that are given up when it ends here."""
        return {
            "taken": self.taken,
            "sent": self.sent,
            "dropped": self.dropped,
            "unsent": self.unsent,
            "waiting": len(self._queue),
            "latest_ms": round(self.latest * 1000, 3),
        }


def open_tap(name: str) -> int:
    """A descriptor of a tap that exists. Raises OSError."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return descriptor


def open_interface(name: str) -> socket.socket:
    """A socket that sends whole frames, past the interface's hooks and queue, and receives nothing."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
    out.bind((name, 0))
    return out


def notify(state: str) -> None:
    """Tell the supervisor (sd_notify(3)); without $NOTIFY_SOCKET nothing is sent."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)


def main() -> None:
    """Command line; see above."""
    parser = argparse.ArgumentParser(prog="delay_line", description="Delays what an interface sends.")
    parser.add_argument("--interface", required=True)
    parser.add_argument("--tap", required=True)
    parser.add_argument("--milliseconds", type=float, required=True)
    parser.add_argument("--jitter-ms", type=float, default=0.0)
    parser.add_argument("--limit", type=int, default=10_000, help="frames that wait at most")
    parser.add_argument("--journal", type=Path)
    settings = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1000, 0, 0, 0)  # nanoseconds, instead of 50,000
    line = Line(open_tap(settings.tap), open_interface(settings.interface), settings)

    def end(_number: int, _frame: FrameType | None) -> None:
        line.ended = True

    signal.signal(signal.SIGTERM, end)
    notify("READY=1")
    line.run()
    line.tell()


if __name__ == "__main__":
    main()
