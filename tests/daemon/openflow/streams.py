"""Traffic between the two hosts: a numbered stream, and whether anything passes at all."""

from __future__ import annotations

import socket
import struct
import threading
import time

from tests.daemon.openflow.world import World, host4, host6, until

STRAGGLERS = 2.0
"""Seconds in which packets may still come after the last one was sent."""
_SO_MEMINFO = 55  # asm-generic/socket.h; the ninth number counts what found the socket full


class Stream:
    """Numbered UDP packets from one host to the other, a thousand a second, IPv4 or IPv6.

    What a socket had no room for, because the machine did not let its reader work, is nobody's loss.
    """

    def __init__(self, world: World, version: int = 4, source: int = 1) -> None:
        self._gateways = world.gateways
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        target = 3 - source
        self._target = (host4(target) if version == 4 else host6(target), 9000 + source)
        self.sender = world.hosts[source - 1].socket(family, socket.SOCK_DGRAM)
        self._receiver = world.hosts[target - 1].socket(family, socket.SOCK_DGRAM)
        self._receiver.bind(("::" if version == 6 else "0.0.0.0", 9000 + source))
        self._receiver.settimeout(0.1)
        self.sent = self.overflowed = self._before = 0
        self.received: set[int] = set()
        self._stop, self._all_sent = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Stream:
        self._before = self._late()
        self._threads = [threading.Thread(target=work) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        sender, receiver = self._threads
        self._stop.set()
        sender.join()
        self._all_sent.set()
        receiver.join()
        self.overflowed = self._late() - self._before
        if self.overflowed:
            print(f"this machine was too busy to take {self.overflowed} packets")

    @property
    def lost(self) -> int:
        """Packets that went astray; to be asked when the stream is over."""
        return max(0, self.sent - len(self.received) - self.overflowed)

    def _late(self) -> int:
        """Packets that found a socket full, up to now."""
        sizes = self._receiver.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
        ours: int = struct.unpack_from("=I", sizes, 32)[0]
        return ours + sum(gateway.overflowed() for gateway in self._gateways)

    def _send(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            self.sender.sendto(self.sent.to_bytes(4), self._target)
            self.sent += 1
            # What was held up goes on from there: a long burst would fill queues and be lost in them.
            due = max(due + 0.001, time.monotonic() - 0.02)
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self) -> None:
        """Until all is there, or nothing has come for a while after the last one was sent."""
        last = time.monotonic()
        while True:
            try:
                self.received.add(int.from_bytes(self._receiver.recv(64)[:4]))
                last = time.monotonic()
            except TimeoutError:
                complete = self._all_sent.is_set() and len(self.received) >= self.sent
                late = self._all_sent.is_set() and time.monotonic() > last + STRAGGLERS
                if complete or late:
                    return


def settle(seconds: float) -> None:
    """Let a running stream run; nothing waits for this to be long enough."""
    time.sleep(seconds)


def passes(world: World, version: int, source: int = 1) -> bool:
    """Whether a packet from one host reaches the other."""
    with Stream(world, version, source) as stream:
        try:
            until(lambda: stream.received)
        except AssertionError:
            return False
    return True


def blocked(world: World, version: int, source: int = 1) -> bool:
    """Whether no packet of a second's stream from one host reaches the other."""
    with Stream(world, version, source) as stream:
        settle(1.0)
    return not stream.received
