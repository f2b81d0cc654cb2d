"""Agents that stand in another history of this database, or in another database: noticed, shown, confirmed.

An agent keeps what it has when the manager's database was put back from a copy, lost or replaced; nothing
here makes it give that up but an operator's confirmation, which names the very position that is to be left.
"""

from __future__ import annotations

from dataclasses import replace

from cellnet_core.manager import cells, standing
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import ConflictError, NotFoundError
from cellnet_core.manager.standing import AgentView
from cellnet_core.manager.unsettled import Marks
from cellnet_core.model import lineage
from cellnet_core.model.wire import Position, ReportDocument
from cellnet_core.store import agents as rows
from cellnet_core.store import audit
from cellnet_core.store.records import AgentKey, AgentRecord


def astray(owner: str, agent: AgentRecord, report: ReportDocument) -> Position | None:
    """Where the agent stands, if that is not on the line of what it was told. Pure."""
    # Agents that do not know positions yet say a number only.
    at = report.position or Position(owner=owner, term="", generation=report.generation)
    if at.generation < 0 or at == agent.supersedes:
        return None
    if report.position is not None and at.owner != owner:
        return at
    on_line = lineage.on_line(agent.lineage, agent.generation, at.term, at.generation)
    return None if on_line else at


class Histories:
    """Services on where agents stand."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def notice(self, agent: AgentRecord, report: ReportDocument) -> None:
        """Remember that an agent is astray, or that it is not any more. Costs nothing when that is known.

        `agent`: as it was just read.
        """
        owner, key = self._context.database.owner, agent.key
        if astray(owner, agent, report) == agent.astray:
            return
        with self._context.change() as change:
            agent = change.agent(key)
            at = astray(owner, agent, report)
            if at == agent.astray:
                return  # another of its reports said so meanwhile
            rows.save(change.session, replace(agent, astray=at))
            self._context.unsettled.mark(key, Marks(everything=True))
            resource = ("agent", agent.place, agent.place)
            if at is None:
                change.event("agent.followed", resource, f"the agent of {agent.place} follows this database")
                return
            whose = f"generation {at.generation}" + ("" if at.owner == owner else f" of manager {at.owner}")
            change.event(
                "agent.astray",
                resource,
                f"the agent of {agent.place} follows {whose}, which this database (at {agent.generation}) "
                "never gave out: was it put back or replaced? The agent keeps what it has until somebody "
                "confirms",
                "warning",
                agent_generation=at.generation,
                generation=agent.generation,
            )

    def confirm(self, cell: str, gateway: str, request_id: str | None = None) -> AgentView:
        """Have the agent leave where it stands for what this database says.

        What this database does not know of is taken down by the agent. Raises NotFoundError, and
        ConflictError when the agent is not astray.
        """
        with self._context.change(request_id) as change:
            key = AgentKey(cells.require(change.session, cell).id, gateway)
            agent = rows.find(change.session, key)
            if agent is None:
                raise NotFoundError("agent.not_found", f"no agent of {cell}/{gateway} was heard of yet")
            if agent.astray is None:
                raise ConflictError(
                    "agent.nothing_to_confirm",
                    f"the agent of {agent.place} follows this database: there is nothing to confirm",
                )
            return standing.view_agent(self._context, self._supersede(change, agent, agent.astray))

    def everyone_astray(self) -> tuple[AgentRecord, ...]:
        """All agents that wait for a confirmation, by cell and gateway."""
        with self._context.database.read() as session:
            return tuple(agent for agent in rows.everyone(session) if agent.astray is not None)

    def _supersede(self, change: Change, agent: AgentRecord, at: Position) -> AgentRecord:
        same = at.owner == self._context.database.owner
        audit.acted(
            change.session,
            ("agent", f"{agent.key.cell_id}/{agent.key.gateway}", agent.place),
            "confirmed",
            left=at.model_dump(),
        )
        confirmed = change.raise_generation(
            replace(agent, astray=None, supersedes=at), at_least=at.generation if same else 0
        )
        change.event(
            "agent.confirmed",
            ("agent", agent.place, agent.place),
            f"the agent of {agent.place} is to leave generation {at.generation} for "
            f"{confirmed.generation} of this database",
            "warning",
            left=at.model_dump(),
            generation=confirmed.generation,
        )
        return confirmed
