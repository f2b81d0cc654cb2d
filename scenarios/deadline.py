"""Waiting for conditions: eventually, always, never, stays, with deadlines from one zero point.

All expectations of a step are looked at together, so five of them cost the longest wait and not the sum.
A condition is a function that looks once and says what it saw; the clock is an argument.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .values import Expectation


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a condition: whether it holds, and what was seen, for the message.

    `state` is one word for it where there is one ("ONLINE"), `reasons` say why it is so.
    """

    holds: bool
    seen: str
    state: str = ""
    reasons: tuple[str, ...] = ()


Look = Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class Met:
    """How an expectation came out. `after_s` counts from the zero point to the look that decided it: for one
    that came true, the first of the looks at which it was true from then on."""

    expectation: Expectation
    ok: bool
    after_s: float
    seen: str
    state: str = ""
    reasons: tuple[str, ...] = ()


class Clock(Protocol):
    """Monotonic seconds and blocking waits."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


INTERVAL = 0.05
"""Seconds between two looks, at first. Recovery itself is timed by probes, not by these looks."""
LONGEST_INTERVAL = 0.25
"""Seconds between two looks when it takes long: looking costs the machine that is being measured."""
PATIENCE = 10.0
"""Seconds after which the pause between looks begins to grow."""
SLOWDOWN = 0.025
"""By this share of the time waited beyond that."""

GRACE = 4 * INTERVAL
"""A look may begin this much after a deadline and still count; later, nobody knows when it came true."""


@dataclass(slots=True)
class _Watched:
    """An expectation with what was seen of it so far. `since`: it holds at every look from there on;
    `first`: what the first look saw."""

    wanted: Expectation
    since: float | None = None
    first: str | None = None
    met: Met | None = None

    def take(self, reading: Reading, asked_s: float, answered_s: float) -> Met:
        """One look, begun and ended so many seconds after the zero point. Sets `met` when it decides."""
        wanted, late = self.wanted, asked_s > self.wanted.within_s + GRACE
        over = asked_s >= wanted.within_s
        ok, seen = reading.holds, reading.seen
        if wanted.kind == "stays":
            now = reading.state or reading.seen
            self.first = now if self.first is None else self.first
            ok = now == self.first
            seen = f"{self.first}" if ok else f"{self.first} became {now}"
            decided = over or not ok
        elif wanted.kind != "eventually":
            ok = reading.holds if wanted.kind == "always" else not reading.holds
            decided = over or not ok
        elif reading.holds and self.since is None and late:
            ok, decided, seen = False, True, f"{seen}, but only after {answered_s:.1f} s"
        elif reading.holds:
            self.since = answered_s if self.since is None else self.since
            decided = False  # it may not last: `check` decides when the others hold, too
        else:
            self.since = None
            decided = over
        met = Met(wanted, ok, answered_s, seen, reading.state, reading.reasons)
        self.met = met if decided else None
        return met

    def settled(self, now_s: float) -> bool:
        """It holds, and has for as long as was asked."""
        return self.since is not None and now_s - self.since >= self.wanted.for_s


def check(
    expectations: Sequence[Expectation],
    looks: Mapping[str, Look],
    zero: float,
    clock: Clock,
    waiting: Callable[[Sequence[Met]], None] = lambda _: None,
) -> tuple[Met, ...]:
    """Look until every expectation is decided, at most until the last deadline. In the order given.

    `looks` maps an expectation's `says` to its condition. The first look comes at once, and one more is
    always made at or after a deadline, so that a slow look is not taken for a failed one. Those that shall
    come true are decided together, when all of them hold in one round. `waiting` hears after each round what
    is still undecided; `ok` is what was seen just now.
    """
    watched = [_Watched(wanted) for wanted in expectations]
    while True:
        seen = []
        for one in watched:
            if one.met is None:
                asked = clock.now()
                reading = looks[one.wanted.says]()
                seen.append(one.take(reading, asked - zero, clock.now() - zero))
        hoping = [one for one in watched if one.met is None and one.wanted.kind == "eventually"]
        if all(one.settled(clock.now() - zero) for one in hoping):
            for one in hoping:
                last = next(met for met in seen if met.expectation is one.wanted)
                assert one.since is not None  # it is settled
                one.met = replace(last, after_s=one.since)
        decided = [one.met for one in watched if one.met is not None]
        if len(decided) == len(watched):
            return tuple(decided)
        waiting([met for met in seen if all(met.expectation is not other.expectation for other in decided)])
        clock.sleep(_pause(watched, clock.now() - zero))


def _pause(watched: Sequence[_Watched], now_s: float) -> float:
    """Seconds until the next look: never past the next deadline, where a look is due."""
    pause = min(INTERVAL + max(0.0, SLOWDOWN * (now_s - PATIENCE)), LONGEST_INTERVAL)
    due = min((one.wanted.within_s - now_s for one in watched if one.met is None), default=pause)
    return pause if due <= 0 else max(INTERVAL, min(pause, due))
