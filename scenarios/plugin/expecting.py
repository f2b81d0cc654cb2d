"""Expectations in a test: eventually, always, never, stays; several at once cost one wait.

    expect.eventually(lambda: cellnet.connection("c").operating_status == "ONLINE", within=5)

    with expect.together(zero=fault.at_s) as then:   # one zero point; all are checked at the end of the block
        then.eventually(repaired, within=1)
        then.never(looped, seconds=2)

A condition is a function without arguments. It holds if what it returns is true; it does not if it raises
AssertionError, or if the manager cannot answer now. `scenarios.deadline` does the waiting.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from cellnet_core.client import ClientError
from scenarios import deadline
from scenarios.deadline import Clock, Look, Reading, SystemClock
from scenarios.plugin.judging import Judge
from scenarios.plugin.probing import Probe
from scenarios.values import Budget, Expectation

Condition = Callable[[], Any]
_LONGEST = 300


class Together:
    """Expectations with one zero point, checked at the end of its `with` block."""

    def __init__(self, judge: Judge, clock: Clock, zero: float | None = None) -> None:
        self._judge = judge
        self._clock = clock
        self.zero = clock.now() if zero is None else zero
        self._wanted: list[Expectation] = []
        self._looks: dict[str, Look] = {}

    def eventually(self, condition: Condition, within: float, says: str = "") -> None:
        """True at least once before so many seconds after the zero point."""
        self._add("eventually", condition, within, says)

    def always(self, condition: Condition, seconds: float, says: str = "") -> None:
        """True at each look until then."""
        self._add("always", condition, seconds, says)

    def never(self, condition: Condition, seconds: float, says: str = "") -> None:
        """False at each look until then."""
        self._add("never", condition, seconds, says)

    def stays(self, value: Callable[[], Any], seconds: float, says: str = "") -> None:
        """What the function returns is the same at each look until then, whatever it is."""
        first: list[Any] = []

        def unchanged() -> Reading:
            seen = value()
            if not first:
                first.append(seen)
            same = seen == first[0]
            return Reading(same, f"{first[0]!r}" if same else f"{first[0]!r} became {seen!r}")

        self._add("always", unchanged, seconds, says or f"{name_of(value)} stays the same")

    def check(self) -> None:
        """Wait, then judge. Raises NotMetError, or skips as INCONCLUSIVE."""
        __tracebackhide__ = True
        wanted, self._wanted = self._wanted, []
        self._judge.met(deadline.check(wanted, self._looks, self.zero, self._clock))

    def _add(
        self, kind: Literal["eventually", "always", "never"], condition: Condition, seconds: float, says: str
    ) -> None:
        if not callable(condition):
            raise TypeError(f"{condition!r} is no condition: give a function, such as lambda: x.ready")
        if not (math.isfinite(seconds) and 0 < seconds <= _LONGEST):
            raise ValueError(f"{seconds!r} s is no deadline: give more than 0 and at most {_LONGEST}")
        says = unique(says or name_of(condition), self._looks)
        self._looks[says] = lambda: look(condition)
        self._wanted.append(Expectation("pytest", says, seconds, kind))

    def __enter__(self) -> Together:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            self.check()


class Expect:
    """The `expect` fixture. Each method waits at once, its zero point is now; `together` is for several."""

    def __init__(self, judge: Judge, clock: Clock | None = None) -> None:
        self._judge = judge
        self._clock = clock or SystemClock()

    def together(self, zero: float | None = None) -> Together:
        """Several expectations from one zero point (CLOCK_MONOTONIC seconds, default: now)."""
        return Together(self._judge, self._clock, zero)

    def eventually(self, condition: Condition, within: float, says: str = "") -> None:
        """Return as soon as it is true."""
        __tracebackhide__ = True
        with self.together() as then:
            then.eventually(condition, within, says)

    def always(self, condition: Condition, seconds: float, says: str = "") -> None:
        """Return after so many seconds in which it was true at each look."""
        __tracebackhide__ = True
        with self.together() as then:
            then.always(condition, seconds, says)

    def never(self, condition: Condition, seconds: float, says: str = "") -> None:
        """Return after so many seconds in which it was false at each look."""
        __tracebackhide__ = True
        with self.together() as then:
            then.never(condition, seconds, says)

    def stays(self, value: Callable[[], Any], seconds: float, says: str = "") -> None:
        """Return after so many seconds in which the function returned the same at each look."""
        __tracebackhide__ = True
        with self.together() as then:
            then.stays(value, seconds, says)

    def budget(
        self,
        probe: Probe,
        *,
        outage_ms: float | None = None,
        lost: int | None = None,
        outages: int | None = None,
        since: float | None = None,
        until: float | None = None,
        why: str = "",
    ) -> None:
        """No flow of the probe lost more than this, of packets sent in that stretch (default: all).

        A miss on a busy machine, and a probe that cannot be believed, are INCONCLUSIVE; a probe that
        contradicts itself fails.
        """
        __tracebackhide__ = True
        if outage_ms is None and lost is None and outages is None:
            raise ValueError("a budget limits something: give outage_ms, lost or outages")
        budget = Budget(why=why, outage_ms=outage_ms, lost=lost, outages=outages)
        self._judge.budget(budget, probe.measure(since, until))


def look(condition: Condition) -> Reading:
    """One look, in the form that deadlines take."""
    try:
        value = condition()
    except AssertionError as error:
        return Reading(False, str(error).strip().split("\n", 1)[0] or "an assertion failed")
    except ClientError as error:
        return Reading(False, str(error))
    return value if isinstance(value, Reading) else Reading(bool(value), f"{value!r:.200}")


def name_of(condition: Condition) -> str:
    """What a message calls a condition that was given no name."""
    code = getattr(condition, "__code__", None)
    name = str(getattr(condition, "__name__", type(condition).__name__))
    if name == "<lambda>" and code is not None:
        return f"the condition in line {code.co_firstlineno}"
    return name.replace("_", " ")


def unique(says: str, taken: dict[str, Look]) -> str:
    """The same words, with a number if they are taken."""
    candidate, number = says, 1
    while candidate in taken:
        number += 1
        candidate = f"{says} ({number})"
    return candidate
