"""What was watched between the looks: judged, told of, and not believed when nobody watched."""

from __future__ import annotations

import pytest

from scenarios import guarding
from scenarios.lookout.values import Sighting, Told
from scenarios.outcomes import Run
from scenarios.progress import Silent
from scenarios.runner import Runner
from scenarios.safety.values import LOOPLESS, OWNED, RIGHT_CELL
from scenarios.stories import provision_and_recover
from scenarios.values import Verdict
from tests.unit.scenarios.stand_ins import FakeStage, ManualClock
from topologies import catalogue

SCENARIO = provision_and_recover.build(catalogue.build("two-cells"), seed=3)
CUT = [step.name for step in SCENARIO.steps].index("cut")


def play(*told: Told) -> Run:
    """What the watch tells at the end of each step; then that all is well."""
    clock = ManualClock()
    stage = FakeStage(clock)
    stage.told = list(told)
    return Runner(SCENARIO, stage, Silent(), clock).play()


def property_of(run: Run, says: str):
    return next(one for one in run.safety if one.says == says)


@pytest.mark.parametrize("says", [LOOPLESS, RIGHT_CELL, OWNED])
def test_what_the_watch_saw_for_a_moment_fails_the_step_in_which_it_was_and_the_run(says: str):
    seen = Sighting(says, "it was there", 1001.0, 1001.3, 299)
    run = play(*[Told(samples=9)] * CUT, Told(samples=9, sightings=(seen,)))
    assert run.verdict is Verdict.FAIL
    assert [one.step.name for one in run.outcomes if one.verdict is Verdict.FAIL] == ["cut"]
    assert run.outcomes[CUT].reason == f"{says}: it was there (299 times within 300 ms)"
    assert property_of(run, says).verdict is Verdict.FAIL


def test_what_came_after_the_last_step_fails_the_run():
    seen = Sighting(LOOPLESS, "late", 1.0, 1.0, 1)
    run = play(*[Told(samples=9)] * len(SCENARIO.steps), Told(sightings=(seen,)))
    assert run.verdict is Verdict.FAIL
    assert property_of(run, LOOPLESS).reason == "late"


def test_a_quiet_watch_says_how_much_it_saw():
    run = play()
    assert run.verdict is Verdict.PASS
    watched = 16 * (len(SCENARIO.steps) + 1)
    assert property_of(run, LOOPLESS).watched == f"every packet at the WAN ports ({watched} samples)"
    assert guarding.how(run.safety).startswith(f"watched: {len(SCENARIO.steps)} looks at all tables; between")


def test_a_watch_that_ended_proves_nothing():
    run = play(Told(samples=9), Told(gone="the lookout does not answer: refused"))
    assert run.verdict is Verdict.INCONCLUSIVE
    assert "nobody watched: the lookout does not answer" in property_of(run, RIGHT_CELL).reason


def test_a_watch_that_sees_no_packet_of_many_is_blind():
    run = play(*[Told(changes=1)] * (len(SCENARIO.steps) + 1))
    assert property_of(run, LOOPLESS).verdict is Verdict.INCONCLUSIVE
    assert "packets that arrived none was seen" in property_of(run, LOOPLESS).reason
    assert property_of(run, OWNED).verdict is Verdict.PASS


def test_a_switch_that_does_not_tell_of_its_flows_is_told_of_and_no_doubt():
    unseen = ("main-gw1: its switch does not tell of its flows (no answer)",)
    run = play(*[Told(samples=9, unseen=unseen)] * (len(SCENARIO.steps) + 1))
    assert run.verdict is Verdict.PASS
    assert property_of(run, OWNED).watched == unseen[0]
