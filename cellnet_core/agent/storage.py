"""What survives a restart of the agent: the last known good intent, and the planner's memory.

Files in `site.state_directory`, replaced as a whole, never half-written. A file that cannot be read is set
aside and reported, never fatal: without intent the agent only adds, never removes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from cellnet_core.drivers.contract import LearnedRoute
from cellnet_core.model.journal import Journal
from cellnet_core.model.wire import IntentDocument
from cellnet_core.planner.seen import Deferral, Hold, Memory


class MemoryFile(BaseModel):
    """The planner's memory on disk."""

    version: Literal[1] = 1
    holds: dict[str, Hold]
    macs: tuple[tuple[str, str, str], ...]
    """Internal port, link address, MAC."""
    speaker_instance: str | None
    learned: tuple[LearnedRoute, ...]
    deferrals: dict[str, Deferral]


class Storage:
    """The agent's state directory."""

    def __init__(self, directory: Path, journal: Journal) -> None:
        self._directory = directory
        self._journal = journal
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def intent_file(self) -> Path:
        """Holds the intent as the manager sent it."""
        return self._directory / "intent.json"

    @property
    def memory_file(self) -> Path:
        """Holds what the planner has to remember."""
        return self._directory / "memory.json"

    def load_intent(self) -> IntentDocument | None:
        """The last intent in force; None when there is none that can be read."""
        text = self._read(self.intent_file)
        if text is None:
            return None
        try:
            return IntentDocument.model_validate_json(text)
        except ValidationError as error:
            self._set_aside(self.intent_file, str(error))
            return None

    def save_intent(self, intent: IntentDocument) -> None:
        """Keep the intent over crashes of agent and machine."""
        self._write(self.intent_file, intent.model_dump_json(), durable=True)

    def load_memory(self) -> Memory:
        """What the planner remembered; empty when nothing can be read."""
        text = self._read(self.memory_file)
        if text is None:
            return Memory()
        try:
            return parse_memory(text)
        except ValidationError as error:
            self._set_aside(self.memory_file, str(error))
            return Memory()

    def save_memory(self, memory: Memory) -> None:
        """Keep the planner's memory over a crash of the agent (not of the machine: no fsync)."""
        self._write(self.memory_file, render_memory(memory), durable=False)

    def _read(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            self._set_aside(path, str(error))
            return None

    def _set_aside(self, path: Path, why: str) -> None:
        aside = path.with_suffix(".unreadable")
        try:
            path.replace(aside)
        except OSError as error:
            why = f"{why}; and it cannot be moved: {error}"
        self._journal.record("storage", file=path.name, kept_as=aside.name, error=why)

    def _write(self, path: Path, text: str, *, durable: bool) -> None:
        new = path.with_suffix(".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write(text)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            # A full disk must not stop the repair of a path.
            self._journal.record("storage", file=path.name, error=str(error))


def render_memory(memory: Memory) -> str:
    """As JSON. Adjacencies are left out: the kernel tells them at once."""
    return MemoryFile(
        holds=dict(memory.holds),
        macs=tuple((port, address, mac) for (port, address), mac in memory.macs.items()),
        speaker_instance=memory.speaker_instance,
        learned=memory.learned,
        deferrals=dict(memory.deferrals),
    ).model_dump_json()


def parse_memory(text: str) -> Memory:
    """From JSON. Raises pydantic's ValidationError on anything unexpected."""
    file = MemoryFile.model_validate_json(text)
    return Memory(
        holds=file.holds,
        macs={(port, address): mac for port, address, mac in file.macs},
        speaker_instance=file.speaker_instance,
        learned=file.learned,
        deferrals=file.deferrals,
    )
