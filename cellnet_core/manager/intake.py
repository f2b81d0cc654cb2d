"""Takes reports one after the other, and says whether any wait.

All that is done with a report is computing, which Python does for one thread at a time: several at once make
each other slower. And who waits for the manager has not fallen silent, see `Monitor`.
"""

from __future__ import annotations

import asyncio

from cellnet_core.manager.agents import Agents, Moment
from cellnet_core.manager.context import Context
from cellnet_core.manager.monitor import Monitor
from cellnet_core.model.wire import ReportDocument


class Intake:
    """One per manager, on its event loop."""

    def __init__(self, context: Context, agents: Agents, monitor: Monitor) -> None:
        self._reports = context.reports
        self._agents = agents
        self._monitor = monitor
        self._turn = asyncio.Lock()

    async def take(self, cell: str, gateway: str, report: ReportDocument) -> None:
        """Take what an agent sees, and write down what follows from it. Out of order, it is dropped.

        Raises NotFoundError for an unknown cell and InvalidError for what cannot be.
        """
        came = self._agents.now()  # what waits grows old
        with self._reports.arriving():
            async with self._turn:
                await asyncio.to_thread(self._take, cell, gateway, report, came)

    def _take(self, cell: str, gateway: str, report: ReportDocument, came: Moment) -> None:
        key = self._agents.report(cell, gateway, report, came)
        if key is not None:
            self._monitor.settle_agent(key)
