"""One packet socket on one interface: what passes there, in both directions, with the kernel's stamps.

AF_PACKET taps see what a userspace Open vSwitch receives and sends on the same interface, each frame once:
what arrives before any ingress filter, what leaves after any egress filter. An interface that is down or gone
is waited for, without giving up.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import time
from dataclasses import dataclass

from simulator import namespaces
from simulator.captures import bpf
from simulator.captures.pcapng import Direction, Packet, Reception, Statistics
from simulator.captures.points import Point

_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_AUXDATA = 8
_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS_NEW = 64
_ALL_PROTOCOLS = 0x0003
_OUTGOING = 4
_VLAN_VALID = 1 << 4
_VLAN_TPID_VALID = 1 << 6
_RECEPTIONS = {
    0: Reception.UNICAST, 1: Reception.BROADCAST, 2: Reception.MULTICAST, 3: Reception.OTHER
}  # fmt: skip
_BUFFER_BYTES = 16 << 20
_LONGEST_FRAME = 262144
_GONE = (errno.ENODEV, errno.ENXIO, errno.ENETDOWN)


@dataclass(slots=True)
class Absence:
    """How long an interface could not be looked at. `since` is monotonic seconds; None: it is there now."""

    since: float | None = None
    seconds: float = 0.0

    def begin(self) -> None:
        self.since = time.monotonic() if self.since is None else self.since

    def end(self) -> None:
        if self.since is not None:
            self.seconds += time.monotonic() - self.since
            self.since = None

    def total(self) -> float:
        return self.seconds + (0.0 if self.since is None else time.monotonic() - self.since)


class Tap:
    """An open packet socket. `interface` is its number in the capture file."""

    def __init__(self, point: Point, interface: int, snaplen: int) -> None:
        self.point = point
        self._interface = interface
        self._snaplen = snaplen
        self._received = self._dropped = 0
        self._buffer = bytearray(_LONGEST_FRAME)
        self._absence = Absence()
        namespace = os.open(f"/proc/{point.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with namespaces.inside(namespace):
                # Protocol 0 receives nothing yet: the filter comes first.
                self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        finally:
            os.close(namespace)
        self._prepare()
        if not self._bound():
            self._absence.begin()

    def _prepare(self) -> None:
        self._socket.setblocking(False)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except PermissionError:  # kernels before 5.16 want the machine's own administrator
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS_NEW, 1)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        if self.point.program:
            array = ctypes.create_string_buffer(bpf.packed(self.point.program))
            described = struct.pack("@HP", len(self.point.program), ctypes.addressof(array))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def present(self) -> bool:
        """Whether the interface is there and up, as far as is known."""
        return self._absence.since is None

    def look_again(self) -> None:
        """Bind to the interface if it was not there."""
        if not self.present and self._bound():
            self._absence.end()

    def _bound(self) -> bool:
        try:
            self._socket.bind((self.point.device, _ALL_PROTOCOLS))
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return False
        # Binding to an interface that is down succeeds and leaves an error behind.
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0

    def drain(self) -> list[Packet]:
        """Everything that is waiting."""
        packets: list[Packet] = []
        while True:
            try:
                size, extra, _, address = self._socket.recvmsg_into([self._buffer], 256)
            except BlockingIOError:
                return packets
            except OSError as error:
                if error.errno not in _GONE:
                    raise
                self._absence.begin()
                continue  # what had arrived before is still there
            packets.append(self._packet(size, extra, address[2]))

    def statistics(self, time_ns: int) -> Statistics:
        """What it saw so far."""
        counted = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        received, dropped = struct.unpack("II", counted)  # since the last time they were asked for
        self._received += received
        self._dropped += dropped
        absent = self._absence.total()
        comment = f"the interface was down or absent for {absent:.3f} s" if absent > 0.001 else ""
        return Statistics(self._interface, time_ns, self._received, self._dropped, comment)

    def close(self) -> None:
        self._socket.close()

    def _packet(self, size: int, extra: list[tuple[int, int, bytes]], kind: int) -> Packet:
        data = bytes(memoryview(self._buffer)[:size])
        length, stamp = size, 0
        for level, name, value in extra:
            if level == socket.SOL_SOCKET and name == _SO_TIMESTAMPNS_NEW:
                seconds, nanoseconds = struct.unpack_from("=qq", value)
                stamp = seconds * 1_000_000_000 + nanoseconds
            elif level == _SOL_PACKET and name == _PACKET_AUXDATA:
                status, length, _, _, _, tci, tpid = struct.unpack_from("=IIIHHHH", value)
                if status & _VLAN_VALID:  # the kernel took the tag out of the frame
                    tag = struct.pack("!HH", tpid if status & _VLAN_TPID_VALID else 0x8100, tci)
                    data, length = data[:12] + tag + data[12:], length + 4
        way = Direction.OUT if kind == _OUTGOING else Direction.IN
        reception = _RECEPTIONS.get(kind, Reception.UNSPECIFIED)
        return Packet(self._interface, stamp or time.time_ns(), data[: self._snaplen], length, way, reception)
