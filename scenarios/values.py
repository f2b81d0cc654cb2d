"""What a scenario is: a value that says what is done, what should happen, and what recovery may cost.

Values only: nothing here runs anything. A story (a function of a topology) makes them, the runner plays
them, reports print them. Words in `title`, `what` and `expect` are for an audience.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from topologies.model import Topology

from .measurements import Flow, FlowMeasurement

IN_USE = "$path-in-use"
"""Stands for the name of the WAN link that carries the traffic when the step begins. The runner asks the
gateway which one that is, because a story cannot know it."""


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
    """What recovery from one fault may cost each flow. None: not limited (but still reported)."""

    why: str
    """Where the figures come from: a budget nobody can explain is a guess."""
    outage_ms: float | None = None
    """The longest single outage, in ms between the last packet before it and the first one after it."""
    lost: int | None = None
    """Packets lost in the whole step, from the fault until well after recovery."""
    outages: int | None = None
    """How many separate outages: 1 says that nothing more may happen after the first."""


# --- what a step does ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Boot:
    """Bring the lab up, all daemons ready."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Create an endpoint for each side and the connection between them, over the API."""

    local_cell: str
    remote_cell: str


@dataclass(frozen=True, slots=True)
class StartProbes:
    """Start the flows; they run until the scenario ends."""

    flows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """Do nothing for that many seconds and measure: what the machine loses without any fault."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Break:
    """Inject one fault, keep it for a while, then clear it.

    `fault` is in the form of the lab's faults: `{"kind": "cut", "link": "main-east-1"}`; `IN_USE` stands for
    a link. `hold_s` is how long the fault stays; for a fault that is over by itself (a crash), how long to
    go on measuring at least. `phase_s` is a wait before the fault, so that it does not always hit the same
    phase of a periodic protocol; it comes from the scenario's seed.
    """

    fault: Mapping[str, Any]
    hold_s: float
    phase_s: float = 0.0
    restarts: str | None = None
    """The service ("role@node") that this fault ends and its supervisor must bring back."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Delete the connection and its endpoints over the API."""


Action = Boot | Connect | StartProbes | Watch | Break | Disconnect

Modifiers = (Boot, Connect, StartProbes)
"""Actions that make what later steps need: when one fails, the scenario stops."""


# --- what should become or stay so --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expectation:
    """A condition with a deadline, counted in seconds from the zero point of its step.

    `condition` names an entry of `scenarios.conditions`, `of` holds its arguments.
    eventually: true before the deadline, and still true when all others of the step are, `for_s` seconds
    long; a state that was seen once and went away again is no recovery. always: true at each look until the
    deadline. never: false at each look until then.
    """

    condition: str
    says: str
    within_s: float
    kind: Literal["eventually", "always", "never"] = "eventually"
    of: Mapping[str, Any] = field(default_factory=dict)
    for_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what we do, what should happen, what it may cost.

    `then` is waited for after the action (after a fault was cleared) from one zero point; `budget` judges
    what the probes saw from the start of the step until after that.
    """

    name: str
    title: str
    what: str
    expect: str
    do: Action
    then: tuple[Expectation, ...] = ()
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole story over one topology. Running it needs nothing but this value."""

    name: str
    title: str
    summary: str
    topology: Topology
    steps: tuple[Step, ...]
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)


# --- what came of it ----------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step. Times are monotonic seconds. `verdict` None: the step was not run."""

    step: Step
    verdict: Verdict | None
    findings: tuple[Finding, ...] = ()
    started: float = 0.0
    ended: float = 0.0
    injected: float | None = None
    cleared: float | None = None
    fault: Mapping[str, Any] | None = None
    """The fault as it was injected, with names filled in."""
    flows: tuple[FlowMeasurement, ...] = ()
    repaired_by: str = ""
    trail: tuple[Mark, ...] = ()
    """From cause to effect, in order of time."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the step found out on the way: the path in use, the time until ONLINE, ..."""
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The findings that decided the verdict, in one line."""
        return "; ".join(finding.reason for finding in self.findings if finding.verdict is self.verdict)


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario that was played: everything reports are made of. `started` is the zero of `t_s`."""

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
