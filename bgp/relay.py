"""The API process that ExaBGP starts: carries lines between ExaBGP and clients on a unix socket.

Clients come and go at any moment; ExaBGP must never wait for one. So this process reads ExaBGP's output at
once, always, and cuts off a client that does not read (it returns and asks for the truth). Commands of all
clients pass one at a time, because ExaBGP's answers do not say what they answer. It dies with ExaBGP.

Runs by itself, also as a plain file under `python -I -S` (25 ms to start), so it imports the standard library
only. Lines to a client:

    hello JSON        first: {"instance", "version", "memory": [[t, line], ...],
                              "end_of_rib": [[t, peer, family], ...]}
    event T LINE      an event of ExaBGP's JSON encoder, T seconds on CLOCK_MONOTONIC
    line TEXT         part of the answer to this client's oldest unanswered command
    done | error WHY  the end of that answer

`instance` changes whenever ExaBGP was started again. `memory` holds the last OPEN and the last change of
state of each neighbour, so that a client that was away learns when a session began or how it ended.
`end_of_rib` says when each peer was last told End-of-RIB, which ExaBGP does not say when asked. Lines from a
client are ExaBGP's API commands as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import sys
import time
from collections import OrderedDict, deque
from pathlib import Path

EVENT_PREFIX = b'{ "exabgp":'
MAX_BACKLOG = 32 * 1024 * 1024  # bytes a client may lag behind before it is cut off
MAX_QUEUED = 4096  # commands waiting for ExaBGP; more are left in the clients' sockets
MAX_COMMAND = 512 * 1024  # ExaBGP gives up its API process at 1 MiB without a newline
MAX_MEMORY = 4096  # neighbours remembered
READ_SIZE = 262144

# Commands that ExaBGP does not answer, or that change how it answers: they would upset everybody's order.
REFUSED = ("reset", "crash", "silence-ack", "disable-ack", "enable-ack", "debug")


class Client:
    """One connection: what it still has to send us, and what we still have to send it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = bytearray()
        self.outgoing = bytearray()
        self.open = True


class Relay:
    """The loop over ExaBGP's pipes, the listening socket and the clients. One thread, nothing blocks."""

    def __init__(self, listener: socket.socket, from_exabgp: int, to_exabgp: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = listener
        self._in = from_exabgp
        self._out = to_exabgp
        self._received = bytearray()
        self._sending = bytearray()
        self._clients: dict[int, Client] = {}
        self._queue: deque[tuple[Client | None, bytes]] = deque()
        self._asking: tuple[Client | None, bytes] | None = None
        self._own_answer: list[bytes] = []
        self._memory: OrderedDict[tuple[str, str, str], tuple[float, bytes]] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._instance = instance_of(os.getppid())
        self._version: str | None = None
        for descriptor in (from_exabgp, to_exabgp):
            os.set_blocking(descriptor, False)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(from_exabgp, selectors.EVENT_READ)

    def run(self) -> None:
        """Carry lines until ExaBGP closes its end."""
        # The first answer proves that ExaBGP's loop turns; only then is the speaker ready.
        self._queue.append((None, b"version"))
        while True:
            self._send_next_command()
            for key, mask in self._selector.select():
                if key.fd == self._in:
                    if not self._read_exabgp():
                        return
                elif key.fd == self._out:
                    self._write_exabgp()
                elif key.fd == self._listener.fileno():
                    self._accept()
                elif key.fd in self._clients:
                    self._serve(self._clients[key.fd], mask)

    # --- ExaBGP's side -----------------------------------------------------------------------------------

    def _read_exabgp(self) -> bool:
        chunk = read_some(self._in)
        if chunk is None:
            return True
        if not chunk:
            return False
        now = time.monotonic()
        self._received += chunk
        *lines, rest = self._received.split(b"\n")
        self._received = bytearray(rest)
        for line in lines:
            if line.startswith(EVENT_PREFIX):
                self._remember(now, bytes(line))
                for client in list(self._clients.values()):
                    self._put(client, b"event %.6f %s" % (now, line))
            elif self._asking is not None:
                self._answer(self._asking, bytes(line))
        for client in list(self._clients.values()):
            if client.outgoing:
                self._flush(client)
        return True

    def _answer(self, asking: tuple[Client | None, bytes], line: bytes) -> None:
        client, command = asking
        ended = line in (b"done", b"error")
        if ended:
            self._asking = None
        if line == b"done":
            self._note_end_of_rib(command)
        if client is None:
            if ended:
                self._ready()
            else:
                self._own_answer.append(line)
        elif line == b"error":
            self._put(client, b"error ExaBGP refused %r; its log says why" % command[:200])
        else:
            self._put(client, line if ended else b"line " + line)

    def _note_end_of_rib(self, command: bytes) -> None:
        words = command.decode("ascii", "replace").split()
        if len(words) == 6 and words[0] == "neighbor" and words[2:4] == ["announce", "eor"]:
            key = (words[1], words[4])
            self._told.pop(key, None)
            self._told[key] = time.monotonic()
            while len(self._told) > 2 * MAX_MEMORY:
                self._told.popitem(last=False)

    def _ready(self) -> None:
        self._version = b" ".join(self._own_answer).decode("ascii", "replace").removeprefix("exabgp ")
        for client in list(self._clients.values()):
            self._hello(client)
        notify("READY=1")

    def _remember(self, now: float, line: bytes) -> None:
        kind = "state" if b'"type": "state"' in line else "open" if b'"type": "open"' in line else None
        if kind is None or b'"state": "connected"' in line:
            return
        try:
            address = json.loads(line)["neighbor"]["address"]
            key = (kind, str(address["local"]), str(address["peer"]))
        except (ValueError, TypeError, KeyError):
            return  # not ours to judge: the clients see the line as it is
        known = self._memory.pop(key, None)
        if known is not None and b'"state": "down"' in known[1] and b'"state": "down"' in line:
            now, line = known  # failed attempts to connect are "down" too: the end of the session counts
        self._memory[key] = (now, line)
        while len(self._memory) > 2 * MAX_MEMORY:
            self._memory.popitem(last=False)

    def _send_next_command(self) -> None:
        while self._asking is None and self._queue:
            client, command = self._queue.popleft()
            if client is not None and not client.open:
                continue
            self._asking = (client, command)
            self._sending += command + b"\n"
            self._write_exabgp()
        if len(self._queue) < MAX_QUEUED:
            for waiting in self._clients.values():
                self._watch_client(waiting)

    def _write_exabgp(self) -> None:
        registered = self._out in self._selector.get_map()
        try:
            while self._sending:
                del self._sending[: os.write(self._out, self._sending)]
        except BlockingIOError:
            if not registered:
                self._selector.register(self._out, selectors.EVENT_WRITE)
            return
        except BrokenPipeError:
            self._sending.clear()  # ExaBGP is gone; the end of its output ends this process
        if registered:
            self._selector.unregister(self._out)

    # --- the clients' side -------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        connection.setblocking(False)
        client = Client(connection)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ)
        if self._version is not None:
            self._hello(client)

    def _hello(self, client: Client) -> None:
        memory = [[at, line.decode("ascii", "replace")] for at, line in self._memory.values()]
        hello = {
            "instance": self._instance,
            "version": self._version,
            "memory": memory,
            "end_of_rib": [[at, peer, family] for (peer, family), at in self._told.items()],
        }
        self._tell(client, b"hello " + json.dumps(hello).encode())

    def _serve(self, client: Client, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush(client)
        if client.open and mask & selectors.EVENT_READ:
            chunk = read_some(client.connection.fileno())
            if chunk is None:
                return
            if not chunk:
                self._drop(client)
                return
            client.received += chunk
            *lines, rest = client.received.split(b"\n")
            client.received = bytearray(rest)
            if len(rest) > MAX_COMMAND:
                self._drop(client)
                return
            for line in lines:
                self._take(client, bytes(line).strip())

    def _take(self, client: Client, command: bytes) -> None:
        word = command.split(b" ", 1)[0].decode("ascii", "replace")
        if not command.isascii() or not command or len(command) > MAX_COMMAND or word in REFUSED:
            self._tell(client, b"error the relay does not pass %r on" % command[:200])
            return
        self._queue.append((client, command))

    def _tell(self, client: Client, line: bytes) -> None:
        self._put(client, line)
        if client.open:
            self._flush(client)

    def _put(self, client: Client, line: bytes) -> None:
        """A line for the client, to be flushed with those that come with it: an answer has many."""
        if not client.open:
            return
        client.outgoing += line + b"\n"
        if len(client.outgoing) > MAX_BACKLOG:
            self._drop(client)

    def _flush(self, client: Client) -> None:
        try:
            while client.outgoing:
                del client.outgoing[: client.connection.send(client.outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        self._watch_client(client)

    def _watch_client(self, client: Client) -> None:
        if not client.open:
            return
        reads = selectors.EVENT_READ if len(self._queue) < MAX_QUEUED else 0
        wanted = reads | (selectors.EVENT_WRITE if client.outgoing else 0)
        known = self._selector.get_map().get(client.connection)
        if known is not None and wanted == 0:
            self._selector.unregister(client.connection)
        elif known is None and wanted:
            self._selector.register(client.connection, wanted)
        elif known is not None and known.events != wanted:
            self._selector.modify(client.connection, wanted)

    def _drop(self, client: Client) -> None:
        if client.connection in self._selector.get_map():
            self._selector.unregister(client.connection)
        del self._clients[client.connection.fileno()]
        client.connection.close()
        client.open = False
        client.outgoing.clear()


def read_some(descriptor: int) -> bytes | None:
    """What is there to read: b"" at the end (or after a reset), None when nothing is there now."""
    try:
        return os.read(descriptor, READ_SIZE)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def instance_of(pid: int) -> str:
    """A name for one life of a process: its pid and its start time in clock ticks since boot (proc(5))."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    )
    return f"{pid}-{fields[19]}"


def listen(path: Path) -> socket.socket:
    """A listening unix socket, for this user only; one left behind by an earlier process is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(16)
    return listener


def notify(state: str) -> None:
    """Tell the supervisor (sd_notify(3)); without $NOTIFY_SOCKET nothing is sent."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError as error:
            sys.stderr.write(f"relay: cannot notify {address}: {error}\n")


def main() -> None:
    """Command line: `python -m bgp.relay --socket PATH`, started by ExaBGP on its two pipes."""
    parser = argparse.ArgumentParser(prog="bgp.relay", description="Carries ExaBGP's API to a unix socket.")
    parser.add_argument("--socket", type=Path, required=True, help="where clients connect")
    path: Path = parser.parse_args().socket
    listener = listen(path)
    inode = path.stat().st_ino
    try:
        Relay(listener, sys.stdin.fileno(), sys.stdout.fileno()).run()
    finally:
        # A successor may already have put its own socket there.
        if path.exists() and path.stat().st_ino == inode:
            path.unlink()


if __name__ == "__main__":
    main()
