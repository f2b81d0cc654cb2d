"""Where a capture's bytes go: a stream whose reader may leave or be slow, or files, if need be in a ring."""

from __future__ import annotations

import os
import select
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from simulator.captures import pcapng
from simulator.captures.pcapng import Block, Packet

LAST_WORDS_SECONDS = 2.0
"""How long a reader may take for the rest, once the capture has ended."""
_ALWAYS_FITS = select.PIPE_BUF
"""A pipe that can be written to takes this much without blocking (pipe(7))."""


class ReaderGoneError(Exception):
    """Whoever read the stream has closed it: the natural end of a live view."""


class Output(Protocol):
    """Takes blocks. Raises ReaderGoneError."""

    def write(self, packets: Sequence[Packet]) -> None: ...

    def close(self, last: Iterable[Block]) -> None:
        """The end of the file, after which nothing is written."""
        ...


Head = Callable[[], Sequence[Block]]
"""Makes the blocks that each file begins with."""


class Stream:
    """A descriptor: a pipe to a reader, or a file. `ended` is asked while a slow reader is waited for."""

    def __init__(self, descriptor: int, head: Head, ended: Callable[[], bool]) -> None:
        self.descriptor = descriptor
        self.has_reader = not stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._ended = ended
        self._rest = b""
        self._send(b"".join(map(pcapng.render, head())))

    def write(self, packets: Sequence[Packet]) -> None:
        self._send(b"".join(map(pcapng.render, packets)))

    def close(self, last: Iterable[Block]) -> None:
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        self._ended = lambda: time.monotonic() > deadline
        self._send(b"".join(map(pcapng.render, last)))

    def _send(self, data: bytes) -> None:
        """Write it, or keep it if the capture is ended meanwhile; `close` has the last try."""
        view = memoryview(self._rest + data)
        try:
            while view and (not self.has_reader or self._writable()):
                size = _ALWAYS_FITS if self.has_reader else len(view)
                view = view[os.write(self.descriptor, view[:size]) :]
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        self._rest = bytes(view)

    def _writable(self) -> bool:
        """Wait until there is room, or the capture is ended."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLOUT)
        while True:
            for _, event in poll.poll(100):
                if event & select.POLLERR:
                    raise ReaderGoneError
                return True
            if self._ended():
                return False


class Files:
    """Numbered files in a directory, each complete in itself; the oldest go when all of them grow too big.

    `limit` is for all of them together in bytes; 0: one file without limit.
    """

    def __init__(self, directory: Path, head: Head, limit: int, count: int) -> None:
        self._directory = directory
        self._head = head
        self._limit = limit // count if limit else 0
        self._count = count
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        blocks = b"".join(map(pcapng.render, self._head()))
        # At once and under another name first: a reader never finds half a beginning.
        path = path_of(self._directory, self._number)
        fresh = path.with_suffix(".new")
        self._file = fresh.open("wb", buffering=0)
        self._file.write(blocks)
        fresh.rename(path)
        self._size = len(blocks)
        path_of(self._directory, self._number - self._count).unlink(missing_ok=True)

    def write(self, packets: Sequence[Packet]) -> None:
        pieces: list[bytes] = []
        size = 0
        for packet in packets:
            piece = pcapng.render(packet)
            if self._limit and self._size + size + len(piece) > self._limit:
                self._file.write(b"".join(pieces))
                self._file.close()
                self._begin()
                pieces, size = [], 0
            pieces.append(piece)
            size += len(piece)
        self._file.write(b"".join(pieces))
        self._size += size

    def close(self, last: Iterable[Block]) -> None:
        self._file.write(b"".join(map(pcapng.render, last)))
        self._file.close()


def path_of(directory: Path, number: int) -> Path:
    """The file of that number; numbers count from 1."""
    return directory / f"{number:05}.pcapng"


def files_in(directory: Path) -> tuple[Path, ...]:
    """What is there of a ring, oldest first."""
    return tuple(sorted(directory.glob("*.pcapng")))
