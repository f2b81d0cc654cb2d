"""The agents' side: they ask for their intent and report what they see; nobody calls them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from cellnet_core.manager import cells, intent, plausibility, standing
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.drifts import Drifts
from cellnet_core.manager.errors import ConflictError, NotFoundError
from cellnet_core.manager.histories import Histories
from cellnet_core.manager.standing import AgentView
from cellnet_core.model.wire import Head, IntentDocument, ReportDocument
from cellnet_core.store import agents as rows
from cellnet_core.store import connections
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import AgentKey, AgentRecord

LOG = logging.getLogger(__name__)
MAX_WAIT = 60.0
"""Seconds that one request for intent may wait at most."""

Moment = tuple[float, datetime]
"""On the monotonic clock, in seconds, and on the wall."""


class Agents:
    """Services for agents, and the list of them."""

    def __init__(self, context: Context, drifts: Drifts) -> None:
        self._context = context
        self._histories = Histories(context)
        self._drifts = drifts
        self._apart: dict[tuple[str, str], Head] = {}
        self._turn = asyncio.Lock()

    def everyone(self) -> tuple[AgentView, ...]:
        """All agents that were ever told or said anything, by cell and gateway."""
        with self._context.database.read() as session:
            known = rows.everyone(session)
        return tuple(standing.view_agent(self._context, agent) for agent in known)

    def page(self, query: PageQuery) -> Page[AgentView]:
        """A page of them. Raises BadQueryError."""
        with self._context.database.read() as session:
            found = rows.page(session, query)
        return Page(tuple(standing.view_agent(self._context, agent) for agent in found.items), found.more)

    def speaks(self, cell: str, gateway: str, head: Head) -> bool:
        """Whether `check_version` would find nothing and has nothing to forget either. Asks no database."""
        return (cell, gateway) not in self._apart and head.problem("the agent", "this manager") is None

    def check_version(self, cell: str, gateway: str, head: Head) -> None:
        """Refuse an agent too far from this manager's version; said once, in the log and among events.

        Raises ConflictError and NotFoundError.
        """
        problem = head.problem("the agent", "this manager")
        if problem is None:
            self._apart.pop((cell, gateway), None)
            return
        if self._apart.get((cell, gateway)) != head:
            self._apart[cell, gateway] = head
            with self._context.change() as change:
                place = f"{cells.require(change.session, cell).name}/{gateway}"
                LOG.error("%s: %s", place, problem)
                change.event("agent.wire_version", ("agent", place, place), f"{place}: {problem}", "error")
        raise ConflictError("agent.wire_version", problem)

    def get(self, cell: str, gateway: str) -> AgentView:
        """One agent. Raises NotFoundError."""
        with self._context.database.read() as session:
            key = AgentKey(cells.require(session, cell).id, gateway)
            found = rows.find(session, key)
        if found is None:
            raise NotFoundError("agent.not_found", f"no agent of {cell}/{gateway} was heard of yet")
        return standing.view_agent(self._context, found)

    async def next_intent(self, cell: str, gateway: str, after: int, wait: float) -> IntentDocument | None:
        """As `next_text`, for who wants to read it here."""
        text = await self.next_text(cell, gateway, after, wait)
        return None if text is None else IntentDocument.model_validate_json(text)

    async def next_text(self, cell: str, gateway: str, after: int, wait: float) -> str | None:
        """The agent's intent as soon as its generation is greater than `after`; None when `wait` is over.

        It is the JSON text of an IntentDocument. Raises NotFoundError for an unknown cell.
        """
        clock = self._context.clock
        deadline = clock.now() + min(wait, MAX_WAIT)
        key = await asyncio.to_thread(self._meet, cell, gateway)
        with self._context.wakeups.waiting(key) as waiter:
            while True:
                waiter.event.clear()
                # In turn: a database's rows are read one by one, and threads that read at once hand Python's
                # lock to and fro at each of them, which took half as long again.
                async with self._turn:
                    found = await asyncio.to_thread(self._intent, key, after)
                if found is not None:
                    return found
                remaining = deadline - clock.now()
                if remaining <= 0 or self._context.wakeups.closed:
                    return None
                woken = asyncio.ensure_future(waiter.event.wait())
                timer = asyncio.ensure_future(clock.sleep(remaining))
                try:
                    await asyncio.wait({woken, timer}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    woken.cancel()
                    timer.cancel()

    def report(
        self, cell: str, gateway: str, report: ReportDocument, came: Moment | None = None
    ) -> AgentKey | None:
        """Take what an agent sees; None when it is old news. `came`: when it was here, else now.

        Raises NotFoundError for an unknown cell and InvalidError for what cannot be.
        """
        plausibility.check(report)
        inventory = report.inventory.model_dump(mode="json")
        with self._context.database.read() as session:
            key = AgentKey(cells.require(session, cell).id, gateway)
            known = rows.find(session, key)
        news = self._context.reports.accept(key, report, *(came or self.now()))
        if news is None:
            return None
        self._context.unsettled.mark(key, news)
        if known is None or known.first_seen_at is None or known.inventory != inventory:
            with self._context.change() as change:
                known = self._remember(change, change.agent(key), inventory)
        self._histories.notice(known, report)
        self._drifts.take(key, known.cell_name, report)
        return key

    def now(self) -> Moment:
        """On both clocks."""
        return self._context.clock.now(), self._context.wall()

    def _remember(self, change: Change, agent: AgentRecord, inventory: dict[str, Any]) -> AgentRecord:
        first = agent.inventory is None
        after = replace(agent, inventory=inventory, first_seen_at=agent.first_seen_at or change.at)
        rows.save(change.session, after)
        change.event(
            "agent.registered" if first else "agent.inventory",
            ("agent", agent.place, agent.place),
            f"agent of {agent.place} " + ("reports for the first time" if first else "has another inventory"),
        )
        return after

    def _meet(self, cell: str, gateway: str) -> AgentKey:
        """Know the agent from now on."""
        with self._context.database.read() as session:
            key = AgentKey(cells.require(session, cell).id, gateway)
            known = rows.find(session, key)
        if known is None or known.first_seen_at is None:
            with self._context.change() as change:
                agent = change.agent(key)
                if agent.first_seen_at is None:
                    rows.save(change.session, replace(agent, first_seen_at=change.at))
        return key

    def _intent(self, key: AgentKey, after: int) -> str | None:
        """What the agent is told, if its generation is greater than `after`. Reads what changed since."""
        with self._context.database.read() as session:
            agent = rows.find(session, key)
            if agent is None:
                # It was met before this request waited: its cell was deleted meanwhile.
                raise NotFoundError("agent.not_found", f"the cell of gateway {key.gateway} was deleted")
            if agent.generation <= after:
                return None
            told = self._context.told.find(key, agent.generation)
            if told is None:
                rendered = intent.render(key, connections.of_agent(session, key), self._context.tell)
                told = self._context.told.keep(key, agent.generation, rendered)
        return intent.document(self._context.database.owner, agent, told)
