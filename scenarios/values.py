"""The small values that everything about scenarios is made of: verdicts, budgets, expectations, events.

Values only: nothing here runs anything. What a step does is in `actions`, a whole scenario in `scenario`,
what came of it in `outcomes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from .measurements import Flow


class Verdict(Enum):
    """The answer of a check. INCONCLUSIVE: the machine was too busy to tell, with the numbers."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    INCONCLUSIVE = "INCONCLUSIVE"
    FAIL = "FAIL"

    @property
    def exit_status(self) -> int:
        """0 pass, 1 fail, 3 nothing failed and something was inconclusive."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}[self]


@dataclass(frozen=True, slots=True)
class Budget:
    """What recovery from a fault may cost each flow. None: not limited (but still reported)."""

    why: str
    """Where the figures come from: a budget nobody can explain is a guess."""
    outage_ms: float | None = None
    """The longest single outage, in ms between the last packet before it and the first one after it."""
    lost: int | None = None
    """Packets lost in the whole step, from the fault until well after recovery."""
    outages: int | None = None
    """How many separate outages: 1 says that nothing more may happen after the first."""
    towards: Mapping[str, Budget] = field(default_factory=dict)
    """Other limits, for the flows to these nodes: their way may be somebody else's to repair."""

    def of(self, flow: Flow) -> Budget:
        """What that flow may suffer."""
        return self.towards.get(flow.destination, self)


Kind = Literal["eventually", "always", "never", "stays"]
KINDS: tuple[Kind, ...] = ("eventually", "always", "never", "stays")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A condition with a deadline, counted in seconds from a zero point.

    `condition` names an entry of `scenarios.conditions`, `of` holds its arguments.
    eventually: true before the deadline, and still true when all others of the step are, `for_s` seconds
    long; a state that was seen once and went away again is no recovery. always: true at each look until the
    deadline. never: false at each look until then. stays: what is seen is the same at each look until then,
    whatever it is.
    """

    condition: str
    says: str
    within_s: float
    kind: Kind = "eventually"
    of: Mapping[str, Any] = field(default_factory=dict)
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of the merged timeline. `t` is on the machine's monotonic clock, in seconds."""

    t: float
    source: str
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing worth telling about a step, in words: what happened on the way from fault to recovery."""

    t: float
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One judged fact about a step: the verdict and the reason, with the numbers in it."""

    verdict: Verdict
    reason: str
