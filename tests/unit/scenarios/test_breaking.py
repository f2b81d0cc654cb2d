"""Faults of several kinds at once, changes and expectations while they last; and what holds at all times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scenarios.actions import IN_USE, Break, Change, spare
from scenarios.progress import Silent
from scenarios.runner import Runner
from scenarios.scenario import Scenario, Step
from scenarios.stage import StageError
from scenarios.stories import total_loss
from scenarios.stories.ground import CALM
from scenarios.values import Expectation, Verdict
from tests.unit.scenarios.stand_ins import FakeStage, ManualClock
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells")
KNOBS = {knob.name: knob.default for knob in total_loss.STORY.knobs}
WHOLE = total_loss.build(TOPOLOGY, 1, KNOBS)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def stage(clock: ManualClock) -> FakeStage:
    return FakeStage(clock)


def played(stage: FakeStage, clock: ManualClock, action: Break | Change, **more: Any):
    """The outcome of one step between a beginning and an end, and the whole run."""
    step = Step("it", "It", "What.", "Expect.", action, budget=CALM, **more)
    scenario: Scenario = replace(WHOLE, steps=(*WHOLE.steps[:4], step, WHOLE.steps[-1]))
    run = Runner(scenario, stage, Silent(), clock).play()
    return run.outcomes[4], run


def test_faults_are_injected_in_order_and_cleared_the_last_first(stage: FakeStage, clock: ManualClock):
    faults = ({"kind": "cut", "link": IN_USE}, {"kind": "loss", "link": spare(1), "percent": 2})
    outcome, _ = played(stage, clock, Break(faults, 2.0, apart_s=0.5))
    assert [struck.fault["link"] for struck in outcome.faults] == ["main-east-1", "main-east-2"]
    first, second = outcome.faults
    assert second.injected - first.injected == pytest.approx(0.5)
    assert first.cleared == second.cleared == pytest.approx(second.injected + 2.0)
    assert [said for said in stage.said if said.startswith(("inject", "clear"))] == [
        "inject cut", "inject loss", "clear f1", "clear f1",
    ]  # fmt: skip


def test_what_was_injected_is_cleared_when_the_next_one_is_refused(stage: FakeStage, clock: ManualClock):
    inject = stage.inject

    def refuse(fault):
        if fault["kind"] == "delay":
            raise StageError("this kernel needs sch_netem")
        return inject(fault)

    stage.inject = refuse  # type: ignore[method-assign]
    faults = ({"kind": "cut", "link": IN_USE}, {"kind": "delay", "link": IN_USE, "milliseconds": 5})
    outcome, run = played(stage, clock, Break(faults, 2.0))
    assert outcome.reason == "this kernel needs sch_netem"
    assert "clear f1" in stage.said
    assert run.outcomes[-1].verdict is None


def test_a_spare_path_that_is_not_there_fails_the_step_before_anything_is_broken(
    stage: FakeStage, clock: ManualClock
):
    outcome, _ = played(stage, clock, Break({"kind": "cut", "link": spare(2)}, 1.0))
    assert "there is no spare path 2" in outcome.reason
    assert not [said for said in stage.said if said.startswith("inject")]


def test_changes_are_asked_for_at_their_moments(stage: FakeStage, clock: ManualClock):
    moments: list[tuple[float, str]] = []
    change = stage.change
    stage.change = lambda one: (moments.append((clock.now(), one.name)), change(one))[1]  # type: ignore[method-assign]
    wanted = (
        Change("delete", "endpoint", "second", after_s=3.0),
        Change("update", "endpoint", "first", {"prefixes": []}, after_s=1.0),
    )
    outcome, _ = played(stage, clock, Break({"kind": "cut", "link": IN_USE}, 5.0, changes=wanted))
    begun = outcome.faults[0].injected
    assert [(round(at - begun, 2), name) for at, name in moments] == [(1.0, "first"), (3.0, "second")]
    assert outcome.facts["update endpoint first"] == {"revision": 2}
    assert outcome.faults[0].cleared == pytest.approx(begun + 5.0)


def test_expectations_while_a_fault_lasts_are_judged_and_do_not_stop_the_scenario(
    stage: FakeStage, clock: ManualClock
):
    offline = Expectation("status", "the API says OFFLINE", 2.0, of={"is": "OFFLINE"})
    action = Break({"kind": "cut", "link": IN_USE}, 3.0, during=(offline,))
    outcome, run = played(stage, clock, action)
    assert outcome.verdict is Verdict.FAIL
    assert "not within 2 s: the API says OFFLINE (seen: ONLINE" in outcome.reason
    assert run.outcomes[-1].verdict is Verdict.PASS
    assert outcome.faults[0].cleared == pytest.approx(outcome.faults[0].injected + 3.0)


@pytest.mark.parametrize(
    ("kind", "state", "verdict"),
    [
        ("always", "ONLINE", Verdict.PASS),
        ("never", "ONLINE", Verdict.FAIL),
        ("stays", "ONLINE", Verdict.PASS),
    ],
)
def test_kinds_of_expectations(stage: FakeStage, clock: ManualClock, kind, state, verdict):
    stage.state = state
    wanted = Expectation("status", "as it should be", 2.0, kind, {"is": "ONLINE"})
    outcome, _ = played(stage, clock, Break({"kind": "cut", "link": IN_USE}, 3.0, during=(wanted,)))
    assert outcome.verdict is verdict, outcome.reason


def test_what_does_not_stay_is_told_with_what_it_became(stage: FakeStage, clock: ManualClock):
    wanted = Expectation("status", "the status", 4.0, "stays", {"is": "whatever"})
    act = Break({"kind": "cut", "link": IN_USE}, 5.0, during=(wanted,))
    inject = stage.inject

    def later(fault):
        clock.at(1.0, lambda: setattr(stage, "state", "DEGRADED"))
        clock.at(5.0, lambda: setattr(stage, "state", "ONLINE"))
        return inject(fault)

    stage.inject = later  # type: ignore[method-assign]
    outcome, _ = played(stage, clock, act)
    assert "ONLINE became DEGRADED" in outcome.reason


def test_a_fault_that_the_harness_cleared_too_late_makes_a_miss_inconclusive(
    stage: FakeStage, clock: ManualClock
):
    stage.lossy["main → east IPv4"] = 200.0
    on_time, _ = played(stage, clock, Break({"kind": "cut", "link": IN_USE}, 1.0))
    assert on_time.verdict is Verdict.FAIL
    slow = FakeStage(clock)
    slow.lossy = stage.lossy
    measure = slow.measure

    def held_up(start: float, end: float):
        clock.sleep(0.7 if slow.said[-1].startswith("inject") else 0.0)
        return measure(start, end)

    slow.measure = held_up  # type: ignore[method-assign]
    wanted = Expectation("delivering", "anything", 0.9, "never")
    late, _ = played(slow, clock, Break({"kind": "cut", "link": IN_USE}, 1.0, during=(wanted,)))
    assert late.verdict is Verdict.INCONCLUSIVE
    assert "instead of 1 s" in late.reason


# --- at all times -------------------------------------------------------------------------------------


def test_a_flow_of_nobodys_fails_the_step_in_which_it_is_seen_even_on_a_busy_machine(
    stage: FakeStage, clock: ManualClock
):
    stage.busy = 0.95
    inject = stage.inject

    def plant(fault):
        stage.tables["main-gw1"] = " cookie=0xbad, table=10, priority=1,ip,nw_dst=192.0.2.1 actions=drop\n"
        return inject(fault)

    stage.inject = plant  # type: ignore[method-assign]
    outcome, run = played(stage, clock, Break({"kind": "cut", "link": IN_USE}, 1.0))
    assert outcome.verdict is Verdict.FAIL
    assert "no flow without an owner: main-gw1 has a flow of nobody's" in outcome.reason
    assert {one.says: one.verdict.value for one in run.safety}["no flow without an owner"] == "FAIL"
    assert run.verdict is Verdict.FAIL


def test_desired_and_observed_that_never_agree_fail_the_run(stage: FakeStage, clock: ManualClock):
    stage.apart = ("agent main-gw1 is ONLINE at generation 3 of 4",)
    _, run = played(stage, clock, Change("update", "endpoint", "east-end"))
    agreed = next(one for one in run.safety if one.says.startswith("desired"))
    assert agreed.verdict is Verdict.FAIL
    assert "generation 3 of 4" in agreed.reason
    assert run.verdict is Verdict.FAIL


def test_what_held_is_told_with_how_often_it_was_looked_at(stage: FakeStage, clock: ManualClock):
    _, run = played(stage, clock, Break({"kind": "cut", "link": IN_USE}, 1.0))
    assert {one.verdict for one in run.safety} == {Verdict.PASS}
    assert run.safety[0].looks == len(run.outcomes)
