"""Plays a scenario on a stage: step by step, measuring all the while, judging with `verdicts`.

A thin shell: what to do is in the scenario, what it means is decided by pure functions. A step that makes
what later steps need (boot, connect, probes; recovery after a fault) stops the scenario when it fails; a
broken budget does not, so one run tells about all faults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import conditions, deadline, liveness, machine, repair, verdicts
from .deadline import Clock, Look, Met, SystemClock
from .measurements import FlowMeasurement
from .progress import Progress
from .stage import Stage, StageError, StageGoneError
from .values import (
    IN_USE,
    Action,
    Boot,
    Break,
    Connect,
    Disconnect,
    Event,
    Expectation,
    Outcome,
    Run,
    Scenario,
    StartProbes,
    Step,
    Watch,
)

LEAD = 0.25
"""Seconds of measuring before a fault, so that it is seen to start the outage."""
TAIL = 0.3
"""Seconds of measuring after recovery: a repair that costs packets a moment later is not one."""
FAULT_EVENT = "fault"
WHOLE = "ONLINE"
WHOLE_BEFORE = Expectation("status", "everything is whole before the fault", 20, of={"is": WHOLE}, for_s=0.5)
"""A path that a false alarm took away a moment ago must be back, or the fault would hit the last one."""


@dataclass(slots=True)
class _Notes:
    """What a step has found out so far; becomes its outcome."""

    zero: float
    """Deadlines of the step count from here."""
    injected: float | None = None
    cleared: float | None = None
    fault: Mapping[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Arguments of conditions that only the run can know, by the name of the condition."""
    told: str = ""
    """The connection's status that was told last: only another one is worth a line."""


class Runner:
    """Plays one scenario once. `lab` is only for the first line on the screen."""

    def __init__(
        self, scenario: Scenario, stage: Stage, progress: Progress, clock: Clock | None = None
    ) -> None:
        self._scenario = scenario
        self._stage = stage
        self._progress = progress
        self._clock = clock or SystemClock()
        self._began = 0.0
        self._probes_started: float | None = None
        self._probes_stopped: float | None = None

    def play(self) -> Run:
        """Run all steps. Raises StageGoneError when the lab is gone; taking it down is the caller's."""
        began_at = datetime.now(UTC).isoformat(timespec="seconds")
        started = self._began = self._clock.now()
        self._progress.begin(self._scenario, self._stage.name)
        before = self._stage.look()
        outcomes: list[Outcome] = []
        stopped = False
        for number, step in enumerate(self._scenario.steps, start=1):
            if stopped:
                outcomes.append(Outcome(step, None))
                continue
            self._progress.step(number, step)
            outcome, stopped = self._play(step)
            outcomes.append(outcome)
            self._progress.done(outcome)
        self._stop_probes()
        run = Run(
            scenario=self._scenario,
            lab=self._stage.name,
            verdict=verdicts.worst(one.verdict for one in outcomes if one.verdict is not None),
            outcomes=tuple(outcomes),
            flows=self._measure(self._probes_started, self._probes_stopped),
            timeline=self._stage.timeline(started),
            started=started,
            ended=self._clock.now(),
            began_at=began_at,
            machine=machine.between(before, self._stage.look()).as_document(),
        )
        self._progress.end(run)
        return run

    # --- one step ---------------------------------------------------------------------------------

    def _play(self, step: Step) -> tuple[Outcome, bool]:
        """Play one step; the second value says that the scenario cannot go on."""
        before = self._stage.look()
        started = self._clock.now()
        notes = _Notes(zero=started)
        met: tuple[Met, ...] = ()
        if isinstance(step.do, Break):
            notes.told = WHOLE
        flows: tuple[FlowMeasurement, ...] = ()
        failure, whole = "", True
        try:
            met = self._whole(notes) if isinstance(step.do, Break) else ()
            whole = all(one.ok for one in met)
            if whole:
                self._do(step.do, notes)
                met = self._wait(step.then, notes)
            if whole and step.budget is not None:
                self._progress.doing("measuring that it stays so")
                self._clock.sleep(TAIL + conditions.FLIGHT)
                flows = self._measure(started, self._clock.now() - conditions.FLIGHT)
        except StageGoneError:
            raise
        except StageError as error:
            failure = str(error)
        ended = self._clock.now()
        events = self._stage.timeline(started)
        notes.injected = _exact(notes.injected, events)
        use = machine.between(
            before, self._stage.look(), self._foreign_stalls(notes), self._false_alarms(notes, started)
        )
        told = repair.explain(notes.fault, notes.injected, flows, events)
        findings = verdicts.judge_step(step.budget if whole else None, met, failure, flows, use)
        outcome = Outcome(
            step=step,
            verdict=verdicts.worst(finding.verdict for finding in findings),
            findings=findings,
            started=started,
            ended=ended,
            injected=notes.injected,
            cleared=notes.cleared,
            fault=notes.fault,
            flows=flows,
            repaired_by=told.text,
            trail=told.trail,
            facts=notes.facts,
            machine=use.as_document(),
        )
        unmet = any(not one.ok for one in met)
        return outcome, bool(failure) or (unmet and not isinstance(step.do, (Watch, Disconnect)))

    def _do(self, action: Action, notes: _Notes) -> None:
        """Carry out an action. Raises StageError."""
        if isinstance(action, Boot):
            notes.facts.update(self._stage.up(self._scenario.topology, self._progress.doing))
            notes.facts["up_after_s"] = round(self._clock.now() - notes.zero, 2)
            self._progress.note(f"{self._stage.name} is up after {notes.facts['up_after_s']} s")
        elif isinstance(action, Connect):
            self._progress.doing("asking the API for two endpoints and a connection")
            notes.facts.update(self._stage.connect(action.local_cell, action.remote_cell))
        elif isinstance(action, StartProbes):
            self._stage.start_probes(action.flows)
            self._probes_started = self._clock.now()
        elif isinstance(action, Watch):
            self._progress.doing(f"measuring for {action.seconds:g} s")
            self._clock.sleep(action.seconds)
        elif isinstance(action, Break):
            self._break(action, notes)
        else:
            assert isinstance(action, Disconnect)
            self._stop_probes()
            self._stage.disconnect()
            notes.zero = self._clock.now()

    def _break(self, action: Break, notes: _Notes) -> None:
        path = self._stage.path_in_use()
        notes.facts["path_in_use"] = path
        notes.known["path"] = {"is": path}
        if action.restarts is not None:
            count = self._stage.service(action.restarts).restarts
            notes.known["service-back"] = {"service": action.restarts, "restarts_before": count}
        fault = {key: path if value == IN_USE else value for key, value in action.fault.items()}
        notes.fault = fault
        self._progress.note(f"traffic leaves by {path}; fault: {describe(fault)}")
        self._clock.sleep(LEAD + action.phase_s)
        notes.injected = self._clock.now()
        identity = self._stage.inject(fault)
        self._progress.doing(f"{describe(fault)} for {action.hold_s:g} s")
        self._clock.sleep(action.hold_s)
        if identity:
            notes.cleared = self._clock.now()
            self._stage.clear(identity)
        notes.zero = self._clock.now()
        notes.known["delivering"] = {"since": notes.zero}

    def _whole(self, notes: _Notes) -> tuple[Met, ...]:
        """Whether nothing is broken before a fault. Nobody waits for it longer than it takes to come back."""
        look = conditions.bind(WHOLE_BEFORE.condition, self._stage, WHOLE_BEFORE.of)
        self._progress.doing("waiting until nothing is broken")
        zero = self._clock.now()
        met = deadline.check((WHOLE_BEFORE,), {WHOLE_BEFORE.says: look}, zero, self._clock)
        notes.facts["whole_after_s"] = round(met[0].after_s, 3)
        return met

    def _wait(self, wanted: Sequence[Expectation], notes: _Notes) -> tuple[Met, ...]:
        looks: dict[str, Look] = {
            one.says: conditions.bind(
                one.condition, self._stage, {**notes.known.get(one.condition, {}), **one.of}
            )
            for one in wanted
        }

        def waiting(undecided: Sequence[Met]) -> None:
            for one in undecided:
                self._tell_status(one, notes)
            missing = [one.seen for one in undecided if not one.ok]
            self._progress.doing(f"waiting: {'; '.join(missing)}" if missing else "looking whether it lasts")

        met = deadline.check(wanted, looks, notes.zero, self._clock, waiting)
        for one in met:
            self._tell_status(one, notes)
            if one.expectation.condition == "status" and one.ok:
                name = "online_again_after_s" if notes.fault is not None else "online_after_s"
                notes.facts[name] = round(one.after_s, 3)
        return met

    def _tell_status(self, met: Met, notes: _Notes) -> None:
        if met.state and met.state != notes.told:
            notes.told = met.state
            self._progress.note(f"{met.after_s:5.2f} s  {met.state}", met.reasons)

    # --- measuring --------------------------------------------------------------------------------

    def _measure(self, start: float | None, end: float | None) -> tuple[FlowMeasurement, ...]:
        if start is None or end is None or self._probes_started is None:
            return ()
        return self._stage.measure(start, end)

    def _stop_probes(self) -> None:
        if self._probes_started is not None and self._probes_stopped is None:
            self._probes_stopped = self._clock.now() - conditions.FLIGHT
            self._stage.stop_probes()

    def _foreign_stalls(self, notes: _Notes) -> tuple[machine.SwitchStall, ...]:
        """Warnings of switches about their own lateness, but for a switch that the fault itself stopped."""
        stopped = str((notes.fault or {}).get("service", ""))
        return tuple(stall for stall in self._stage.stalls() if not stopped.endswith(f"@{stall.node}"))

    def _false_alarms(self, notes: _Notes, since: float) -> tuple[machine.FalseAlarm, ...]:
        """BFD that went down beside the fault, while traffic ran: before and after, it comes and goes."""
        if self._probes_started is None or self._probes_stopped is not None:
            return ()
        # All events of the run: whether a port was up can only be known from what was told before.
        events = self._stage.timeline(self._began)
        topology = self._scenario.topology
        found = liveness.false_alarms(events, notes.fault, notes.injected, topology)
        return tuple(alarm for alarm in found if alarm.t >= since)


def describe(fault: Mapping[str, Any]) -> str:
    """A fault in one line: its kind, then its arguments."""
    rest = [f"{key} {_words(value)}" for key, value in fault.items() if key != "kind"]
    return " ".join([str(fault.get("kind", "fault")), *rest])


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_words(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _exact(asked: float | None, events: Sequence[Event]) -> float | None:
    """When the fault took hold, by the lab's own record; else when the lab was asked for it."""
    if asked is None:
        return None
    return next((event.t for event in events if event.kind == FAULT_EVENT and event.t >= asked - 0.01), asked)
