"""The runner over a stage in memory: what stops a scenario, what does not, and what it hands on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenarios.breaking import describe
from scenarios.measurements import FlowMeasurement
from scenarios.outcomes import Run
from scenarios.progress import Silent
from scenarios.runner import Runner
from scenarios.stage import StageError, StageGoneError
from scenarios.stories import provision_and_recover
from scenarios.values import Event, Verdict
from tests.unit.scenarios.stand_ins import FakeStage, ManualClock
from topologies import catalogue

SCENARIO = provision_and_recover.build(catalogue.build("two-cells"), seed=3)


class Listening(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.ended: Run | None = None

    def note(self, text: str, reasons=()) -> None:
        self.notes.append(" ".join((text, *reasons)))

    def end(self, run: Run) -> None:
        self.ended = run


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stage(clock: ManualClock) -> FakeStage:
    return FakeStage(clock)


def play(stage: FakeStage, clock: ManualClock, listening: Silent | None = None) -> Run:
    return Runner(SCENARIO, stage, listening or Silent(), clock).play()


def verdicts_of(run: Run) -> dict[str, str]:
    return {one.step.name: one.verdict.value if one.verdict else "not run" for one in run.outcomes}


def test_a_good_lab_passes_every_step_in_order(stage: FakeStage, clock: ManualClock):
    listening = Listening()
    run = play(stage, clock, listening)
    assert run.verdict is Verdict.PASS, [one.reason for one in run.outcomes]
    assert set(verdicts_of(run).values()) == {"PASS"}
    assert [one.step for one in run.outcomes] == list(SCENARIO.steps)
    assert listening.ended is run
    assert len(run.flows) == 5
    assert stage.said.index("stop_probes") < stage.said.index("disconnect")


def test_a_fault_that_lasts_is_cleared_and_one_that_is_over_is_not(stage: FakeStage, clock: ManualClock):
    run = play(stage, clock)
    outcomes = {one.step.name: one for one in run.outcomes}
    assert [struck.fault for struck in outcomes["cut"].faults] == [{"kind": "cut", "link": "main-east-1"}]
    assert outcomes["cut"].cleared == pytest.approx(outcomes["cut"].injected + 1.5)
    assert outcomes["crash-agent"].cleared is None


@pytest.mark.parametrize("method", ["up", "connect", "start_probes", "inject"])
def test_what_later_steps_need_stops_the_scenario_when_it_fails(
    stage: FakeStage, clock: ManualClock, method: str
):
    stage.errors[method] = StageError(f"{method} went wrong; try again")
    run = play(stage, clock)
    assert run.verdict is Verdict.FAIL
    verdicts = list(verdicts_of(run).values())
    failed = verdicts.index("FAIL")
    assert set(verdicts[:failed]) <= {"PASS"}
    assert set(verdicts[failed + 1 :]) == {"not run"}
    assert run.outcomes[failed].reason == f"{method} went wrong; try again"


def test_a_broken_budget_fails_its_step_and_the_scenario_goes_on(stage: FakeStage, clock: ManualClock):
    stage.lossy["main → east IPv4"] = 200.0
    run = play(stage, clock)
    assert run.verdict is Verdict.FAIL
    got = verdicts_of(run)
    assert got["cut"] == got["blackhole"] == got["crash-agent"] == "FAIL"
    assert got["kill-switch"] == got["disconnect"] == "PASS"


def test_on_a_busy_machine_the_same_is_inconclusive(stage: FakeStage, clock: ManualClock):
    stage.lossy["main → east IPv4"] = 200.0
    stage.busy = 0.95
    run = play(stage, clock)
    assert run.verdict is Verdict.INCONCLUSIVE
    assert verdicts_of(run)["cut"] == "INCONCLUSIVE"


def test_a_network_that_does_not_recover_stops_the_scenario(stage: FakeStage, clock: ManualClock):
    stage.errors["clear"] = StageError("the undo was refused")
    got = verdicts_of(play(stage, clock))
    assert got["cut"] == "FAIL"
    assert got["blackhole"] == "not run"


def test_a_connection_that_never_becomes_online_is_waited_for_and_told_once(
    stage: FakeStage, clock: ManualClock
):
    stage.state = "OFFLINE"
    listening = Listening()
    run = play(stage, clock, listening)
    assert verdicts_of(run)["connect"] == "FAIL"
    assert "not within 30 s: the connection is ONLINE" in run.outcomes[1].reason
    assert [note for note in listening.notes if "OFFLINE" in note] == [" 0.00 s  OFFLINE a path is down"]


def test_nothing_is_broken_while_something_still_is(stage: FakeStage, clock: ManualClock):
    """A fault on top of a path that a stall took away would cost the last path."""

    class Degrading(FakeStage):
        def start_probes(self, flows) -> None:
            super().start_probes(flows)
            self.state = "DEGRADED"

    run = play(ailing := Degrading(clock), clock)
    assert verdicts_of(run)["cut"] == "FAIL"
    assert "everything is whole before the fault (seen: DEGRADED: a path is down)" in run.outcomes[4].reason
    assert not any(asked.startswith("inject") for asked in ailing.said)

    ailing.busy = 0.95
    ailing.state = "ONLINE"
    assert verdicts_of(play(ailing, clock))["cut"] == "INCONCLUSIVE"


def test_a_path_that_is_coming_back_is_waited_for(clock: ManualClock):
    class Healing(FakeStage):
        def start_probes(self, flows) -> None:
            super().start_probes(flows)
            self.state = "DEGRADED"
            self.clock.at(6.0, lambda: setattr(self, "state", "ONLINE"))

    assert play(Healing(clock), clock).verdict is Verdict.PASS


def test_leftovers_of_a_deleted_connection_fail_the_last_step(stage: FakeStage, clock: ManualClock):
    stage.left = ("main-gw1: group 1",)
    run = play(stage, clock)
    assert verdicts_of(run)["disconnect"] == "FAIL"
    assert "main-gw1: group 1" in run.outcomes[-1].reason


def test_nobody_judges_a_lab_that_is_gone(stage: FakeStage, clock: ManualClock):
    stage.errors["clear"] = StageGoneError("the lab's daemon was killed")
    with pytest.raises(StageGoneError, match="was killed"):
        play(stage, clock)


def test_a_flow_that_lies_fails_its_step(clock: ManualClock):
    class Lying(FakeStage):
        def measure(self, start: float, end: float) -> tuple[FlowMeasurement, ...]:
            return tuple(replace(one, received=one.received + 1) for one in super().measure(start, end))

    run = play(Lying(clock), clock)
    assert verdicts_of(run)["calm"] == "FAIL"
    assert "the probe contradicts itself" in run.outcomes[3].reason


def test_a_bfd_session_that_expires_beside_the_fault_makes_a_miss_inconclusive(
    stage: FakeStage, clock: ManualClock
):
    """The same loss is a FAIL when nothing else went down: the machine was quiet by all other signs."""
    stage.lossy["main → east IPv4"] = 200.0
    detail = {
        "interface": "wan2",
        "was": "up",
        "state": "down",
        "diagnostic": "Control Detection Time Expired",
    }
    inject = stage.inject

    def with_alarm(fault):
        identity = inject(fault)
        if fault["kind"] == "cut":
            stage.events.append(Event(clock.now() + 0.01, "switch/main-gw1", "bfd", detail))
        return identity

    stage.inject = with_alarm
    got = verdicts_of(play(stage, clock))
    assert got["cut"] == "INCONCLUSIVE"
    assert got["blackhole"] == "FAIL"


@pytest.mark.parametrize(("before_s", "verdict"), [(0.5, "INCONCLUSIVE"), (3.0, "FAIL")])
def test_an_alarm_just_before_a_step_is_felt_in_it(
    stage: FakeStage, clock: ManualClock, before_s: float, verdict: str
):
    stage.lossy["main → east IPv4"] = 200.0
    inject, look = stage.inject, stage.look
    looks = []

    def looking():  # at the machine: the first thing in a step
        looks.append(clock.now())
        return look()

    def after_an_alarm(fault):
        if fault["kind"] == "cut":
            why = "Control Detection Time Expired"
            detail = {"interface": "wan2", "was": "up", "state": "down", "diagnostic": why}
            stage.events.append(Event(looks[-1] - before_s, "switch/main-gw1", "bfd", detail))
        return inject(fault)

    stage.inject, stage.look = after_an_alarm, looking
    assert verdicts_of(play(stage, clock))["cut"] == verdict


def test_a_port_that_was_down_before_the_step_is_no_alarm_in_it(stage: FakeStage, clock: ManualClock):
    """It comes back in steps ("init"); only the whole run tells that it had not been up."""
    stage.lossy["main → east IPv4"] = 200.0
    down = {"interface": "wan2", "link_up": True, "bfd": "down"}
    stage.events.append(Event(clock.now(), "agent/main-gw1", "port", down))
    inject = stage.inject

    def coming_back(fault):
        event = Event(clock.now() + 0.1, "agent/main-gw1", "port", {**down, "bfd": "init"})
        stage.events.append(event)
        return inject(fault)

    stage.inject = coming_back
    assert verdicts_of(play(stage, clock))["cut"] == "FAIL"


def test_faults_are_told_in_words():
    assert describe({"kind": "freeze", "service": "switch@a", "seconds": 0.1}) == (
        "freeze service switch@a seconds 0.1"
    )
    assert describe({"kind": "partition", "cells": ["a", "b"]}) == "partition cells a, b"
