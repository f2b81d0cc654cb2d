"""Every story: told on every topology that has what it needs; else it says what to ask for."""

from __future__ import annotations

import random

import pytest

from scenarios import catalogue, checks
from scenarios.actions import Break, Watch
from scenarios.stories.story import KnobError, UnsuitableTopologyError
from topologies import catalogue as topologies

NAMES = [story.name for story in catalogue.STORIES]
FIT = [
    ("two-cells", {"paths": 3}),
    ("main-and-subs", {"cells": 4}),
    ("ring", {"paths": 2}),
    ("full-mesh", {"paths": 2}),
    ("provider", {"cells": 3}),
]


def told(name: str, topology: str | None = None, seed: int = 3, settings=(), **of_topology):
    chosen = None if topology is None else topologies.build(topology, of_topology)
    return catalogue.scenario(catalogue.find(name), chosen, dict(settings), seed)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_has_words_and_every_budget_its_reason(name: str):
    scenario = told(name)
    assert scenario.name == name
    assert scenario.title
    assert scenario.summary
    for step in scenario.steps:
        assert step.title
        assert step.what
        assert step.expect
        if isinstance(step.do, (Break, Watch)):
            assert step.budget is not None
            assert len(step.budget.why) > 40


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("topology", "settings"), FIT)
def test_it_can_be_told_on_every_topology_that_has_what_it_needs(name: str, topology: str, settings):
    if name == "router-dies" and topology != "provider":
        pytest.skip("a router needs a provider WAN")
    scenario = told(name, topology, **settings)
    assert checks.problems(scenario) == []
    assert scenario.topology.name == topology


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_everything_random(name: str):
    assert told(name, seed=5) == told(name, seed=5)
    random.seed(1)
    assert len({str(told(name, seed=seed)) for seed in range(4)}) > 1


UNFIT = {
    "each-path": ("two-cells", {"paths": 1}, "two paths between them.*--set paths=2"),
    "one-way-loss": ("ring", {"paths": 1}, "--topology two-cells --set paths=2"),
    "flap-train": ("provider", {"routers": 1}, "--set routers=2"),
    "speaker-frozen": ("two-cells", {"hosts": 0}, "--set paths=1 --set hosts=1"),
    "router-dies": ("two-cells", {}, "two provider routers.*--topology provider"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_an_unfit_topology_is_refused_with_what_to_ask_for(name: str):
    topology, settings, words = UNFIT[name]
    with pytest.raises(UnsuitableTopologyError, match=words) as error:
        told(name, topology, **settings)
    assert error.value.exit_code == 2


def test_a_storys_own_settings_are_taken_and_the_rest_is_the_topologys():
    scenario = told("away-for-a-minute", settings={"away_s": "20", "paths": "1"})
    step = next(step for step in scenario.steps if isinstance(step.do, Break))
    assert step.do.hold_s == 20
    assert scenario.topology.parameters["paths"] == 1
    assert scenario.parameters["away_s"] == 20


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("-1", "--set away_s=-1: seconds that agent and controller are away; choose 15 to 600"),
        ("long", "choose 15 to 600"),
        ("nan", "choose 15 to 600"),
        ("1e9", "choose 15 to 600"),
    ],
)
def test_a_setting_out_of_range_is_refused(value: str, words: str):
    with pytest.raises(KnobError, match=words):
        told("away-for-a-minute", settings={"away_s": value})


def test_an_unknown_setting_names_those_of_topology_and_story():
    with pytest.raises(ValueError, match=r"no setting 'away'.*away-for-a-minute itself takes away_s"):
        told("away-for-a-minute", settings={"away": "20"})


def test_budgets_follow_the_interval_of_bfd():
    small, large = (told("each-path", "main-and-subs", cells=cells, paths=2) for cells in (3, 9))
    silent = [
        next(step.budget.outage_ms for step in scenario.steps if step.name == "silence-in-use")
        for scenario in (small, large)
    ]
    assert silent == [50, 170]


def test_the_longest_outage_of_a_frozen_speaker_is_what_is_left_of_the_time():
    scenario = told("speaker-frozen", settings={"frozen_s": "20"})
    step = next(step for step in scenario.steps if step.name == "freeze-for-long")
    assert step.budget.outage_ms == (20 - 6 + 1.5) * 1000
