"""Keeps the stored statuses true: after each report, and when reports stop coming."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

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

OVERWORKED = 3 * STALE_AFTER
"""Seconds after which an agent is written down as silent also while reports wait to be taken. Before, the
manager may be what is late: to write down hundreds of agents, and that they are back, makes it later still.
Whoever asks is told how old the last report is at any time."""

TOGETHER = 20
"""Agents that fell silent at once and are written down in one transaction; others wait for it."""

EVERYTHING = Marks(everything=True)

LOG = logging.getLogger(__name__)


class Monitor:
    """One per manager. `tick` and `settle_agents` may run in any thread, `run` is a task of the loop."""

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

    def settle_agents(self, keys: Sequence[AgentKey]) -> None:
        """Bring the connections of these agents up to date. Costs what their reports have new."""
        unsettled = self._context.unsettled
        back = [key for key in keys if not self._fresh.get(key, False)]
        if back:
            self._turn(back, fresh=True)
            for key in back:
                unsettled.mark(key, EVERYTHING)
        marked = {key: marks for key in keys if (marks := unsettled.take(key))}
        if marked:
            self._settle(marked)

    def tick(self) -> None:
        """Find the agents that fell silent since the last look. Costs what agents there are, in memory."""
        while silent := self._newly_silent()[:TOGETHER]:
            self._turn(silent, fresh=False)
            self._settle(dict.fromkeys(silent, EVERYTHING))

    def _newly_silent(self) -> list[AgentKey]:
        """Asked anew before each turn: one of them may have reported meanwhile."""
        now = self._context.clock.now()
        limit = OVERWORKED if self._context.reports.wait else STALE_AFTER
        return [
            key
            for key, fresh in list(self._fresh.items())
            if fresh and self._context.reports.age(key, now) > limit
        ]

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

    def _turn(self, keys: Sequence[AgentKey], *, fresh: bool) -> None:
        gone = []
        with self._context.change() as change:
            for key in keys:
                try:
                    agent = change.agent(key)
                except NotFoundError:
                    # Its cell was deleted: there is nothing to keep true any more.
                    gone.append(key)
                    continue
                resource = ("agent", agent.place, agent.place)
                if not fresh:
                    text = f"the agent of {agent.place} has not reported for {STALE_AFTER:.0f} s"
                    change.event("agent.silent", resource, text, "warning")
                elif key in self._fresh:
                    change.event("agent.heard", resource, f"the agent of {agent.place} reports again")
        self._fresh.update(dict.fromkeys(keys, fresh))
        for key in gone:
            self._fresh.pop(key, None)

    def _settle(self, marked: Mapping[AgentKey, Marks]) -> None:
        """Write down what is new of what is marked. What waits for an agent still is marked again.

        They are looked at once, within the change: what is marked mostly has news.
        """
        try:
            with self._context.change() as change:
                session = change.session
                whole = [key for key, marks in marked.items() if marks.everything]
                # By id: two agents may have the two ends of one connection.
                found = {c.id: c for key in whole for c in connections.of_agent(session, key)}
                others = {i for marks in marked.values() for i in marks.ids} - found.keys()
                found |= {c.id: c for c in connections.several(session, others)}
                told, waiting = standing.news(self._context, session, tuple(found.values()))
                standing.write_down(change, told)
        except StoreUnavailableError:
            for key, marks in marked.items():
                self._context.unsettled.mark(key, marks)
            raise
        for connection in waiting:
            ends = (connection.local.agent, connection.remote.agent)
            self._context.unsettled.mark_both(ends, connection.id)
