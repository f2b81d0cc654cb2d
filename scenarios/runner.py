"""Plays a scenario on a stage: step by step, measuring all the while, judging with `verdicts`.

A thin shell: what to do is in the scenario, what it means is decided by pure functions. A step that makes
what later steps need (boot, connect, probes; recovery after a fault) stops the scenario when it fails; a
broken budget does not, so one run tells about all faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from . import causes, conditions, liveness, machine, repair, verdicts, waiting
from .acting import Actor
from .actions import Action, Break, Disconnect, Watch
from .deadline import Clock, Met, SystemClock
from .guarding import Guard
from .measurements import FlowMeasurement
from .outcomes import Outcome, Property, Run, Struck
from .progress import Progress
from .scenario import Scenario, Step
from .scene import Notes, Scene
from .stage import Stage, StageError, StageGoneError
from .stepping import Gate, always
from .values import Event, Finding, Verdict

TAIL = 0.3
"""Seconds of measuring after recovery: a repair that costs packets a moment later is not one."""
FAULT_EVENT = "fault"
OVERTIME = 0.25
"""Seconds by which a fault may last longer than asked for; injecting and clearing take part of it."""
FELT = 1.0
"""Seconds for which a step still feels what was before it: BFD that went down between two steps, when the
harness itself has most to do, costs packets in the next."""


class Runner:
    """Plays one scenario once."""

    def __init__(
        self,
        scenario: Scenario,
        stage: Stage,
        progress: Progress,
        clock: Clock | None = None,
        gate: Gate = always,
    ) -> None:
        self._scene = Scene(scenario, stage, progress, clock or SystemClock())
        self._actor = Actor(self._scene)
        self._guard = Guard(self._scene)
        self._gate = gate
        self._began = 0.0

    def play(self) -> Run:
        """Run all steps. Raises StageGoneError when the lab is gone; taking it down is the caller's."""
        scenario, stage, progress, clock = self._parts()
        began_at = datetime.now(UTC).isoformat(timespec="seconds")
        started = self._began = clock.now()
        progress.begin(scenario, stage.name)
        before = stage.look()
        outcomes: list[Outcome] = []
        stopped = by_hand = False
        for number, step in enumerate(scenario.steps, start=1):
            if stopped:
                outcomes.append(Outcome(step, None))
                continue
            progress.step(number, step)
            if not self._gate(number, step):
                stopped = by_hand = True
                outcomes.append(Outcome(step, None))
                continue
            if isinstance(step.do, Disconnect):
                self._guard.settle(self._actor.connected)
            outcome, stopped = self._play(step)
            outcomes.append(outcome)
            progress.done(outcome)
        if by_hand or not stopped:
            self._guard.settle(self._actor.connected)
        self._actor.stop_probes()
        flows = self._actor.measure(self._actor.probes_started, self._actor.probes_stopped)
        arrived = sum(one.received for one in flows if not one.flow.control)
        safety = self._guard.conclude(machine.between(before, stage.look(), stage.stalls()), arrived)
        judged = [one.verdict for one in outcomes if one.verdict is not None]
        run = Run(
            scenario=scenario,
            lab=stage.name,
            verdict=_verdict(judged, safety, by_hand=by_hand),
            outcomes=tuple(outcomes),
            flows=flows,
            timeline=tuple(sorted((*stage.timeline(started), *causes.of_probes(flows)), key=_moment)),
            started=started,
            ended=clock.now(),
            began_at=began_at,
            machine=machine.between(before, stage.look()).as_document(),
            safety=safety,
            ended_by_hand=by_hand,
        )
        progress.end(run)
        return run

    def _parts(self) -> tuple[Scenario, Stage, Progress, Clock]:
        scene = self._scene
        return scene.scenario, scene.stage, scene.progress, scene.clock

    # --- one step ---------------------------------------------------------------------------------

    def _play(self, step: Step) -> tuple[Outcome, bool]:
        """Play one step; the second value says that the scenario cannot go on."""
        _, stage, _, clock = self._parts()
        before = stage.look()
        started = clock.now()
        notes = Notes(zero=started)
        breaks = isinstance(step.do, Break)
        met: tuple[Met, ...] = ()
        flows: tuple[FlowMeasurement, ...] = ()
        unsafe: tuple[Finding, ...] = ()
        failure, whole = "", True
        try:
            if breaks:
                notes.told = waiting.WHOLE
                met = waiting.whole(self._scene, notes)
                whole = all(one.ok for one in met)
            if whole:
                self._actor.act(step.do, notes)
                met = (*notes.met, *waiting.wait(self._scene, step.then, notes, notes.zero))
                self._remember(met, notes)
            if whole and step.budget is not None:
                flows = self._measured(started)
            unsafe = self._guard.look(step.do)
        except StageGoneError:
            raise
        except StageError as error:
            failure = str(error)
        ended = clock.now()
        events = stage.timeline(started)
        faults = tuple(_exact(notes.faults, events))
        use = machine.between(
            before, stage.look(), self._foreign_stalls(faults), self._false_alarms(faults, started)
        )
        told = repair.explain(faults, flows, events)
        budget = step.budget if whole else None
        findings = verdicts.judge_step(budget, met, failure, flows, use, signs=_overtime(step.do, faults))
        findings = (*unsafe, *findings)
        outcome = Outcome(
            step=step,
            verdict=verdicts.worst(finding.verdict for finding in findings),
            findings=findings,
            started=started,
            ended=ended,
            faults=faults,
            flows=flows,
            repaired_by=told.text,
            trail=told.trail,
            facts=notes.facts,
            machine=use.as_document(),
        )
        # What was expected while a fault lasted is an assertion; what comes after it, later steps rest on.
        unmet = any(not one.ok for one in met[len(notes.met) :])
        return outcome, bool(failure) or (unmet and not isinstance(step.do, (Watch, Disconnect)))

    def _measured(self, started: float) -> tuple[FlowMeasurement, ...]:
        _, _, progress, clock = self._parts()
        progress.doing("measuring that it stays so")
        clock.sleep(TAIL + conditions.FLIGHT)
        return self._actor.measure(started, clock.now() - conditions.FLIGHT)

    def _remember(self, met: Sequence[Met], notes: Notes) -> None:
        """How long it took until the connection was whole, for the figures of the report."""
        for one in met[len(notes.met) :]:
            if one.expectation.condition == "status" and one.ok and one.expectation.kind == "eventually":
                name = "online_again_after_s" if notes.faults else "online_after_s"
                notes.facts[name] = round(one.after_s, 3)

    def _foreign_stalls(self, faults: Sequence[Struck]) -> tuple[machine.SwitchStall, ...]:
        """Warnings of switches about their own lateness, but for a switch that a fault itself stopped."""
        stopped = tuple(str(struck.fault.get("service", "")).partition("@")[2] for struck in faults)
        return tuple(stall for stall in self._scene.stage.stalls() if stall.node not in stopped)

    def _false_alarms(self, faults: Sequence[Struck], since: float) -> tuple[machine.FalseAlarm, ...]:
        """BFD that went down beside the faults, while traffic ran: before and after, it comes and goes."""
        if not self._actor.probing:
            return ()
        # All events of the run: whether a port was up can only be known from what was told before.
        events = self._scene.stage.timeline(self._began)
        found = liveness.false_alarms(events, faults, self._scene.scenario.topology)
        return tuple(alarm for alarm in found if alarm.t >= since - FELT)


def _verdict(judged: Sequence[Verdict], safety: Sequence[Property], *, by_hand: bool) -> Verdict:
    """Of steps and properties; of nothing at all it is FAIL, unless somebody wanted it so."""
    if by_hand and not judged:
        return Verdict.INCONCLUSIVE
    return verdicts.worst([*judged, *(one.verdict for one in safety)] if judged else ())


def _moment(event: Event) -> float:
    return event.t


def _overtime(action: Action, faults: Sequence[Struck]) -> list[str]:
    """A fault that lasted longer than it should have: the harness had no time to clear it."""
    lasted = [struck.cleared - struck.injected for struck in faults if struck.cleared is not None]
    if not lasted or not isinstance(action, Break):
        return []
    wanted = action.hold_s + action.apart_s * (len(action.faults) - 1)
    if max(lasted) <= wanted + OVERTIME:
        return []
    return [f"the fault lasted {max(lasted):.2f} s instead of {wanted:g} s (limit {OVERTIME:g} s more)"]


def _exact(faults: Sequence[Struck], events: Sequence[Event]) -> list[Struck]:
    """When each fault took hold, by the lab's own record; else when the lab was asked for it."""
    records = [event for event in events if event.kind == FAULT_EVENT]
    found = []
    for struck in faults:
        record = next((event for event in records if event.t >= struck.injected - 0.01), None)
        if record is not None:
            records.remove(record)
        found.append(struck if record is None else replace(struck, injected=record.t))
    return found
