"""Waiting for conditions: eventually, always, never, with deadlines from one zero point.

All expectations of a step are looked at together, so five of them cost the longest wait and not the sum.
A condition is a function that looks once and says what it saw; the clock is an argument.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .values import Expectation


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a condition: whether it holds, and what was seen, for the message."""

    holds: bool
    seen: str


Look = Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class Met:
    """How an expectation came out. `after_s` counts from the zero point to the deciding look."""

    expectation: Expectation
    ok: bool
    after_s: float
    seen: str


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
"""Seconds between two looks. Recovery itself is timed by probes, not by these looks."""

GRACE = 4 * INTERVAL
"""A look may begin this much after a deadline and still count; later, nobody knows when it came true."""


def check(
    expectations: Sequence[Expectation],
    looks: Mapping[str, Look],
    zero: float,
    clock: Clock,
    waiting: Callable[[Sequence[Met]], None] = lambda _: None,
) -> tuple[Met, ...]:
    """Look until every expectation is decided, at most until the last deadline. In the order given.

    `looks` maps an expectation's `says` to its condition. The first look comes at once, and one more is
    always made at or after a deadline, so that a slow look is not taken for a failed one. `waiting` hears
    after each round what is still undecided.
    """
    decided: dict[str, Met] = {}
    while True:
        pending = [wanted for wanted in expectations if wanted.says not in decided]
        if not pending:
            return tuple(decided[wanted.says] for wanted in expectations)
        undecided = []
        for wanted in pending:
            asked = clock.now()
            reading = looks[wanted.says]()
            now = clock.now()
            met = decide(wanted, reading, asked - zero, now - zero)
            if met is not None:
                decided[wanted.says] = met
            else:
                undecided.append(Met(wanted, False, now - zero, reading.seen))
        if undecided:
            waiting(undecided)
            clock.sleep(INTERVAL)


def decide(wanted: Expectation, reading: Reading, asked_s: float, answered_s: float) -> Met | None:
    """One look at one expectation, begun and ended so many seconds after the zero point. None: look again."""
    over = asked_s >= wanted.within_s
    if wanted.kind == "eventually":
        if reading.holds and asked_s > wanted.within_s + GRACE:
            return Met(wanted, False, answered_s, f"{reading.seen}, but only after {answered_s:.1f} s")
        if reading.holds:
            return Met(wanted, True, answered_s, reading.seen)
        return Met(wanted, False, answered_s, reading.seen) if over else None
    broken = reading.holds if wanted.kind == "never" else not reading.holds
    if broken:
        return Met(wanted, False, answered_s, reading.seen)
    return Met(wanted, True, answered_s, reading.seen) if over else None
