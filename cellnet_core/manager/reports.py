"""The latest report of each agent, in memory: a report is worth nothing after a restart, agents send anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cellnet_core.manager.findings import STALE_AFTER
from cellnet_core.manager.unsettled import Marks
from cellnet_core.model.wire import (
    ConnectionReport,
    Document,
    HealthReport,
    PathReport,
    ReportDocument,
    SessionReport,
)
from cellnet_core.store.records import AgentKey

REMEMBERED_LIVES = 8
"""Former agent ids kept per agent, so that a late report of a dead process is not taken for news."""


@dataclass(frozen=True, slots=True)
class Received:
    """A report, and when it came: on the monotonic clock (seconds) and on the wall."""

    report: ReportDocument
    at: float
    wall: datetime
    steady_since: datetime
    """When the agent began to report without a gap that made it stale."""
    connections: Mapping[str, ConnectionReport]
    """What the report says of each connection, by id."""


class Reports:
    """Takes reports in order of their sequence, for as many agents as there are. Safe from any thread."""

    def __init__(self, started: float) -> None:
        self.started = started
        """When this manager began to listen, on the monotonic clock."""
        self._lock = threading.Lock()
        self._latest: dict[AgentKey, Received] = {}
        self._past_lives: dict[AgentKey, tuple[str, ...]] = {}
        self._arriving = 0

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """A report is here, and is taken by the end of the block."""
        with self._lock:
            self._arriving += 1
        try:
            yield
        finally:
            with self._lock:
                self._arriving -= 1

    @property
    def wait(self) -> bool:
        """Whether reports are here that nobody has taken yet."""
        with self._lock:
            return self._arriving > 0

    def accept(self, key: AgentKey, report: ReportDocument, now: float, wall: datetime) -> Marks | None:
        """Keep the report if it is news, and say which connections it has something new of.

        None when it came out of order or from a former life.
        """
        since = wall
        connections = {connection.id: connection for connection in report.connections}
        for connection in report.connections:
            _slim(connection)
        with self._lock:
            before = self._latest.get(key)
            if before is not None:
                if report.agent_id == before.report.agent_id:
                    if report.sequence <= before.report.sequence:
                        return None
                elif report.agent_id in self._past_lives.get(key, ()):
                    return None
                else:
                    lives = (before.report.agent_id, *self._past_lives.get(key, ()))
                    self._past_lives[key] = lives[:REMEMBERED_LIVES]
                if now - before.at <= STALE_AFTER:
                    since = before.steady_since
            received = Received(report, now, wall, since, connections)
            self._latest[key] = received
        return _news(before, received)

    def latest(self, key: AgentKey) -> Received | None:
        """The newest report, however old."""
        # One look at a dictionary, which is whole at any time.
        return self._latest.get(key)

    def age(self, key: AgentKey, now: float) -> float:
        """Seconds since the newest report; without one, since this manager began to listen."""
        return self.age_of(self.latest(key), now)

    def age_of(self, received: Received | None, now: float) -> float:
        """The same, of the newest report at hand."""
        return now - (self.started if received is None else received.at)


def _slim(connection: ConnectionReport) -> None:
    """Which fields were sent is noted with each part, and takes half of its memory; nobody asks for that."""
    for part in (connection, *connection.sessions, *connection.paths, *connection.health):
        object.__setattr__(part, "__pydantic_fields_set__", _EVERY_FIELD[type(part)])


_EVERY_FIELD: Mapping[type[Document], set[str]] = {
    kind: set(kind.model_fields) for kind in (ConnectionReport, SessionReport, PathReport, HealthReport)
}


def _news(before: Received | None, after: Received) -> Marks:
    """What another status may follow from."""
    if before is None or before.report.agent_id != after.report.agent_id:
        return Marks(everything=True)
    if before.report.processes != after.report.processes:
        return Marks(everything=True)
    said, says = before.connections, after.connections
    changed = {i for i, about in says.items() if i not in said or _essence(said[i]) != _essence(about)}
    return Marks(ids=frozenset(changed | (said.keys() - says.keys())))


def _essence(about: ConnectionReport) -> object:
    """What a status rests on: not the ages and counts that every report has anew."""
    return (
        about.revision,
        about.phase,
        about.stage,
        about.paths,
        about.learned,
        about.conditions,
        about.orders,
        about.sessions_age_s is None,
        about.tables_age_s is None,
        [(s.path, s.state, s.last_error) for s in about.sessions],
        [(h.family, h.ok, h.known) for h in about.health],
    )
