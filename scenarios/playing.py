"""One run from beginning to end: checks, lab, story, reports; whatever happens, the lab is taken down."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scenarios import checks
from scenarios.lab_stage import LabStage, Wish
from scenarios.outcomes import Run
from scenarios.report import repeats, writing
from scenarios.report.terminal import Terminal
from scenarios.runner import Runner
from scenarios.scenario import Scenario
from scenarios.stage import StageError, StageGoneError
from scenarios.stepping import Gate, always
from scenarios.values import Verdict
from scenarios.verdicts import worst


class RunLostError(Exception):
    """The lab went away while a scenario played; nothing can be said about it. Exit status 1."""

    exit_code = 1


class ReportPlaceError(Exception):
    """Reports cannot be written where they were asked for. Exit status 2."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What to play and how. `report`: a directory for report.json, report.html and junit.xml."""

    scenario: Scenario
    wish: Wish
    report: Path | None = None
    keep: bool = False
    """Leave the lab running."""
    gate: Gate = always
    """Asked before each step (`scenarios.stepping`)."""


def play(order: Order, terminal: Terminal) -> Run:
    """Play it.

    Raises ScenarioError, ReportPlaceError and LabUsageError with nothing started, and RunLostError.
    """
    checks.check(order.scenario)
    if order.report is not None:
        _make_place(order.report)
    stage = LabStage(order.wish)
    lost = False
    try:
        run = Runner(order.scenario, stage, terminal, gate=order.gate).play()
        if order.report is not None:
            writing.write(run, order.report)  # also when what comes now fails
            if order.wish.capture:
                run = replace(run, captures=stage.collect(order.report))
                writing.write(run, order.report)
            terminal.written(run, order.report)
    except StageGoneError as error:
        lost = True
        raise RunLostError(f"the lab went away while the scenario played: {error}") from error
    except StageError as error:
        raise RunLostError(f"the packets could not be put into the report: {error}") from error
    finally:
        terminal.close()
        # Of a lab that died, the run directory stays: its logs may say why.
        if not order.keep and not lost:
            stage.take_down()
    return run


def play_again(orders: Sequence[Order], terminal: Terminal) -> Verdict:
    """Play several, each with reports in a directory of its own, and write an index over them.

    The index is written anew after each, so that it is there when one of them is interrupted.
    """
    verdicts = []
    told: list[repeats.Played] = []
    for number, order in enumerate(orders, start=1):
        place = None if order.report is None else order.report / str(number)
        run = play(replace(order, report=place), terminal)
        verdicts.append(run.verdict)
        told.append(repeats.told(number, run))
        if order.report is not None:
            repeats.write(told, len(orders), order.report)
        terminal.between(number, len(orders), verdicts)
    return worst(verdicts)


def _make_place(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportPlaceError(f"no reports can be written to {directory}: {error.strerror}") from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ReportPlaceError(f"no reports can be written to {directory}: choose another --report directory")
