"""Faults from a test: a method a kind, each undone by its context, by hand, or at the end of the test."""

from __future__ import annotations

import time
from collections.abc import Mapping
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
        self, link: str, milliseconds: float, direction: str | None = None, *, seconds: float | None = None
    ) -> Injected:
        """Packets arrive later; mark the test needs("fault:delay")."""
        return self._inject(
            "delay", link=link, milliseconds=milliseconds, direction=direction, seconds=seconds
        )

    def rate(
        self, link: str, mbit: float, direction: str | None = None, *, seconds: float | None = None
    ) -> Injected:
        """At most that many megabit a second."""
        return self._inject("rate", link=link, mbit=mbit, direction=direction, seconds=seconds)

    def partition(self, *members: str, seconds: float | None = None) -> Injected:
        """These cells (their gateways) or nodes and all others no longer hear each other for management."""
        return self._inject("partition", members=list(members), seconds=seconds)

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
