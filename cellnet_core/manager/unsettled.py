"""Which connections may have another status than the stored one: in memory, per agent, taken and put back.

A report or a change marks what it is about, and settling looks at that only: it costs what is new, however
many connections an agent has. Nothing is lost with the process: the first report to a new one marks all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from cellnet_core.store.records import AgentKey


@dataclass(frozen=True, slots=True)
class Marks:
    """Ids of connections; `everything`: all that the agent has."""

    everything: bool = False
    ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or bool(self.ids)

    def __or__(self, other: Marks) -> Marks:
        return Marks(self.everything or other.everything, self.ids | other.ids)


NOTHING = Marks()


@dataclass(slots=True)
class Unsettled:
    """Safe from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _marks: dict[AgentKey, Marks] = field(default_factory=dict)

    def mark(self, key: AgentKey, marks: Marks) -> None:
        """Have these looked at when the agent is settled next."""
        if marks:
            with self._lock:
                self._marks[key] = self._marks.get(key, NOTHING) | marks

    def mark_both(self, keys: Iterable[AgentKey], connection_id: str) -> None:
        """Have a connection looked at when either of its agents is settled next."""
        for key in keys:
            self.mark(key, Marks(ids=frozenset({connection_id})))

    def take(self, key: AgentKey) -> Marks:
        """What is marked, which from now on is the caller's care: who fails marks it again."""
        with self._lock:
            return self._marks.pop(key, NOTHING)
