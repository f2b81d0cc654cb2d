"""Safety properties over a run: looked at after each step and while faults last, concluded at its end.

A violation fails the step in which it was seen, however busy the machine is: no lack of processor time makes
a loop. Only "in the end" has a time, and is judged as other deadlines are.
"""

from __future__ import annotations

from . import conditions, deadline, verdicts
from .actions import Action, Disconnect
from .deadline import Met
from .machine import MachineUse
from .outcomes import Property
from .safety import judging
from .safety.values import AGREED, PROPERTIES, Survey, Violation
from .scene import Scene
from .values import Expectation, Finding, Verdict

IN_THE_END = Expectation("agreed", AGREED, 15.0)
MOST_SHOWN = 3


class Guard:
    """Keeps the safety properties of one run."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._before: Survey | None = None
        self._looks = 0
        self._broken: dict[Violation, None] = {}
        self._ends: list[Met] = []

    def look(self, action: Action) -> tuple[Finding, ...]:
        """Look at everything once. What is found fails the step. Raises StageError."""
        self._scene.progress.doing("looking for loops, wrong deliveries and flows without an owner")
        now = self._scene.stage.survey()
        if isinstance(action, Disconnect):
            self._before = None  # what is on its way when flows end may be answered by nobody
        found = judging.judge(self._scene.scenario.topology, now, self._before)
        self._before = now
        self._looks += 1
        new = [violation for violation in found if violation not in self._broken]
        self._broken.update(dict.fromkeys(new))
        return tuple(Finding(Verdict.FAIL, f"{one.says}: {one.what}") for one in new)

    def settle(self, connected: bool) -> None:
        """Whether desired and observed agree, when something is there that could. Raises StageError."""
        if not connected:
            return
        self._scene.progress.doing("waiting until desired and observed agree")
        look = conditions.bind(IN_THE_END.condition, self._scene.stage, {})
        zero = self._scene.clock.now()
        self._ends += deadline.check((IN_THE_END,), {IN_THE_END.says: look}, zero, self._scene.clock)

    def conclude(self, machine: MachineUse) -> tuple[Property, ...]:
        """Each property with its verdict; those that nobody could look at are left out."""
        return tuple(
            one
            for says in PROPERTIES
            for one in [self._agreed(machine) if says == AGREED else self._held(says)]
            if one.looks
        )

    def _held(self, says: str) -> Property:
        broken = [one.what for one in self._broken if one.says == says]
        more = f" and {len(broken) - MOST_SHOWN} more" if len(broken) > MOST_SHOWN else ""
        reason = "; ".join(broken[:MOST_SHOWN]) + more
        return Property(says, Verdict.FAIL if broken else Verdict.PASS, self._looks, reason)

    def _agreed(self, machine: MachineUse) -> Property:
        missed = [one for one in self._ends if not one.ok]
        if not missed:
            return Property(AGREED, Verdict.PASS, len(self._ends))
        words = [f"not within {one.expectation.within_s:g} s (seen: {one.seen})" for one in missed]
        finding = verdicts.missed(words, verdicts.busy_signs(machine))
        return Property(AGREED, finding.verdict, len(self._ends), finding.reason)
