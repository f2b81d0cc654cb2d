"""The labs of one pytest process: one for each wish, lent to one test at a time, clean or replaced.

Knows no test and no pytest; what a test did to a lab is found out by looking (`resetting`, `traces`).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cellnet_core.client import Client
from scenarios.plugin import ownership, resetting, traces
from scenarios.plugin.factory import Factory
from scenarios.plugin.ownership import Ownership
from scenarios.plugin.portrait import Portrait
from scenarios.plugin.resetting import Cleaning
from scenarios.plugin.traces import Traces
from scenarios.plugin.wishes import Wish
from simulator.captures import Capture
from simulator.client import LabClient
from simulator.doctor import NotCapableError
from topologies.model import Topology

MOST = 2
"""Labs alive at the same time in one process; the one that was not used for longest has to go."""
SLOW_SECONDS = 1.0
"""A reset that takes longer tells what it waited for."""
AUDIT_SECONDS = 1.0
"""Programs that were told to end may take so long before they count as left behind."""


@dataclass(slots=True)
class Lent:
    """A lab with what is needed to bring it back to its birth."""

    wish: Wish
    client: LabClient
    api: Client
    birth: Portrait
    traces: Traces
    ownership: Ownership
    recorder: Capture | None = None
    """Packets of the lab since its birth, the newest of them."""


@dataclass(frozen=True, slots=True)
class Return:
    """How a lab came back from a test. `leaks` fail the test; `dirt` costs the lab, and nothing else."""

    cleaning: Cleaning
    leaks: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What the terminal summary tells."""

    started: int = 0
    resets: list[Cleaning] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    swept: tuple[str, ...] = ()
    kept: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Words for people."""
        lines = [f"{self.started} lab{'' if self.started == 1 else 's'} started"]
        if self.resets:
            seconds = [reset.seconds for reset in self.resets]
            longest = max(self.resets, key=lambda reset: reset.seconds)
            resets = f"{len(seconds)} reset{'' if len(seconds) == 1 else 's'}"
            middle = statistics.median(seconds)
            lines[0] += f", {resets} (median {middle:.2f} s, longest {longest.seconds:.2f} s)"
            if longest.waited_for and longest.seconds > SLOW_SECONDS:
                lines.append(f"the longest reset waited for: {longest.waited_for[0]}")
            starting = max(reset.start_seconds for reset in self.resets)
            if starting > SLOW_SECONDS:
                lines.append(
                    f"before it, {starting:.2f} s for services that a test had ended: wait for them there"
                )
        lines += [f"ended the lab of a run that is gone: {name}" for name in self.swept]
        lines += [f"replaced {reason}" for reason in self.replaced]
        lines += [f"kept: {name}; `cellnet lab down {name}` ends it" for name in self.kept]
        return "\n".join(lines)


class Pool:
    """Starts labs when they are wanted, and ends all of them at `close`."""

    def __init__(
        self,
        factory: Factory,
        base: Path | None = None,
        *,
        record: Sequence[str] = (),
        reset_seconds: float = resetting.SECONDS,
        audit_seconds: float = AUDIT_SECONDS,
    ) -> None:
        """`base` is where run directories are, if not where they usually are. `record` is what each lab
        captures as long as it lives."""
        self._factory = factory
        self._base = base
        self._record = tuple(record)
        self._reset_seconds = reset_seconds
        self._audit_seconds = audit_seconds
        self._idle: dict[tuple[Topology, str], Lent] = {}
        self._out: list[Lent] = []
        self._refusals: Mapping[str, str] | None = None
        self._no_lab: NotCapableError | None = None
        self._number = 0
        self.tally = Tally()

    def missing(self, needs: Iterable[str]) -> list[str]:
        """The reasons why this machine cannot do what is needed; asks the doctor once."""
        needs = tuple(needs)
        if needs and self._refusals is None:
            self._refusals = self._factory.refusals()
        refusals = self._refusals or {}
        return [f"needs {need}: {refusals[need]}" for need in needs if need in refusals]

    def lend(self, wish: Wish) -> Lent:
        """A clean lab, started if there is none. Raises NotCapableError, LabError, ClientError."""
        lent = self._idle.pop(_key(wish), None)
        if lent is None:
            if self._no_lab is not None:
                raise self._no_lab
            while len(self._idle) >= MOST:
                self._end(self._idle.pop(next(iter(self._idle))))
            lent = self._start(wish)
        self._out.append(lent)
        return lent

    def give_back(self, lent: Lent, audits: Iterable[str]) -> Return:
        """Take a lab back: reset, proved clean and audited; one that is not is ended."""
        self._out.remove(lent)
        cleaning = resetting.reset(lent.client, lent.api, lent.birth, self._reset_seconds)
        leaks = [] if cleaning.dirt else self._leaks(lent, tuple(audits))
        if cleaning.dirt or leaks:
            reasons = (*cleaning.dirt, *leaks)
            more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
            self.tally.replaced.append(f"{lent.client.name}: {'; '.join(reasons[:3])}{more}")
            self._end(lent)
        else:
            # A manager that a test ended left its client with another connection: not the test's to close.
            lent.api.close()
            lent.api = self._factory.api(lent.client)
            self.tally.resets.append(cleaning)
            self._idle[_key(lent.wish)] = lent
        return Return(cleaning, tuple(leaks))

    def keep(self, lent: Lent) -> None:
        """Leave a lab running for its user; the next test gets another one."""
        self._out.remove(lent)
        self.tally.kept.append(lent.client.name)
        lent.api.close()
        lent.ownership.release(keep=True)

    def close(self) -> None:
        """End every lab but those that were kept."""
        while self._out:
            self._end(self._out.pop())
        while self._idle:
            self._end(self._idle.popitem()[1])

    def _start(self, wish: Wish) -> Lent:
        if self._number == 0:
            self.tally.swept = ownership.sweep(self._base)
        self._number += 1
        name = f"{ownership.PREFIX}{os.getpid()}-{self._number}"
        try:
            client = self._factory.start(wish, name)
        except NotCapableError as refusal:
            self._no_lab = refusal
            raise
        owned = Ownership(client.run_directory)
        api = self._factory.api(client)
        self.tally.started += 1
        try:
            recorder = self._factory.record(client, self._record) if self._record else None
            birth = resetting.settle(client, api)
            found = self._factory.traces(client)
        except BaseException:
            api.close()
            owned.release(keep=False)
            client.down()
            raise
        return Lent(wish, client, api, birth, found, owned, recorder)

    def _leaks(self, lent: Lent, audits: tuple[str, ...]) -> list[str]:
        deadline = time.monotonic() + self._audit_seconds
        while True:
            leaks = traces.left_behind(lent.traces, self._factory.traces(lent.client), audits)
            if not leaks or time.monotonic() >= deadline:
                return leaks
            time.sleep(resetting.PAUSE)

    def _end(self, lent: Lent) -> None:
        lent.api.close()
        lent.client.down()
        lent.ownership.release(keep=False)


def _key(wish: Wish) -> tuple[Topology, str]:
    return (wish.topology, wish.controller)
