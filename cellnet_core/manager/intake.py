"""Takes reports one after the other, and says whether any wait.

All that is done with a report is computing, which Python does for one thread at a time: several at once make
each other slower. What follows from those that came together is written down together: each transaction waits
for the disk. And who waits for the manager has not fallen silent, see `Monitor`.
"""

from __future__ import annotations

import asyncio

from cellnet_core.manager.agents import Agents
from cellnet_core.manager.context import Context
from cellnet_core.manager.monitor import Monitor
from cellnet_core.model.wire import ReportDocument
from cellnet_core.store.records import AgentKey

TOGETHER = 16
"""Agents whose connections are looked at in one transaction; others wait for it."""


class Intake:
    """One per manager, on its event loop."""

    def __init__(self, context: Context, agents: Agents, monitor: Monitor) -> None:
        self._reports = context.reports
        self._agents = agents
        self._monitor = monitor
        self._turn = asyncio.Lock()
        # Agents whose reports were taken, and whose connections nobody has looked at since.
        self._heard: dict[AgentKey, None] = {}

    async def take(self, cell: str, gateway: str, report: ReportDocument) -> None:
        """Take what an agent sees, and write down what follows from it. Out of order, it is dropped.

        Raises NotFoundError for an unknown cell and InvalidError for what cannot be.
        """
        came = self._agents.now()  # what waits grows old
        with self._reports.arriving():
            async with self._turn:
                key = await asyncio.to_thread(self._agents.report, cell, gateway, report, came)
            if key is not None:
                self._heard[key] = None
                # Turns are taken in order: whoever came meanwhile has had its report taken by then.
                async with self._turn:
                    await self._settle(key)

    async def _settle(self, key: AgentKey) -> None:
        """Unless somebody else has done it for this agent too."""
        if key not in self._heard:
            return
        del self._heard[key]
        others = tuple(self._heard)[: TOGETHER - 1]
        for other in others:
            del self._heard[other]
        try:
            await asyncio.to_thread(self._monitor.settle_agents, (key, *others))
        except BaseException:
            self._heard.update(dict.fromkeys(others))  # each tries for itself, and tells its own agent
            raise
