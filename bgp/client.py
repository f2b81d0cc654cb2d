"""Asyncio client of the relay: asks ExaBGP and hears its events. An I/O shell; it decides nothing.

One connection at a time. Events and the end of answers are handed over in the order in which ExaBGP wrote
them, which is what lets a caller put a read-back and the events around it together.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LINE_LIMIT = 64 * 1024 * 1024  # `show neighbor json` is one line, whatever the number of neighbours


class SpeakerError(Exception):
    """Anything this client raises."""


class SpeakerUnavailableError(SpeakerError):
    """ExaBGP (or its relay) is not there or does not answer; trying later makes sense."""


class CommandRefusedError(SpeakerError):
    """ExaBGP answered `error`; the reason is in its log."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What the relay says first. `memory`: each neighbour's last OPEN and state line, with times.

    `end_of_rib`: (time, peer address, family) of the last End-of-RIB that each peer was told.
    """

    instance: str
    version: str
    memory: tuple[tuple[float, str], ...]
    end_of_rib: tuple[tuple[float, str, str], ...] = ()


@dataclass(slots=True)
class _Question:
    answer: asyncio.Future[tuple[str, ...]]
    lines: list[str] = field(default_factory=list)


class SpeakerClient:
    """Talks to the relay behind a unix socket. Use it on one event loop.

    `on_hello` is called at each connection, then `on_event(at, line)` for every event line; neither may block
    or raise. `on_lost` is called when the connection ends.
    """

    def __init__(
        self,
        path: Path,
        on_hello: Callable[[Hello], None],
        on_event: Callable[[float, str], None],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._on_hello = on_hello
        self._on_event = on_event
        self._on_lost = on_lost
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reader_task: asyncio.Task[None] | None = None
        self._questions: deque[_Question] = deque()
        self.hello: Hello | None = None

    @property
    def connected(self) -> bool:
        """True while the relay's hello holds."""
        return self.hello is not None

    async def connect(self, within: float) -> Hello:
        """The relay's hello, from a new connection unless there is one.

        Raises SpeakerUnavailableError when there is none within that many seconds.
        """
        async with self._connecting:
            if self.hello is not None:
                return self.hello
            await self._disconnect()
            try:
                async with asyncio.timeout(within):
                    reader, self._writer = await asyncio.open_unix_connection(
                        str(self._path), limit=LINE_LIMIT
                    )
                    hello = _parse_hello(await reader.readline())
                    while hello is None:  # events may come first while ExaBGP starts
                        hello = _parse_hello(await reader.readline())
            except (OSError, TimeoutError, ValueError) as error:
                await self._disconnect()
                raise SpeakerUnavailableError(
                    f"no ExaBGP behind {self._path} ({type(error).__name__}: {error}); does the speaker run?"
                ) from error
            self.hello = hello
            self._on_hello(hello)
            self._reader_task = asyncio.create_task(self._read(reader), name="speaker-client")
            return hello

    async def ask(self, command: str, within: float) -> tuple[str, ...]:
        """The lines of ExaBGP's answer to one command (none for most).

        Raises CommandRefusedError for `error`; SpeakerUnavailableError when there is no connection, it ends,
        or the answer does not come within that many seconds (the connection is then given up).
        """
        if self._writer is None or self.hello is None:
            raise SpeakerUnavailableError(f"not connected to {self._path}")
        question = _Question(asyncio.get_running_loop().create_future())
        self._questions.append(question)
        try:
            async with asyncio.timeout(within):
                self._writer.write(command.encode("ascii") + b"\n")
                await self._writer.drain()
                return await question.answer
        except (OSError, TimeoutError) as error:
            # Answers carry no name: after one that was not waited for, only a new connection is in step.
            await self._disconnect()
            raise SpeakerUnavailableError(f"no answer to {command[:80]!r} within {within} s") from error
        finally:
            # Whoever gave up before he waited for the answer will not hear what becomes of it.
            if not question.answer.cancel() and not question.answer.cancelled():
                question.answer.exception()

    async def close(self) -> None:
        """End the connection. ExaBGP does not notice."""
        async with self._connecting:
            await self._disconnect()

    async def _disconnect(self) -> None:
        task, self._reader_task = self._reader_task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._lost()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := (await reader.readline()).decode("utf-8", "replace").removesuffix("\n"):
                self._take(line)
        except (OSError, ValueError):  # ValueError: longer than LINE_LIMIT
            pass
        self._lost()

    def _take(self, line: str) -> None:
        tag, _, rest = line.partition(" ")
        if tag == "event":
            stamp, _, event = rest.partition(" ")
            self._on_event(float(stamp), event)
            return
        if not self._questions:
            return
        question = self._questions[0]
        if tag == "line":
            question.lines.append(rest)
            return
        self._questions.popleft()
        if question.answer.done():
            return
        if tag == "done":
            question.answer.set_result(tuple(question.lines))
        else:
            question.answer.set_exception(CommandRefusedError(rest))

    def _lost(self) -> None:
        writer, self._writer = self._writer, None
        was_connected, self.hello = self.hello is not None, None
        if writer is not None:
            writer.close()
        while self._questions:
            question = self._questions.popleft()
            if not question.answer.done():
                question.answer.set_exception(SpeakerUnavailableError(f"connection to {self._path} ended"))
        if was_connected:
            self._on_lost()


def _parse_hello(line: bytes) -> Hello | None:
    """The hello in a line, None for another kind of line. Raises OSError at the end, ValueError for junk."""
    if not line:
        raise ConnectionResetError("connection ended before the hello")
    tag, _, rest = line.partition(b" ")
    if tag != b"hello":
        return None
    document = json.loads(rest)
    try:
        memory = tuple((float(at), str(text)) for at, text in document["memory"])
        told = tuple((float(at), str(peer), str(family)) for at, peer, family in document["end_of_rib"])
        return Hello(str(document["instance"]), str(document["version"]), memory, told)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"not a hello: {line[:100]!r}") from error
