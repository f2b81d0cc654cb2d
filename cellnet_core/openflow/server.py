"""The controller's unix-socket server: takes JSON lines, asks a back end, answers.

It knows the protocol and threads, and no OpenFlow library: under Ryu the threads are eventlet's (the
standard modules are patched before this one is imported), under os-ken they are real.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from cellnet_core.openflow import protocol
from cellnet_core.openflow.protocol import Request, RequestError
from cellnet_core.openflow.values import Mod

_EVENTS_KEPT: Final = 10_000
"""A watcher that reads nothing loses the rest; it looks again anyway, for events are hints."""


class Backend(Protocol):
    """What answers requests. Every call may raise RequestError and blocks for a bounded time."""

    def status(self) -> Mapping[str, Any]: ...

    def observe(self, dpid: int) -> tuple[Iterable[Mapping[str, Any]], Mapping[str, Any]]:
        """Parts, then the result."""
        ...

    def apply(self, dpid: int, mods: tuple[Mod, ...]) -> Mapping[str, Any]: ...


class Events:
    """Passes events on to every watcher."""

    def __init__(self) -> None:
        self._watchers: list[queue.Queue[Mapping[str, Any]]] = []
        self._lock = threading.Lock()

    def publish(self, about: str, **detail: Any) -> None:
        """Tell all watchers; never blocks."""
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            with suppress(queue.Full):
                watcher.put_nowait({"about": about, **detail})

    def subscribe(self) -> queue.Queue[Mapping[str, Any]]:
        """A queue that gets every event from now on."""
        watcher: queue.Queue[Mapping[str, Any]] = queue.Queue(_EVENTS_KEPT)
        with self._lock:
            self._watchers.append(watcher)
        return watcher

    def unsubscribe(self, watcher: queue.Queue[Mapping[str, Any]]) -> None:
        """No more events for that queue."""
        with self._lock:
            self._watchers.remove(watcher)


class Server:
    """Listens on a path and serves each connection in a thread of its own."""

    def __init__(self, path: Path, backend: Backend, events: Events) -> None:
        """Bind at once, so that a client may connect as soon as this returns. Raises OSError."""
        self._backend = backend
        self._events = events
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # what a killed predecessor left
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)

    def serve_forever(self) -> None:
        """Accept until the process ends."""
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):  # the client went away: nothing is owed to it
            for line in _lines(connection):
                try:
                    request = protocol.parse_request(line)
                    if request.op == "watch":
                        self._watch(connection, request)
                        return
                    for answer in self._answer(request):
                        connection.sendall(answer)
                except RequestError as error:
                    connection.sendall(protocol.error_line(protocol.request_id(line), error))

    def _answer(self, request: Request) -> Iterator[bytes]:
        match request.op:
            case "status":
                yield protocol.result_line(request.id, self._backend.status())
            case "observe":
                parts, result = self._backend.observe(request.dpid)
                for part in parts:
                    yield protocol.part_line(request.id, part)
                yield protocol.result_line(request.id, result)
            case _:
                result = self._backend.apply(request.dpid, request.mods)
                yield protocol.result_line(request.id, result)

    def _watch(self, connection: socket.socket, request: Request) -> None:
        watcher = self._events.subscribe()
        try:
            connection.sendall(protocol.result_line(request.id, {}))
            # A client that hangs up is seen by its end of stream, not only by the next event.
            threading.Thread(target=_when_closed, args=(connection, watcher), daemon=True).start()
            while event := watcher.get():
                connection.sendall(protocol.event_line(event))
        finally:
            self._events.unsubscribe(watcher)


def _when_closed(connection: socket.socket, watcher: queue.Queue[Mapping[str, Any]]) -> None:
    with suppress(OSError):
        while connection.recv(4096):
            pass
    watcher.put({})


def _lines(connection: socket.socket) -> Iterator[bytes]:
    buffer = bytearray()
    while chunk := connection.recv(1 << 18):
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            if line.strip():
                yield line
        if len(buffer) > protocol.MAX_LINE:
            problem = RequestError(
                protocol.BAD_REQUEST, f"a line of more than {protocol.MAX_LINE} bytes: send less at a time"
            )
            connection.sendall(protocol.error_line(None, problem))
            return
