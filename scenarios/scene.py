"""Where a scenario plays, and what a step has found out so far: what the runner's parts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .deadline import Clock, Met
from .outcomes import Struck
from .progress import Progress
from .scenario import Scenario
from .stage import Stage


@dataclass(frozen=True, slots=True)
class Scene:
    """The scenario, the stage it plays on, who watches, and the clock."""

    scenario: Scenario
    stage: Stage
    progress: Progress
    clock: Clock


@dataclass(slots=True)
class Notes:
    """What a step has found out so far; becomes its outcome."""

    zero: float
    """Deadlines of the step's `then` count from here."""
    faults: list[Struck] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Arguments of conditions that only the run can know, by the name of the condition."""
    met: list[Met] = field(default_factory=list)
    """What was decided while the faults were in force."""
    told: str = ""
    """The connection's status that was told last: only another one is worth a line."""

    def of(self, condition: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a condition: those that the run found out, and those given on top."""
        return {**self.known.get(condition, {}), **given}
