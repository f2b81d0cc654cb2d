"""Waiting for a step's expectations on a stage, and telling who watches what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import conditions, deadline
from .deadline import Look, Met
from .scene import Notes, Scene
from .values import Expectation

WHOLE = "ONLINE"
WHOLE_BEFORE = Expectation("status", "everything is whole before the fault", 20, of={"is": WHOLE}, for_s=0.5)
"""A path that a false alarm took away a moment ago must be back, or the fault would hit the last one."""


def whole(scene: Scene, notes: Notes) -> tuple[Met, ...]:
    """Whether nothing is broken before a fault. Nobody waits for it longer than it takes to come back."""
    look = conditions.bind(WHOLE_BEFORE.condition, scene.stage, WHOLE_BEFORE.of)
    scene.progress.doing("waiting until nothing is broken")
    zero = scene.clock.now()
    met = deadline.check((WHOLE_BEFORE,), {WHOLE_BEFORE.says: look}, zero, scene.clock)
    notes.facts["whole_after_s"] = round(met[0].after_s, 3)
    return met


def wait(scene: Scene, wanted: Sequence[Expectation], notes: Notes, zero: float) -> tuple[Met, ...]:
    """Look until all of them are decided. Raises StageError."""
    looks: dict[str, Look] = {
        one.says: conditions.bind(one.condition, scene.stage, _arguments(one, notes)) for one in wanted
    }

    def waiting(undecided: Sequence[Met]) -> None:
        for one in undecided:
            _tell_status(scene, one, notes)
        missing = [one.seen for one in undecided if not one.ok and one.expectation.kind == "eventually"]
        scene.progress.doing(f"waiting: {'; '.join(missing)}" if missing else "looking whether it lasts")

    met = deadline.check(wanted, looks, zero, scene.clock, waiting)
    for one in met:
        _tell_status(scene, one, notes)
    return met


def _arguments(wanted: Expectation, notes: Notes) -> dict[str, Any]:
    """What the run found out, and what the expectation says on top.

    What shall always be so is so from the first look on; only what shall become so begins to be measured at
    a moment of its own.
    """
    found = notes.of(wanted.condition, wanted.of)
    if wanted.kind in ("always", "stays"):
        found.pop("since", None)
    return found


def _tell_status(scene: Scene, met: Met, notes: Notes) -> None:
    if met.expectation.condition == "status" and met.state and met.state != notes.told:
        notes.told = met.state
        scene.progress.note(f"{met.after_s:5.2f} s  {met.state}", met.reasons)
