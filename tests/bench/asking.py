"""Asks an HTTP server as fast as it answers: kept connections, requests made beforehand, whole answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Taken:
    """How long each answer took, in seconds, and all of them together."""

    each: tuple[float, ...]
    together: float

    @property
    def figures(self) -> dict[str, float]:
        """For the report: milliseconds and answers a second."""
        return {
            "median_ms": round(1000 * median(self.each), 2),
            "p95_ms": round(1000 * quantiles(self.each, n=20)[-1], 2) if len(self.each) > 1 else 0.0,
            "per_s": round(len(self.each) / self.together, 1),
        }


def request(method: str, path: str, token: str, body: object = None) -> bytes:
    """A request as it goes over the wire."""
    content = b"" if body is None else json.dumps(body).encode()
    kind = b"" if body is None else b"Content-Type: application/json\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nX-Auth-Token: {token}\r\n".encode()
    return head + kind + b"Content-Length: %d\r\n\r\n" % len(content) + content


class Asker:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def ask(self, wire: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self._socket.sendall(wire)
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self._file.read(length)

    def close(self) -> None:
        """Let go."""
        self._file.close()
        self._socket.close()


def in_turn(port: int, wires: Sequence[bytes], expected: int) -> Taken:
    """One after the other over one connection. Raises AssertionError on another status."""
    return at_once(port, wires, expected, 1)


def at_once(port: int, wires: Sequence[bytes], expected: int, connections: int) -> Taken:
    """Over several connections at once, each with its share."""
    taken: list[float] = []
    wrong: list[str] = []
    lock = threading.Lock()

    def some(share: Iterable[bytes]) -> None:
        asker = Asker(port)
        mine = []
        for wire in share:
            began = time.perf_counter()
            status, body = asker.ask(wire)
            mine.append(time.perf_counter() - began)
            if status != expected:
                wrong.append(f"{status}: {body[:300]!r} to {wire[:80]!r}")
                break
        asker.close()
        with lock:
            taken.extend(mine)

    threads = [
        threading.Thread(target=some, args=(wires[number::connections],)) for number in range(connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = time.perf_counter() - began
    assert not wrong, wrong[0]
    return Taken(tuple(taken), together)


def read(port: int, path: str, token: str) -> Any:
    """One document."""
    asker = Asker(port)
    status, body = asker.ask(request("GET", path, token))
    asker.close()
    assert status == 200, body[:300]
    return json.loads(body)
