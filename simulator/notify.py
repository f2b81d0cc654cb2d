"""The receiving end of sd_notify(3): a datagram socket per service, which says that it is ready."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path


class NotifySocket:
    """Listens at `path`; calls `on_ready` for each READY=1. Whoever can write to the path is believed."""

    def __init__(self, path: Path, on_ready: Callable[[], None]) -> None:
        self.path = path
        self._on_ready = on_ready
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    def close(self) -> None:
        """Stop listening and remove the socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def drain(self) -> None:
        """Forget what a predecessor may have said."""
        while self._next() is not None:
            pass

    def _next(self) -> bytes | None:
        try:
            return self._socket.recv(4096)
        except BlockingIOError:
            return None

    def _receive(self) -> None:
        message = self._next()
        if message is not None and b"READY=1" in message.splitlines():
            self._on_ready()
