"""Fetching the intent: a long poll that is always pending, and asks at once again after any failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random

from cellnet_core.agent.manager import (
    ManagerClient,
    ManagerRefusedError,
    ManagerUnavailableError,
    VersionError,
)
from cellnet_core.agent.wakeup import Backoff, Wakeup
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal
from cellnet_core.model.wire import IntentDocument

log = logging.getLogger("cellnet.agent")
WAIT = 10.0
"""Seconds that the manager may hold a poll."""
AT_ONCE = -1
"""Generation that every intent is newer than."""


class Puller:
    """Hands each intent that arrives to `take`."""

    def __init__(
        self,
        manager: ManagerClient,
        take: Callable[[IntentDocument], None],
        clock: Clock,
        journal: Journal,
        random: Random,
    ) -> None:
        self._manager = manager
        self._take = take
        self._clock = clock
        self._journal = journal
        self._backoff = Backoff(0.1, 3.0, random)
        self._again = Wakeup()
        self._lost = ""
        self.apart = ""
        """Why this agent and the manager cannot work together; empty while they can."""

    def again(self) -> None:
        """Drop a poll that may hang on a dead connection, or end a back-off, and ask at once."""
        self._again.ring("again")

    async def run(self) -> None:
        """Poll, for ever."""
        after = AT_ONCE
        while True:
            poll = asyncio.ensure_future(self._manager.intent(after, WAIT))
            # The manager's client bounds the poll; `again` may end it early.
            again = asyncio.ensure_future(self._again.wait(self._clock, 2 * WAIT))
            try:
                await asyncio.wait((poll, again), return_when=asyncio.FIRST_COMPLETED)
            finally:
                again.cancel()
                if not poll.done():
                    poll.cancel()
                await asyncio.gather(poll, again, return_exceptions=True)
            if poll.cancelled():
                after = AT_ONCE
                continue
            try:
                intent = poll.result()
            except (ManagerUnavailableError, ManagerRefusedError) as error:
                after = AT_ONCE  # whoever answers next may be another manager, or one with another past
                await self._failed(error)
                continue
            self.apart = ""
            self._worked()
            if intent is not None:
                after = intent.generation
                self._take(intent)

    async def _failed(self, error: Exception) -> None:
        if isinstance(error, VersionError) and not self.apart:
            log.error("%s; what is in force stays in force", error)
        self.apart = str(error) if isinstance(error, VersionError) else ""
        if not self._lost:
            self._journal.record("manager", about="intent", ok=False, error=str(error))
        self._lost = str(error)
        await self._again.wait(self._clock, self._backoff.fail())

    def _worked(self) -> None:
        if self._lost:
            self._lost = ""
            self._journal.record("manager", about="intent", ok=True)
        self._backoff.reset()
