"""What every service of the manager works with, and how a change is made.

A change is one transaction: rows, the generations of the intents that follow from them, its events, and the
audit of who made it: all or nothing. Only after the commit is the journal told and are waiting agents woken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cellnet_core.manager import audit, intent
from cellnet_core.manager.caller import CALLER
from cellnet_core.manager.errors import NotFoundError
from cellnet_core.manager.reports import Reports
from cellnet_core.manager.told import Step, Told
from cellnet_core.manager.unsettled import Unsettled
from cellnet_core.manager.wakeups import EVENTS, Wakeups
from cellnet_core.model import lineage
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal
from cellnet_core.model.wire import ConnectionIntent
from cellnet_core.store import agents, cells, connections, events
from cellnet_core.store.audit import Recorder
from cellnet_core.store.database import Database
from cellnet_core.store.records import AgentKey, AgentRecord, ConnectionRecord, EventRecord
from cellnet_core.store.session import Session

DRY_RUN: ContextVar[bool] = ContextVar("cellnet_dry_run", default=False)
"""Whether the changes of this request are only tried: everything is worked out, and then rolled back."""


@dataclass(frozen=True, slots=True)
class Context:
    """The manager's surroundings; tests bring their own clock, wall and identifiers."""

    database: Database
    clock: Clock
    wall: Callable[[], datetime]
    """Aware time of day, for what people read; ages are measured on `clock`."""
    new_id: Callable[[], str]
    """A UUID as text, new each time."""
    journal: Journal
    reports: Reports
    wakeups: Wakeups
    unsettled: Unsettled = field(default_factory=Unsettled)
    told: Told = field(default_factory=Told)
    tell: Callable[[AgentKey, ConnectionRecord], ConnectionIntent] = intent.told
    """Renders one connection for one agent."""

    @contextmanager
    def change(self, request_id: str | None = None) -> Iterator[Change]:
        """A transaction. Raises StoreUnavailableError; whatever the block raises rolls it back."""
        caller = CALLER.get()
        with self.database.write() as session:
            change = Change(self, session, request_id)
            recorder = None if caller is None else Recorder(session)
            yield change
            changed = change.finish()
            events.add(session, change.recorded)
            if caller is not None and recorder is not None:
                audit.write(session, caller, change.at, recorder.finish())
            if DRY_RUN.get():
                session.rollback()
                return
        for event in change.recorded:
            self.journal.record(
                event.type,
                message=event.message,
                resource=f"{event.resource_type} {event.resource_name}",
                request=request_id,
                **event.detail,
            )
        if change.generations:
            self.journal.record("intent.told", request=request_id, generations=change.generations)
        for connection, ends in change.told:
            self.unsettled.mark_both(ends, connection)
        for key, step in change.steps.items():
            self.told.follow(key, step)
        self.wakeups.notify(changed)
        if change.recorded:
            self.wakeups.notify([EVENTS])


class Change:
    """A change under way; see the module."""

    def __init__(self, context: Context, session: Session, request_id: str | None) -> None:
        self.context = context
        self.session = session
        self.at = context.wall()
        self.recorded: list[EventRecord] = []
        """What happened, in order: written down all at once, at the end."""
        self.generations: dict[str, int] = {}
        """What the intents of agents became in this change, by gateway."""
        self.told: list[tuple[str, tuple[AgentKey, AgentKey]]] = []
        """Connections of which agents were told something new: id and agents."""
        self.steps: dict[AgentKey, Step] = {}
        """What differs in the intents of agents."""
        self.request_id = request_id
        self._differing: dict[AgentKey, dict[str, ConnectionIntent | None]] = {}
        self._retold: dict[str, ConnectionRecord] = {}
        self._digests: dict[str, tuple[str, str]] = {}
        """Of what was told in this change already."""
        self._touched: set[AgentKey] = set()
        self._changed: set[AgentKey] = set()

    def tell(self, connection: ConnectionRecord) -> None:
        """What its two agents are told of this connection, as it is now, may have changed. Costs that one."""
        self._retold[connection.id] = connection

    def introduce(self, connection: ConnectionRecord) -> ConnectionRecord:
        """A connection that is not in the store yet: as it is to be stored, with what its agents are told."""
        told = self._render(connection, connection.told)
        return connection if told is None else replace(connection, told=told)

    def untell(self, connection: ConnectionRecord) -> None:
        """The connection is forgotten: its agents are told nothing of it any more."""
        self._retold.pop(connection.id, None)
        for key in (connection.local.agent, connection.remote.agent):
            self._differing.setdefault(key, {})[connection.id] = None
            self.touch(key)

    def touch(self, *keys: AgentKey) -> None:
        """These agents have another intent from now on, apart from single connections."""
        self._touched.update(keys)

    def event(
        self,
        type_: str,
        resource: tuple[str, str, str],
        message: str,
        severity: str = "info",
        **detail: Any,
    ) -> None:
        """Record what happened. `resource`: its type, id and name; severity: info, warning, error."""
        kind, identifier, name = resource
        event = EventRecord(
            id=0,
            time=self.at,
            type=type_,
            severity=severity,
            resource_type=kind,
            resource_id=identifier,
            resource_name=name,
            message=message,
            request_id=self.request_id,
            detail=detail,
        )
        self.recorded.append(event)

    def agent(self, key: AgentKey) -> AgentRecord:
        """What is remembered of an agent; made when there was nothing.

        Raises NotFoundError when its cell was deleted since the key was made.
        """
        known = agents.find(self.session, key)
        if known is not None:
            return known
        cell = cells.find(self.session, key.cell_id)
        if cell is None:
            raise NotFoundError("cell.not_found", f"the cell of gateway {key.gateway} was deleted meanwhile")
        new = AgentRecord(
            key=key,
            cell_name=cell.name,
            generation=0,
            lineage=(),
            astray=None,
            supersedes=None,
            confirmed_empty=False,
            inventory=None,
            first_seen_at=None,
        )
        agents.save(self.session, new)
        return new

    def finish(self) -> set[AgentKey]:
        """Raise the generation of each agent whose intent differs now; returns those of the whole change.

        Safe to repeat within the change: an agent that was told the same already is left alone. Costs what
        was changed, however many connections those agents have.
        """
        for identifier in sorted(self._retold):
            connection = self._retold[identifier]
            told = self._render(connection, self._digests.get(identifier, connection.told))
            if told is not None:
                connections.set_told(self.session, identifier, told)
        agents.save(self.session, *(self._raised(self.agent(key)) for key in sorted(self._touched)))
        self._retold.clear()
        self._touched.clear()
        return self._changed

    def _render(self, connection: ConnectionRecord, before: tuple[str, str]) -> tuple[str, str] | None:
        """Note what its agents are told of it from now on; its digests, None if they are as before."""
        ends = (connection.local.agent, connection.remote.agent)
        said = [self.context.tell(key, connection) for key in ends]
        digests = (intent.digest(said[0]), intent.digest(said[1]))
        self._digests[connection.id] = digests
        if digests == before:
            return None
        self.told.append((connection.id, ends))
        for key, now, digest, former in zip(ends, said, digests, before, strict=True):
            if digest != former:
                self._differing.setdefault(key, {})[connection.id] = now
                self._touched.add(key)
        return digests

    def raise_generation(self, agent: AgentRecord, at_least: int = 0) -> AgentRecord:
        """Give the agent's intent a new generation, above `at_least`. Returns the agent as it is now."""
        raised = self._raised(agent, at_least)
        agents.save(self.session, raised)
        return raised

    def _raised(self, agent: AgentRecord, at_least: int = 0) -> AgentRecord:
        """The agent with its new generation, which is noted; the caller saves it."""
        generation = max(agent.generation, at_least) + 1
        differing = dict(self._differing.get(agent.key, {}))
        told_of_some = any(said is not None for said in differing.values())
        raised = replace(
            agent,
            generation=generation,
            lineage=lineage.advance(agent.lineage, self.context.database.term, generation),
            # It became empty because its connections were deleted here, one by one: that is meant.
            confirmed_empty=not told_of_some and not connections.any_of_agent(self.session, agent.key),
        )
        before = self.steps.get(agent.key)
        self.steps[agent.key] = Step(
            before=agent.generation if before is None else before.before,
            after=generation,
            differing=differing,
        )
        self._changed.add(agent.key)
        self.generations[agent.key.gateway] = generation
        return raised
