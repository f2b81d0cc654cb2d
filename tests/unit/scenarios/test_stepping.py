"""Stepping through a scenario by hand, and its words: asked before each step, ended by q, told as it is."""

from __future__ import annotations

import io

import pytest

from scenarios import explaining, files
from scenarios.actions import Boot, Break, Connect
from scenarios.progress import Silent
from scenarios.report import terminal
from scenarios.runner import Runner
from scenarios.scenario import Step
from scenarios.stepping import Stepper
from scenarios.stories import provision_and_recover
from scenarios.values import Budget, Expectation, Verdict
from tests.unit.scenarios.stand_ins import FakeStage, ManualClock
from topologies import catalogue

SCENARIO = provision_and_recover.build(catalogue.build("two-cells"), seed=3)
STEP = SCENARIO.steps[0]


def stepper(*answers: str) -> Stepper:
    said = iter(answers)

    def ask(_prompt: str) -> str:
        try:
            return next(said)
        except StopIteration:
            raise EOFError from None

    return Stepper(ask, io.StringIO())


@pytest.mark.parametrize(
    ("answers", "goes_on"),
    [
        ([""], True),
        (["q"], False),
        (["Q "], False),
        (["what?", ""], True),
        (["what?", "q"], False),
        ([], False),
    ],
)
def test_enter_goes_on_and_q_or_the_end_of_input_ends_it(answers: list[str], goes_on: bool):
    assert stepper(*answers)(1, STEP) is goes_on


def test_ended_by_hand_the_rest_is_not_run_and_probes_and_watch_end():
    clock = ManualClock()
    stage = FakeStage(clock)
    run = Runner(SCENARIO, stage, Silent(), clock, stepper("", "", "", "", "q")).play()
    assert [one.verdict is not None for one in run.outcomes] == [
        number < 4 for number in range(len(SCENARIO.steps))
    ]
    assert run.verdict is Verdict.PASS
    assert run.ended_by_hand
    assert (
        terminal.closing(run) == f"Ended by hand after 4 of {len(SCENARIO.steps)} steps; this is about those."
    )
    assert {"stop_probes", "end_watch"} <= set(stage.said)


def test_ended_before_anything_was_run_proves_nothing():
    clock = ManualClock()
    run = Runner(SCENARIO, FakeStage(clock), Silent(), clock, stepper("q")).play()
    assert run.verdict is Verdict.INCONCLUSIVE


def test_a_step_without_words_is_told_by_its_values():
    boot = Step("a", "a", "", "", Boot())
    assert explaining.what(boot) == "Start the lab, and wait until every daemon is ready."
    assert explaining.expect(boot) == ""
    connect = Step("b", "b", "", "", Connect("main", "east"), (Expectation("status", "it is ONLINE", 3),))
    assert "from main to east" in explaining.what(connect)
    assert explaining.expect(connect) == "it is ONLINE"
    split = {"kind": "partition", "groups": [["main"], ["cell2", "cell3"]]}
    cut = Step("c", "c", "", "", Break(split, 5.0), budget=Budget("why", outage_ms=20, outages=1, lost=0))
    assert explaining.what(cut) == "Fault: partition groups main / cell2, cell3, for 5 s."
    assert explaining.expect(cut) == (
        "no outage longer than 20 ms, at most 1 outage of a flow and no packet lost"
    )
    crash = Step("d", "d", "", "", Break({"kind": "crash", "service": "agent@main-gw1"}, 2.0))
    assert explaining.what(crash) == "Fault: crash service agent@main-gw1, watched for 2 s."


def test_expectations_of_a_file_need_no_words_and_those_during_a_fault_differ():
    text = """
scenario: short
title: Short
topology: two-cells
steps:
  - {name: boot, boot: {}}
  - {name: connect, connect: {local_cell: main, remote_cell: east}, then: [{condition: status, of: {is: ONLINE}, within_s: 9}]}
  - {name: probe, start-probes: {between: [main, east]}}
  - name: cut
    break: {fault: {kind: cut, link: main-east-1}, hold_s: 3, during: [{condition: delivering, within_s: 2, kind: always}]}
    then: [{condition: delivering, within_s: 9}]
"""  # noqa: E501 - a file as short as can be
    steps = files.load(text).steps
    assert steps[1].then[0].says == "the connection is ONLINE"
    assert isinstance(steps[3].do, Break)
    assert steps[3].do.during[0].says == "always: all flows deliver meanwhile"
    assert steps[3].then[0].says == "all flows deliver"


@pytest.mark.parametrize("text", ["", "just text"])
def test_what_is_no_scenario_is_told_how_one_begins(text: str):
    with pytest.raises(files.ScenarioError, match="begin with 'scenario: my-drill'"):
        files.load(text)
