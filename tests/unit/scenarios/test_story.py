"""The story and its checks: the same arguments give the same scenario, and nonsense never starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenarios import catalogue, checks
from scenarios.actions import IN_USE, Boot, Break, Connect, Disconnect, Watch
from scenarios.stories import provision_and_recover as story
from scenarios.stories.story import UnsuitableTopologyError
from scenarios.values import Expectation
from topologies import catalogue as topologies


def scenario(seed=1, topology="two-cells", **settings):
    return story.build(topologies.build(topology, settings), seed)


def changed(built, which, **changes):
    steps = tuple(replace(step, **changes) if step.name == which else step for step in built.steps)
    return replace(built, steps=steps)


def test_it_tells_what_was_promised_in_order():
    names = [step.name for step in scenario().steps]
    assert names == [
        "boot", "connect", "probe", "calm", "cut", "blackhole-one-way", "blackhole",
        "crash-speaker", "crash-controller", "crash-agent", "crash-manager",
        "partition-management", "freeze-switch", "kill-switch", "disconnect",
    ]  # fmt: skip
    assert isinstance(scenario().steps[0].do, Boot)
    assert isinstance(scenario().steps[-1].do, Disconnect)


def test_every_step_has_words_and_every_budget_its_reason():
    for step in scenario().steps:
        assert step.title
        assert step.what
        assert step.expect
        if isinstance(step.do, (Break, Watch)):
            assert step.budget is not None
            assert len(step.budget.why) > 40


def test_the_seed_decides_everything_random():
    assert scenario(5) == scenario(5)
    assert len({str(scenario(seed)) for seed in range(5)}) == 5
    phases = [
        step.do.phase_s for seed in range(20) for step in scenario(seed).steps if type(step.do) is Break
    ]
    assert 0 <= min(phases) < 0.005
    assert 0.025 < max(phases) <= 0.03


def test_the_path_in_use_is_not_assumed():
    links = [step.do.fault["link"] for step in scenario().steps if "link" in getattr(step.do, "fault", {})]
    assert set(links) == {IN_USE}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("two-cells", {"paths": 2}),
        ("main-and-subs", {"cells": 4}),
        ("ring", {"paths": 2}),
        ("full-mesh", {"paths": 2}),
    ],
)
def test_it_can_be_told_on_every_topology_that_has_what_it_needs(name, settings):
    checks.check(scenario(3, name, **settings))


@pytest.mark.parametrize("settings", [{"paths": 1}, {"hosts": 0}])
def test_a_topology_without_two_paths_or_hosts_is_refused_with_the_remedy(settings):
    with pytest.raises(UnsuitableTopologyError, match="--set paths=2 --set hosts=1"):
        scenario(1, "two-cells", **settings)


def test_an_unknown_scenario_is_answered_with_those_there_are():
    with pytest.raises(catalogue.UnknownScenarioError, match="did you mean 'provision-and-recover'"):
        catalogue.find("provision-and-recovr")


def test_every_problem_is_reported_at_once_with_its_place():
    built = scenario()
    built = changed(built, "cut", do=Break({"kind": "cut", "link": "main-west-1"}, 1.0))
    built = changed(built, "connect", do=Connect("main", "main"))
    built = changed(built, "calm", then=(Expectation("deliverin", "all well", 1),))
    built = changed(built, "crash-agent", do=Break({"kind": "crsh", "service": "agent@main-gw1"}, -1.0))
    with pytest.raises(checks.ScenarioError) as error:
        checks.check(built)
    text = str(error.value)
    assert "steps[4] (cut): fault.link" in text
    assert "steps[1] (connect): 'main' cannot be connected to itself" in text
    assert "steps[3] (calm): there is no condition 'deliverin'" in text
    assert "steps[9] (crash-agent): hold_s -1: seconds cannot be negative" in text
    assert "crsh" in text
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "connect"}, "another step is called 'connect'"),
        ({"do": Connect("main", "west")}, "there is no cell 'west'; did you mean 'east'"),
        ({"do": Break({"kind": "cut", "link": IN_USE}, 1, restarts="agent@x")}, "no service 'agent@x'"),
        ({"then": (Expectation("delivering", "x", 0),)}, "deadline above 0 s"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change, words):
    with pytest.raises(checks.ScenarioError, match=words):
        checks.check(changed(scenario(), "calm", **change))
