"""What survives a restart of the agent: the last known good intent, and the planner's memory.

Files in `site.state_directory`, replaced as a whole, never half-written. A file that cannot be read is set
aside and reported, never fatal: without intent the agent only adds, never removes.

An intent is written before it is acted on, so that no agent that was killed goes back behind what it did; it
has reached the disk before it is reported, so that no machine that lost its power goes back behind what the
manager was told. In between it stands in a file of its own, beside the one that is known to be safe.
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
        self._unsettled = False
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def intent_file(self) -> Path:
        """Holds the intent as the manager sent it."""
        return self._directory / "intent.json"

    @property
    def next_file(self) -> Path:
        """Holds the intent that may not be on the disk yet; newer than the other while it is there."""
        return self._directory / "intent.next"

    @property
    def memory_file(self) -> Path:
        """Holds what the planner has to remember."""
        return self._directory / "memory.json"

    def load_intent(self) -> IntentDocument | None:
        """The last intent in force; None when there is none that can be read."""
        for path in (self.next_file, self.intent_file):
            text = self._read(path)
            if text is None:
                continue
            try:
                found = IntentDocument.model_validate_json(text)
            except ValidationError as error:
                self._set_aside(path, str(error))
                continue
            self._unsettled = path == self.next_file
            return found
        return None

    def save_intent(self, intent: IntentDocument) -> None:
        """Keep the intent over a crash of the agent: it may be acted on."""
        self._unsettled = self._write(self.next_file, intent.model_dump_json())

    def settle(self) -> None:
        """Keep the last intent over a crash of the machine too: it may be reported. Waits for the disk."""
        if not self._unsettled:
            return
        self._unsettled = False
        try:
            with self.next_file.open("rb") as file:
                os.fsync(file.fileno())
            self.next_file.replace(self.intent_file)
        except OSError as error:
            self._journal.record("storage", file=self.next_file.name, error=str(error))

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
        self._write(self.orders_file, OrdersFile(orders=orders).model_dump_json())

    def save_memory(self, memory: Memory) -> None:
        """Keep the planner's memory over a crash of the agent (not of the machine: no fsync)."""
        self._write(self.memory_file, render_memory(memory))

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

    def _write(self, path: Path, text: str) -> bool:
        new = path.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)  # its mode counts from the first byte
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 (opened already)
                file.write(text)
            new.replace(path)
        except OSError as error:
            # A full disk must not stop the repair of a path.
            self._journal.record("storage", file=path.name, error=str(error))
            return False
        return True


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
