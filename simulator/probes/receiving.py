"""One flow's receiver: which packets came and when the kernel got them, and how many it had to throw away."""

from __future__ import annotations

import socket
import struct
from array import array
from time import monotonic_ns, time_ns

from simulator.probes.flows import Flow
from simulator.probes.packets import BODY, BODY_AT, SHORTEST, prefix

RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes asked for; the kernel gives at most net.core.rmem_max. A packet takes about 770 of them."""

# linux/socket.h and asm-generic/socket.h; the socket module has no names for them.
_SO_TIMESTAMPNS = 35
_SO_MEMINFO = 55
_MEMINFO_DROPS = 8
_TIMESPEC = struct.Struct("@qq")


class Receiver:
    """Receives one flow. Bound as soon as it is made; `drain` is called every few milliseconds."""

    def __init__(self, run: int, number: int, flow: Flow) -> None:
        self.flow = flow
        self.number = number
        self.received = 0
        self.strangers = 0
        self.sequence: array[int] = array("I")
        self.times: array[int] = array("q")
        """Arrivals not written down yet."""
        self._prefix = prefix(run, number)
        family = socket.AF_INET6 if flow.family == 6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        # Arrival is when the kernel took the packet, not when this process got round to it.
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((flow.destination, flow.port))
        self._room = socket.CMSG_SPACE(_TIMESPEC.size)

    @property
    def drops(self) -> int:
        """Packets that reached this socket and found it full: lost by the harness, not by the network."""
        sizes = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_MEMINFO_DROPS + 1))
        drops: int = struct.unpack_from("=I", sizes, 4 * _MEMINFO_DROPS)[0]
        return drops

    def drain(self) -> None:
        """Take everything that has arrived."""
        to_monotonic = monotonic_ns() - time_ns()
        receive, room, start = self._socket.recvmsg, self._room, self._prefix
        while True:
            try:
                data, ancillary, _, _ = receive(2048, room)
            except BlockingIOError:
                return
            if len(data) < SHORTEST or not data.startswith(start):
                self.strangers += 1
                continue
            if ancillary:
                seconds, nanoseconds = _TIMESPEC.unpack_from(ancillary[0][2])
                arrived = seconds * 1_000_000_000 + nanoseconds + to_monotonic
            else:
                arrived = monotonic_ns()
            self.sequence.append(BODY.unpack_from(data, BODY_AT)[0])
            self.times.append(arrived)
            self.received += 1
