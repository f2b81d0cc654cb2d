"""Telling the manager: at once when something new is seen, else every two seconds; never in the loop's way.

A report is whole, so one that did not arrive is not repeated: the next one says it all.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from cellnet_core.agent import report
from cellnet_core.agent.manager import ManagerClient, ManagerRefusedError, ManagerUnavailableError
from cellnet_core.agent.wakeup import Backoff, Wakeup
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal
from cellnet_core.model.wire import ReportDocument

GAP = 0.05
"""Least seconds between two reports."""
REGULAR = 2.0
"""Most seconds between two reports."""
LONGEST_PAUSE = 0.5
"""Most seconds between two tries while the manager does not answer: a new manager soon knows its agents."""


class Reporter:
    """Sends what `build(sequence)` says. `back` is called when the manager answers again after it did not."""

    def __init__(
        self,
        manager: ManagerClient,
        build: Callable[[int], ReportDocument],
        clock: Clock,
        journal: Journal,
        random: Random,
        back: Callable[[], None],
    ) -> None:
        self._manager = manager
        self._build = build
        self._clock = clock
        self._journal = journal
        self._back = back
        self._backoff = Backoff(0.1, LONGEST_PAUSE, random)
        self._sequence = 0
        self._news: object = None
        self._sent_at = float("-inf")
        self._lost = ""
        self.bell = Wakeup()

    async def run(self) -> None:
        """Report, for ever."""
        while True:
            document = self._build(self._sequence + 1)
            news = report.significant(document)
            pause = REGULAR - (self._clock.now() - self._sent_at)
            if news != self._news or pause <= 0:
                pause = GAP if await self._send(document, news) else self._backoff.fail()
                await self._clock.sleep(pause)
                pause = REGULAR - pause
            await self.bell.wait(self._clock, pause)

    async def _send(self, document: ReportDocument, news: object) -> bool:
        self._sequence = document.sequence
        self._sent_at = self._clock.now()
        try:
            await self._manager.report(document)
        except (ManagerUnavailableError, ManagerRefusedError) as error:
            if not self._lost:
                self._journal.record("manager", about="report", ok=False, error=str(error))
            self._lost = str(error)
            self._news = None
            self.bell.ring("again")
            return False
        if self._lost:
            self._lost = ""
            self._journal.record("manager", about="report", ok=True)
            self._back()
        self._backoff.reset()
        self._news = news
        return True
