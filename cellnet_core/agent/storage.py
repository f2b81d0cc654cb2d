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
from cellnet_core.model.wire import IntentDocument, OrderReport
from cellnet_core.planner.drift import Book, Drift, Policy
from cellnet_core.planner.seen import Deferral, Hold, Memory

PRIVATE = 0o600
"""The intent may hold passwords of sessions."""


class LeftAlone(BaseModel):
    """Something that somebody else changed and that the policy leaves so."""

    driver: str
    verb: str
    target: str
    action: Policy


class MemoryFile(BaseModel):
    """The planner's memory on disk."""

    version: Literal[1] = 1
    holds: dict[str, Hold]
    macs: tuple[tuple[str, str, str], ...]
    """Internal port, link address, MAC."""
    speaker_instance: str | None
    learned: tuple[LearnedRoute, ...]
    deferrals: dict[str, Deferral]
    left_alone: tuple[LeftAlone, ...] = ()


class OrdersFile(BaseModel):
    """What became of the orders that the intent names, so that none is carried out twice."""

    version: Literal[1] = 1
    orders: tuple[OrderReport, ...]


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

    @property
    def orders_file(self) -> Path:
        """Holds what became of orders."""
        return self._directory / "orders.json"

    def load_orders(self) -> tuple[OrderReport, ...]:
        """What became of orders; empty when nothing can be read."""
        text = self._read(self.orders_file)
        if text is None:
            return ()
        try:
            return OrdersFile.model_validate_json(text).orders
        except ValidationError as error:
            self._set_aside(self.orders_file, str(error))
            return ()

    def save_orders(self, orders: tuple[OrderReport, ...]) -> None:
        """Keep what became of orders over a crash of the agent."""
        self._write(self.orders_file, OrdersFile(orders=orders).model_dump_json(), durable=False)

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
            new.unlink(missing_ok=True)  # its mode counts from the first byte
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 (opened already)
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
        left_alone=tuple(
            LeftAlone(driver=d.driver, verb=d.verb, target=d.target, action=d.action)
            for d in memory.book.open
            if d.left
        ),
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
        book=Book(
            open=tuple(
                Drift(
                    number,
                    left.driver,
                    left.verb,
                    left.target,
                    "left alone before a restart",
                    left.action,
                    0.0,
                )
                for number, left in enumerate(file.left_alone, start=1)
            ),
            count=len(file.left_alone),
        ),
    )
