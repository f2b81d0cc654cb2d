"""Scenarios as tests: what is refused before a lab starts, one step alone, and what a verdict becomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenarios import catalogue
from scenarios.outcomes import Outcome, Property, Run
from scenarios.plugin import playing
from scenarios.values import Finding, Verdict
from tests.unit.plugin.conftest import Inner

pytest_plugins = ["pytester"]
STORY = catalogue.scenario(catalogue.find("each-path"), None, {}, 1)


def test_an_unknown_story_and_a_wrong_file_start_nothing(inner: Inner) -> None:
    inner.pytester.makefile(".yaml", wrong="scenario: wrong\nsteps: []\nnonsense: 1\n")
    result = inner.run(
        """
        def test_unknown(play): play("each-pat")
        def test_wrong(play): play("wrong.yaml")
        def test_absent(play): play("absent.yaml")
        """
    )
    result.assert_outcomes(failed=3)
    output = result.stdout.str()
    assert "did you mean 'each-path'" in output
    assert "wrong.yaml:" in output
    assert "absent.yaml: cannot be read" in output
    assert inner.notes == []


def test_one_step_keeps_what_makes_the_things_it_needs() -> None:
    wanted = next(step.name for step in STORY.steps if not isinstance(step.do, playing.NEEDED))
    kept = playing.only(STORY, wanted).steps
    assert [step.name for step in kept if not isinstance(step.do, playing.NEEDED)] == [wanted]
    assert kept[0] == STORY.steps[0]
    with pytest.raises(pytest.UsageError, match="has no step 'cuts'; it has"):
        playing.only(STORY, "cuts")


def run_of(verdict: Verdict, safety: Verdict = Verdict.PASS) -> Run:
    outcome = Outcome(STORY.steps[0], verdict, (Finding(verdict, "a reason"),))
    worst = Verdict.FAIL if Verdict.FAIL in (verdict, safety) else verdict
    run = Run(STORY, "lab", worst, (outcome,), (), (), 0.0, 1.0, "")
    return replace(run, safety=(Property("no loop", safety, 9, "flow 7 loops"),))


def test_everything_that_was_judged_is_a_finding() -> None:
    found = playing.findings(run_of(Verdict.INCONCLUSIVE, Verdict.FAIL))
    assert [(one.verdict, one.reason.split(": ")[-1]) for one in found] == [
        (Verdict.INCONCLUSIVE, "a reason"),
        (Verdict.FAIL, "flow 7 loops"),
    ]


def test_a_run_that_failed_as_a_whole_is_never_passed() -> None:
    run = replace(run_of(Verdict.PASS), verdict=Verdict.FAIL)
    assert Verdict.FAIL in {one.verdict for one in playing.findings(run)}
