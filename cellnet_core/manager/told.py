"""What each agent is told, in memory, so that one changed connection costs one connection.

An entry is good for one generation only. Who commits a change hands on what differs; whoever finds another
generation in the store reads everything anew. Nothing is ever told from an entry of another generation.

Kept is the text that goes over the wire: it is made once, and takes a tenth of the memory of the values it is
made of.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cellnet_core.model.wire import ConnectionIntent
from cellnet_core.store.records import AgentKey

Said = tuple[str, str]
"""Of one connection: its name, and the JSON text of its intent."""


@dataclass(frozen=True, slots=True)
class Step:
    """From one generation of an agent's intent to a later one: what differs; None: not told any more."""

    before: int
    after: int
    differing: Mapping[str, ConnectionIntent | None]


@dataclass(slots=True)
class Told:
    """Safe from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _entries: dict[AgentKey, tuple[int, dict[str, Said]]] = field(default_factory=dict)

    def find(self, key: AgentKey, generation: int) -> tuple[str, ...] | None:
        """Everything the agent is told at this generation: a JSON text for each connection, by name.

        None when it has to be read.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] != generation:
                return None
            return tuple(text for _, text in sorted(entry[1].values()))

    def keep(self, key: AgentKey, generation: int, told: Iterable[ConnectionIntent]) -> tuple[str, ...]:
        """What was read for this generation; returns what `find` would."""
        said = {connection.id: _said(connection) for connection in told}
        with self._lock:
            before = self._entries.get(key)
            if before is None or before[0] < generation:
                self._entries[key] = (generation, said)
        return tuple(text for _, text in sorted(said.values()))

    def follow(self, key: AgentKey, step: Step) -> None:
        """A change was committed. Steps that come in another order than they were committed are not taken."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return
            if entry[0] != step.before:
                del self._entries[key]
                return
            for identifier, intent in step.differing.items():
                if intent is None:
                    entry[1].pop(identifier, None)
                else:
                    entry[1][identifier] = _said(intent)
            self._entries[key] = (step.after, entry[1])


def _said(connection: ConnectionIntent) -> Said:
    return connection.name, connection.model_dump_json()
