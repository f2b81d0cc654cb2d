"""Faults from a test: a method a kind, each undone by its context, by hand, or at the end of the test."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any

from simulator.client import LabClient
from simulator.errors import LabError, UnknownTargetError


class Injected:
    """A fault in force. Leaving its `with` block takes it back."""

    def __init__(self, client: LabClient, document: Mapping[str, Any], *, stays_on_error: bool) -> None:
        self.document = dict(document)
        self._client = client
        self._stays_on_error = stays_on_error
        self.asked_s = time.monotonic()
        """Just before the lab was asked, CLOCK_MONOTONIC seconds."""
        self.id = client.inject(self.document)
        self.at_s = time.monotonic()
        """It was in force (or over, for a crash) by then: the zero point for deadlines."""
        self._cleared = self.id == ""

    def clear(self) -> None:
        """Take it back; harmless when it is back already."""
        if self._cleared:
            return
        self._cleared = True
        try:
            self._client.clear(self.id)
        except UnknownTargetError:
            return  # the test cleared all faults itself

    def __enter__(self) -> Injected:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Who keeps the lab of a failed test wants to see it as it failed.
        if error is None or not self._stays_on_error:
            self.clear()


class Faults:
    """Breaks things. Names are those of the lab (`cellnet lab show`); docs/faults.md has what each kind does.

    Every method raises LabUsageError for what does not exist or cannot be done here, with the remedy.
    """

    def __init__(self, client: LabClient, *, stays_on_error: bool = False) -> None:
        self._client = client
        self._stays_on_error = stays_on_error
        self.injected: list[Injected] = []

    def inject(self, document: Mapping[str, Any]) -> Injected:
        """Any fault, by its document, such as {"kind": "cut", "link": "main-east-1"}."""
        fault = Injected(self._client, document, stays_on_error=self._stays_on_error)
        self.injected.append(fault)
        return fault

    def cut(self, link: str, *, seconds: float | None = None) -> Injected:
        """Both ends lose their carrier."""
        return self._inject("cut", link=link, seconds=seconds)

    def blackhole(self, link: str, direction: str | None = None, *, seconds: float | None = None) -> Injected:
        """Carrier stays, nothing passes."""
        return self._inject("blackhole", link=link, direction=direction, seconds=seconds)

    def oneway(self, link: str, direction: str, *, seconds: float | None = None) -> Injected:
        """The same in one direction, such as "main-to-east"."""
        return self._inject("oneway", link=link, direction=direction, seconds=seconds)

    def loss(
        self, link: str, percent: float, direction: str | None = None, *, seconds: float | None = None
    ) -> Injected:
        """Packets vanish at random."""
        return self._inject("loss", link=link, percent=percent, direction=direction, seconds=seconds)

    def delay(
        self,
        link: str,
        milliseconds: float,
        direction: str | None = None,
        *,
        jitter_ms: float | None = None,
        seconds: float | None = None,
    ) -> Injected:
        """Packets arrive later; mark the test needs("fault:delay")."""
        fields = {"link": link, "milliseconds": milliseconds, "jitter_ms": jitter_ms}
        return self._inject("delay", **fields, direction=direction, seconds=seconds)

    def rate(
        self, link: str, mbit: float, direction: str | None = None, *, seconds: float | None = None
    ) -> Injected:
        """At most that many megabit a second."""
        return self._inject("rate", link=link, mbit=mbit, direction=direction, seconds=seconds)

    def flap(self, link: str, mode: str = "cut", **fields: Any) -> Injected:
        """Down and up again by itself: period_s, duty, count, seed, direction (mode "oneway")."""
        return self._inject("flap", link=link, mode=mode, **fields)

    def partition(self, *members: str | Collection[str], seconds: float | None = None) -> Injected:
        """These cells (their gateways) or nodes and all others no longer hear each other for management.

        Sets of names are groups that no longer hear each other: `partition({"main"}, {"east", "west"})`.
        """
        if all(isinstance(member, str) for member in members):
            return self._inject("partition", members=list(members), seconds=seconds)
        groups = [[member] if isinstance(member, str) else sorted(member) for member in members]
        return self._inject("partition", groups=groups, seconds=seconds)

    def isolate(self, target: str, cell: str, *, seconds: float | None = None) -> Injected:
        """The cell and its "controller", the "manager" or its message "bus" no longer hear each other."""
        return self._inject("isolate", target=target, cell=cell, seconds=seconds)

    def all(self, *documents: Mapping[str, Any], seconds: float | None = None) -> Injected:
        """Several as one: all or none, taken back together."""
        return self._inject("all", faults=[dict(document) for document in documents], seconds=seconds)

    def reset_session(self, link: str, cell: str | None = None) -> Injected:
        """The cell's speaker ends the session of that path; over at once."""
        return self._inject("reset-session", link=link, cell=cell)

    def withdraw(self, cell: str, link: str | None = None, *, seconds: float | None = None) -> Injected:
        """The cell announces its prefixes no more, on that path or on all."""
        return self._inject("withdraw", cell=cell, link=link, seconds=seconds)

    def leak(
        self, cell: str, prefix: str, link: str | None = None, *, seconds: float | None = None
    ) -> Injected:
        """The cell announces a prefix that is not its own."""
        return self._inject("leak", cell=cell, prefix=prefix, link=link, seconds=seconds)

    def hijack(
        self, cell: str, victim: str, prefix: str | None = None, link: str | None = None, **fields: Any
    ) -> Injected:
        """The cell announces a part of the victim's prefix, by default the first half of each."""
        return self._inject("hijack", cell=cell, victim=victim, prefix=prefix, link=link, **fields)

    def flood(self, cell: str, count: int | None = None, link: str | None = None) -> Injected:
        """The cell announces that many prefixes (default: 100,000)."""
        return self._inject("flood", cell=cell, count=count, link=link)

    def malformed(self, link: str, cell: str, sort: str | None = None, **fields: Any) -> Injected:
        """A rogue speaker in the cell's place sends broken UPDATEs of that sort."""
        return self._inject("malformed", link=link, cell=cell, sort=sort, **fields)

    def crash(self, service: str) -> Injected:
        """kill -9; its supervisor starts it again."""
        return self._inject("crash", service=service)

    def freeze(self, service: str, *, seconds: float | None = None) -> Injected:
        """There, and silent."""
        return self._inject("freeze", service=service, seconds=seconds)

    def restart(self, service: str) -> Injected:
        """Ended in order and started again; over when it is ready."""
        return self._inject("restart", service=service)

    def clear(self) -> None:
        """Take back everything that this test injected, the last first."""
        for fault in reversed(self.injected):
            try:
                fault.clear()
            except LabError:
                continue  # the lab is gone, or its reset will find what is left

    def _inject(self, kind: str, **fields: Any) -> Injected:
        given = {key: value for key, value in fields.items() if value is not None}
        return self.inject({"kind": kind, **given})
