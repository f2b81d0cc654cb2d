"""Wakes those who wait for an agent's intent to change, or for events.

Level-triggered: a wake-up says "read again".
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from cellnet_core.store.records import AgentKey

EVENTS: Literal["events"] = "events"
"""What those wait for who want to hear of events."""
Topic = AgentKey | Literal["events"]


class Wakeups:
    """`notify` may be called from any thread; waiters live on event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[Topic, set[Waiter]] = {}
        self._closed = False

    @contextmanager
    def waiting(self, key: Topic) -> Iterator[Waiter]:
        """Register before reading what may change; then no change between reading and waiting is lost."""
        waiter = Waiter(asyncio.get_running_loop())
        with self._lock:
            self._waiters.setdefault(key, set()).add(waiter)
            if self._closed:
                waiter.event.set()
        try:
            yield waiter
        finally:
            with self._lock:
                left = self._waiters[key]
                left.discard(waiter)
                if not left:
                    del self._waiters[key]

    @property
    def closed(self) -> bool:
        """True once the manager is going away: nobody should go on waiting."""
        return self._closed

    def notify(self, keys: Iterable[Topic]) -> None:
        """Wake everyone who waits for one of these agents."""
        with self._lock:
            for key in keys:
                for waiter in self._waiters.get(key, ()):
                    waiter.wake()

    def close(self) -> None:
        """Wake everyone, now and from now on."""
        with self._lock:
            self._closed = True
            for waiters in self._waiters.values():
                for waiter in waiters:
                    waiter.wake()


class Waiter:
    """One who waits, on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.event = asyncio.Event()

    def wake(self) -> None:
        """From any thread. A loop that has been closed has nobody waiting on it."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.event.set)
