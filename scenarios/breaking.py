"""Carrying out a `Break`: inject, change and look while it lasts, clear. A thin shell over the stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import waiting, ways
from .actions import Break, Change
from .outcomes import Struck
from .scene import Notes, Scene
from .stage import StageError

LEAD = 0.25
"""Seconds of measuring before a fault, so that it is seen to start the outage."""


def carry_out(scene: Scene, action: Break, notes: Notes) -> None:
    """From the first fault until all are cleared. Raises StageError; what was injected is cleared first."""
    faults = _prepare(scene, action, notes)
    scene.clock.sleep(LEAD + action.phase_s)
    inside: list[tuple[int, str]] = []
    try:
        _inject(scene, faults, action.apart_s, notes, inside)
        _hold(scene, action, notes)
    finally:
        _clear(scene, notes, inside)
    notes.zero = scene.clock.now()
    notes.known["delivering"] = {"since": notes.zero}


def _prepare(scene: Scene, action: Break, notes: Notes) -> list[dict[str, Any]]:
    """Find out what only the run can know. Returns the faults with real names."""
    path = scene.stage.path_in_use()
    notes.facts["path_in_use"] = path
    notes.known["path"] = {"is": path}
    if action.restarts is not None:
        count = scene.stage.service(action.restarts).restarts
        notes.known["service-back"] = {"service": action.restarts, "restarts_before": count}
    names = scene.stage.paths()
    try:
        faults = [ways.fill(fault, path, names) for fault in action.faults]
    except ways.NoSuchWayError as error:
        raise StageError(str(error)) from error
    scene.progress.note(f"traffic leaves by {path}; fault: {describe(faults[0])}")
    for fault in faults[1:]:
        scene.progress.note(f"and {describe(fault)}")
    return faults


def _inject(
    scene: Scene,
    faults: list[dict[str, Any]],
    apart_s: float,
    notes: Notes,
    inside: list[tuple[int, str]],
) -> None:
    for number, fault in enumerate(faults):
        if number and apart_s:
            scene.clock.sleep(apart_s)
        notes.faults.append(Struck(fault, scene.clock.now()))
        identity = scene.stage.inject(fault)
        if identity:
            inside.append((number, identity))


def _hold(scene: Scene, action: Break, notes: Notes) -> None:
    """Until `hold_s` after the last fault: changes at their moments, then expectations, then the rest.

    Looks begin when the last change was asked for, but their deadlines count from the faults.
    """
    zero = scene.clock.now()
    what = " and ".join(describe(struck.fault) for struck in notes.faults)
    scene.progress.doing(f"{what} for {action.hold_s:g} s")
    for change in sorted(action.changes, key=lambda change: change.after_s):
        scene.clock.sleep(max(0.0, zero + change.after_s - scene.clock.now()))
        ask(scene, change, notes)
    if action.during:
        notes.known["delivering"] = {"since": zero}
        notes.met += waiting.wait(scene, action.during, notes, zero)
    scene.clock.sleep(max(0.0, zero + action.hold_s - scene.clock.now()))


def ask(scene: Scene, change: Change, notes: Notes) -> None:
    """One change over the API. Raises StageError."""
    words = f"{change.do} {change.resource} {change.name}"
    scene.progress.note(f"asking the API: {words}" + (f" ({_brief(change.fields)})" if change.fields else ""))
    notes.facts[words] = dict(scene.stage.change(change))


def _clear(scene: Scene, notes: Notes, inside: list[tuple[int, str]]) -> None:
    """All faults, the last first; one that cannot be cleared does not keep the others."""
    problems = []
    for number, identity in reversed(inside):
        notes.faults[number] = replace(notes.faults[number], cleared=scene.clock.now())
        try:
            scene.stage.clear(identity)
        except StageError as error:
            problems.append(error)
    if problems:
        raise problems[0]


def describe(fault: Mapping[str, Any]) -> str:
    """A fault in one line: its kind, then its arguments."""
    rest = [f"{key} {_words(value)}" for key, value in fault.items() if key != "kind"]
    return " ".join([str(fault.get("kind", "fault")), *rest])


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({describe(value)})"
    if isinstance(value, list | tuple):
        if any(isinstance(one, list | tuple) for one in value):  # groups, as on the command line
            return " / ".join(_words(one) for one in value)
        return ", ".join(_words(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _brief(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_words(value)}" for key, value in fields.items())
