"""Safety properties over a run: looked at after each step and while faults last, concluded at its end.

A violation fails the step in which it was seen, however busy the machine is: no lack of processor time makes
a loop. Only "in the end" has a time, and is judged as other deadlines are.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import conditions, deadline, verdicts
from .actions import Action, Disconnect
from .deadline import Met
from .lookout.values import ONE_OF, Told
from .machine import MachineUse
from .outcomes import Property
from .safety import judging
from .safety.values import AGREED, OWNED, PROPERTIES, Survey, Violation
from .scene import Scene
from .values import Expectation, Finding, Verdict

IN_THE_END = Expectation("agreed", AGREED, 15.0)
MOST_SHOWN = 3
ENOUGH = 40
"""So many samples should have come: with none of them, the watch sees nothing."""


class Guard:
    """Keeps the safety properties of one run."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._before: Survey | None = None
        self._looks = 0
        self._broken: dict[Violation, None] = {}
        self._ends: list[Met] = []
        self._told = Told()

    def look(self, action: Action) -> tuple[Finding, ...]:
        """Look at everything once, and hear what the watch saw since. What is found fails the step.

        Raises StageError.
        """
        self._scene.progress.doing("looking for loops, wrong deliveries and flows without an owner")
        seen = self._hear(self._scene.stage.watched())
        now = self._scene.stage.survey()
        if isinstance(action, Disconnect):
            self._before = None  # what is on its way when flows end may be answered by nobody
        found = judging.judge(self._scene.scenario.topology, now, self._before)
        self._before = now
        self._looks += 1
        new = [violation for violation in (*seen, *found) if violation not in self._broken]
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

    def conclude(self, machine: MachineUse, arrived: int = 0) -> tuple[Property, ...]:
        """Each property with its verdict; those that nobody could look at are left out.

        `arrived`: packets that probes received; of so many the watch must have seen some. Ends the watch.
        """
        self._broken.update(dict.fromkeys(self._hear(self._scene.stage.end_watch())))
        return tuple(
            one
            for says in PROPERTIES
            for one in [self._agreed(machine) if says == AGREED else self._held(says, arrived)]
            if one.looks
        )

    def _hear(self, told: Told) -> list[Violation]:
        """Keep the figures; returns what was seen, in words."""
        before = self._told
        self._told = Told(
            before.samples + told.samples,
            before.changes + told.changes,
            unseen=told.unseen or before.unseen,
            gone=before.gone or told.gone,
        )
        return [Violation(one.says, one.text) for one in told.sightings]

    def _held(self, says: str, arrived: int) -> Property:
        broken = [one.what for one in self._broken if one.says == says]
        more = f" and {len(broken) - MOST_SHOWN} more" if len(broken) > MOST_SHOWN else ""
        reason = "; ".join(broken[:MOST_SHOWN]) + more
        watched = self._watched(says)
        if broken:
            return Property(says, Verdict.FAIL, self._looks, reason, watched)
        if doubt := self._doubt(says, arrived):
            return Property(says, Verdict.INCONCLUSIVE, self._looks, doubt, watched)
        return Property(says, Verdict.PASS, self._looks, watched=watched)

    def _watched(self, says: str) -> str:
        told = self._told
        if says == OWNED:
            return f"{told.changes:,} changes of flows" if told.changes else "; ".join(told.unseen)
        return f"every packet at the WAN ports ({told.samples:,} samples)" if told.samples else ""

    def _doubt(self, says: str, arrived: int) -> str:
        """Why nobody knows what was between the looks."""
        if self._told.gone:
            return f"between the looks nobody watched: {self._told.gone}"
        if says != OWNED and arrived > ENOUGH * ONE_OF and not self._told.samples:
            return f"between the looks nobody watched: of {arrived:,} packets that arrived none was seen"
        return ""

    def _agreed(self, machine: MachineUse) -> Property:
        missed = [one for one in self._ends if not one.ok]
        if not missed:
            return Property(AGREED, Verdict.PASS, len(self._ends))
        words = [f"not within {one.expectation.within_s:g} s (seen: {one.seen})" for one in missed]
        finding = verdicts.missed(words, verdicts.busy_signs(machine))
        return Property(AGREED, finding.verdict, len(self._ends), finding.reason)


def how(safety: Sequence[Property]) -> str:
    """How the properties were looked at, in one line: so often, and what was watched in between."""
    watched = list(dict.fromkeys(one.watched for one in safety if one.watched))
    between = f"; between them, without a pause, {' and '.join(watched)}" if watched else ""
    looks = max((one.looks for one in safety), default=0)
    return f"watched: {looks} looks at all tables{between}"
