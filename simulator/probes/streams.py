"""The two ends of a long-lived TCP connection: steady small messages, and for a message flow their replies.

The client makes the connection and makes it anew when it is lost; it sends messages of one size, numbered and
stamped like probe packets. The server takes them; of a message flow it sends each one back. A message that
the kernel does not take (no connection, a full buffer) is refused: it counts as sent and never arrives, as a
request that a program had to give up.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from array import array
from time import monotonic_ns

from simulator.probes.flows import Flow
from simulator.probes.packets import BODY, BODY_AT, prefix
from simulator.probes.sending import Paced

AGAIN_NS = 100_000_000
"""A connection that was refused or lost is tried again so much later."""
CONNECT_NS = 1_000_000_000
"""A connection that does not come about in this time is tried anew, as programs do."""
GIVE_UP_MS = 30_000
"""TCP_USER_TIMEOUT: data unacknowledged for so long ends the connection; the kernel itself waits minutes."""
_CHUNK = 1 << 16
_INFO_BYTES = 104
_TOTAL_RETRANSMITS = 100  # tcpi_total_retrans in struct tcp_info, linux/tcp.h


def retransmits(connection: socket.socket) -> int:
    """Segments that this end of a connection had to send again, as the kernel counts them (TCP_INFO)."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    count: int = struct.unpack_from("=I", info, _TOTAL_RETRANSMITS)[0]
    return count


def _prepared(connection: socket.socket) -> socket.socket:
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVE_UP_MS)
    return connection


class Client(Paced):
    """Sends one flow. `sequence` and `arrivals` are replies not written down yet (message flows)."""

    def __init__(self, run: int, number: int, flow: Flow) -> None:
        super().__init__(run, number, flow)
        self.received = 0
        self.sequence: array[int] = array("I")
        self.arrivals: array[int] = array("q")
        self._cutter = Cutter(run, number, len(self._packet))
        self._connection: socket.socket | None = None
        self._established = False
        self._connections = 0
        self._tried = 0
        self._rest = b""
        self._retransmits = 0

    @property
    def reconnects(self) -> int:
        """Connections after the first one."""
        return max(0, self._connections - 1)

    @property
    def retransmits(self) -> int:
        """Over all connections of the flow."""
        now = 0 if self._connection is None else retransmits(self._connection)
        return self._retransmits + now

    @property
    def sockets(self) -> list[socket.socket]:
        """To be watched for something to read."""
        return [] if self._connection is None else [self._connection]

    def start(self, at: int) -> None:
        super().start(at)
        self._connect()

    def drain(self) -> None:
        """Take the replies that have arrived, and notice that the other end closed."""
        while self._connection is not None:
            now = monotonic_ns()
            try:
                data = self._connection.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._lose()
                return
            for number in self._cutter.cut(data):
                self.sequence.append(number)
                self.arrivals.append(now)
                self.received += 1

    def _send(self) -> None:
        if self._connection is None or (not self._established and monotonic_ns() - self._tried > CONNECT_NS):
            self._connect()
        if self._connection is None:
            self.errors += 1
            return
        try:
            if self._rest:
                self._rest = self._rest[self._connection.send(self._rest) :]
            if self._rest:
                self.errors += 1
                return
            taken = self._connection.send(self._packet)
        except BlockingIOError:
            self.errors += 1  # not connected yet, or the buffer is full
        except OSError:
            self.errors += 1
            self._lose()
        else:
            self._rest = bytes(self._packet[taken:])
            if not self._established:
                self._established = True
                self._connections += 1

    def _connect(self) -> None:
        now = monotonic_ns()
        if self._tried and now - self._tried < AGAIN_NS:
            return
        self._lose()
        self._tried = now
        flow = self.flow
        connection = socket.socket(socket.AF_INET6 if flow.family == 6 else socket.AF_INET)
        try:
            _prepared(connection).bind((flow.source, 0))
            # Not there at once: EINPROGRESS. Whether it comes about is seen when the first message is sent.
            with contextlib.suppress(BlockingIOError):
                connection.connect((flow.destination, flow.port))
        except OSError:
            connection.close()  # no route yet: tried again
        else:
            self._connection = connection

    def _lose(self) -> None:
        if self._connection is not None:
            self._retransmits += retransmits(self._connection)
            self._connection.close()
        self._connection = None
        self._established = False
        self._rest = b""
        self._cutter.restart()


class Server:
    """Receives one flow over whatever connections its client makes, and echoes that of a message flow.

    Of a message flow nothing is written down here: what counts there is when the reply arrived.
    """

    def __init__(self, run: int, number: int, flow: Flow) -> None:
        self.flow = flow
        self.number = number
        self.received = 0
        self.drops = 0
        self.sequence: array[int] = array("I")
        self.times: array[int] = array("q")
        self._echoes = flow.transport == "message"
        self._run = run
        self._retransmits = 0
        self._peers: dict[socket.socket, tuple[Cutter, bytearray]] = {}
        family = socket.AF_INET6 if flow.family == 6 else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setblocking(False)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((flow.destination, flow.port))
        self._listener.listen(4)

    @property
    def retransmits(self) -> int:
        """Over all connections, of the replies."""
        return self._retransmits + sum(map(retransmits, self._peers))

    @property
    def sockets(self) -> list[socket.socket]:
        """To be watched for something to read."""
        return [self._listener, *self._peers]

    def drain(self) -> None:
        """Take new connections and everything that has arrived."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                peer, _ = self._listener.accept()
                self._peers[_prepared(peer)] = (Cutter(self._run, self.number, self.flow.size), bytearray())
        for peer, (cutter, waiting) in list(self._peers.items()):
            if not self._take(peer, cutter, waiting):
                self._retransmits += retransmits(peer)
                del self._peers[peer]
                peer.close()

    def _take(self, peer: socket.socket, cutter: Cutter, waiting: bytearray) -> bool:
        """False when the connection has ended."""
        try:
            while True:
                now = monotonic_ns()
                data = peer.recv(_CHUNK)
                if not data:
                    return False
                numbers = cutter.cut(data)
                self.received += len(numbers)
                if self._echoes:
                    waiting += data
                    self._answer(peer, waiting)
                else:
                    self.sequence.extend(numbers)
                    self.times.extend([now] * len(numbers))
        except BlockingIOError:
            self._answer(peer, waiting)
            return True
        except OSError:
            return False

    @staticmethod
    def _answer(peer: socket.socket, waiting: bytearray) -> None:
        """Send what is to be sent back, as far as the kernel takes it. Raises OSError for a lost peer."""
        with contextlib.suppress(BlockingIOError):
            while waiting:
                del waiting[: peer.send(waiting)]


class Cutter:
    """Cuts a stream of messages of one size; those of strangers are passed over."""

    def __init__(self, run: int, number: int, size: int) -> None:
        self._prefix = prefix(run, number)
        self._size = size
        self._rest = b""

    def restart(self) -> None:
        """A new connection begins with a new message."""
        self._rest = b""

    def cut(self, data: bytes) -> list[int]:
        """The sequence numbers of the messages that are complete now."""
        data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        return [
            BODY.unpack_from(data, at + BODY_AT)[0]
            for at in range(0, whole, self._size)
            if data.startswith(self._prefix, at)
        ]
