"""What came of a scenario that was played: everything that reports are made of. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .measurements import FlowMeasurement
from .scenario import Scenario, Step
from .values import Event, Finding, Mark, Verdict


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault as it was injected, names filled in, and its stretch of time (monotonic seconds).

    `cleared` None: it was over by itself, or was never cleared.
    """

    fault: Mapping[str, Any]
    injected: float
    cleared: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step. Times are monotonic seconds. `verdict` None: the step was not run."""

    step: Step
    verdict: Verdict | None
    findings: tuple[Finding, ...] = ()
    started: float = 0.0
    ended: float = 0.0
    faults: tuple[Struck, ...] = ()
    flows: tuple[FlowMeasurement, ...] = ()
    repaired_by: str = ""
    trail: tuple[Mark, ...] = ()
    """From cause to effect, in order of time."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the step found out on the way: the path in use, the time until ONLINE, ..."""
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def injected(self) -> float | None:
        """When the first fault took hold."""
        return min((struck.injected for struck in self.faults), default=None)

    @property
    def cleared(self) -> float | None:
        """When the last fault was cleared; None if none had to be."""
        return max((struck.cleared for struck in self.faults if struck.cleared is not None), default=None)

    @property
    def reason(self) -> str:
        """The findings that decided the verdict, in one line."""
        return "; ".join(finding.reason for finding in self.findings if finding.verdict is self.verdict)


@dataclass(frozen=True, slots=True)
class Property:
    """A safety property over the whole run: how often it was looked at, and what broke it.

    `watched` says in words what was watched between the looks, without a pause; "" if nothing was.
    """

    says: str
    verdict: Verdict
    looks: int
    reason: str = ""
    watched: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """A file with packets of the whole run: what of, its name within the report, bytes, and what it lacks."""

    what: str
    file: str
    size: int
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario that was played. `started` is the zero of `t_s`."""

    scenario: Scenario
    lab: str
    verdict: Verdict
    outcomes: tuple[Outcome, ...]
    flows: tuple[FlowMeasurement, ...]
    timeline: tuple[Event, ...]
    started: float
    ended: float
    began_at: str
    """Wall-clock time of the start, ISO 8601 in UTC."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    safety: tuple[Property, ...] = ()
    captures: tuple[Captured, ...] = ()
    ended_by_hand: bool = False
    """Somebody ended it before a step: what was not run was not asked for."""
