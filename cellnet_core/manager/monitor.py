"""Keeps the stored statuses true: after each report, and when reports stop coming."""

from __future__ import annotations

import asyncio
import logging

from cellnet_core.manager import standing
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import NotFoundError
from cellnet_core.manager.findings import STALE_AFTER
from cellnet_core.manager.operations import Operations
from cellnet_core.manager.pruning import Limits, Pruning
from cellnet_core.manager.unsettled import Marks
from cellnet_core.store import agents, connections
from cellnet_core.store.errors import StoreUnavailableError
from cellnet_core.store.records import AgentKey

INTERVAL = 0.5
"""Seconds between looks for agents that fell silent."""

EVERYTHING = Marks(everything=True)

LOG = logging.getLogger(__name__)


class Monitor:
    """One per manager. `tick` and `settle_agent` may run in any thread, `run` is a task of the event loop."""

    def __init__(self, context: Context, limits: Limits | None = None) -> None:
        self._context = context
        self._operations = Operations(context)
        self.pruning = Pruning(context, limits or Limits())
        self._fresh: dict[AgentKey, bool] = {}
        with context.database.read() as session:
            for agent in agents.everyone(session):
                if agent.first_seen_at is not None:
                    # Presumed to report until it had the time to: our restart is no event of theirs.
                    self._fresh[agent.key] = True

    def settle_agent(self, key: AgentKey) -> None:
        """Bring the connections of this agent up to date. Costs what its report has new."""
        if not self._fresh.get(key, False):
            self._turn(key, fresh=True)
            self._context.unsettled.mark(key, EVERYTHING)
        marks = self._context.unsettled.take(key)
        if marks:
            self._settle(key, marks)

    def tick(self) -> None:
        """Find the agents that fell silent since the last look. Costs what agents there are, in memory."""
        now = self._context.clock.now()
        for key, fresh in list(self._fresh.items()):
            if fresh and self._context.reports.age(key, now) > STALE_AFTER:
                self._turn(key, fresh=False)
                self._settle(key, EVERYTHING)

    async def run(self) -> None:
        """Look every INTERVAL, until cancelled."""
        while True:
            await self._context.clock.sleep(INTERVAL)
            try:
                await asyncio.to_thread(self.tick)
                await asyncio.to_thread(self._operations.expire)
                await asyncio.to_thread(self.pruning.tick)
            except StoreUnavailableError as error:
                # The next look tries again: what is written follows from what is seen then.
                LOG.warning("statuses could not be written: %s", error)

    def _turn(self, key: AgentKey, *, fresh: bool) -> None:
        known_before = key in self._fresh
        with self._context.change() as change:
            try:
                agent = change.agent(key)
            except NotFoundError:
                # Its cell was deleted: there is nothing to keep true any more.
                self._fresh.pop(key, None)
                return
            resource = ("agent", agent.place, agent.place)
            if not fresh:
                text = f"the agent of {agent.place} has not reported for {STALE_AFTER:.0f} s"
                change.event("agent.silent", resource, text, "warning")
            elif known_before:
                change.event("agent.heard", resource, f"the agent of {agent.place} reports again")
        self._fresh[key] = fresh

    def _settle(self, key: AgentKey, marks: Marks) -> None:
        """Write down what is new of these connections. What waits for an agent still is marked again."""
        try:
            with self._context.database.read() as session:
                found = (
                    connections.of_agent(session, key)
                    if marks.everything
                    else connections.several(session, marks.ids)
                )
                views = standing.view_connections(self._context, session, found)
                news = [view.record.id for view in views if standing.is_news(session, view)]
            if news:
                with self._context.change() as change:
                    standing.settle_all(change, connections.several(change.session, news))
        except StoreUnavailableError:
            self._context.unsettled.mark(key, marks)
            raise
        for view in views:
            if view.status.provisioning_status != "ACTIVE" or view.record.orders:
                ends = (view.record.local.agent, view.record.remote.agent)
                self._context.unsettled.mark_both(ends, view.record.id)
