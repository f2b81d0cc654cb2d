"""Scenario files: the same value as a story makes, and every mistake with its line and its remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scenarios import catalogue, checks, files, rendering
from scenarios.values import Budget
from topologies import fileformat

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "digger.yaml"


@pytest.mark.parametrize("story", catalogue.STORIES, ids=lambda story: story.name)
def test_a_story_survives_the_way_through_a_file(story):
    scenario = catalogue.scenario(story, None, {}, 5)
    text = files.dump(scenario)
    assert files.load(text) == scenario
    jsonschema.validate(rendering.document(scenario), files.schema())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(files.schema())


def test_the_example_of_the_documentation_is_valid_and_fits_the_schema():
    scenario = files.read(EXAMPLE)
    assert checks.problems(scenario) == []
    assert scenario.name == "digger"


def test_what_the_documentation_shows_is_as_it_says():
    page = (EXAMPLE.parents[1] / "scenarios.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(program.partition("run = play(")[0], "docs/scenarios.md", "exec"), names)
    assert checks.problems(names["scenario"]) == []
    assert files.load(files.dump(names["scenario"])) == names["scenario"]
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(files.load(text).steps) == 4


def test_seed_and_topology_may_be_given_instead():
    scenario = files.load(GOOD.replace("east", "sub1"), topology="main-and-subs", seed=9)
    assert scenario.seed == 9
    assert scenario.topology.name == "main-and-subs"


def test_a_topology_of_ones_own_stays_one(tmp_path: Path):
    own = fileformat.load(
        "name: own\ncells:\n  - name: main\n  - name: west\nlinks:\n  - between: [main, west]\n    paths: 2\n"
    )
    story = catalogue.find("total-loss")
    scenario = catalogue.scenario(story, own, {}, 1)
    assert files.load(files.dump(scenario)) == scenario


GOOD = """\
scenario: digger
title: The digger
topology: two-cells
steps:
  - name: boot
    boot: {}
  - name: connect
    connect: {local_cell: main, remote_cell: east}
  - name: probe
    start-probes: {between: [main, east]}
  - name: cut
    break:
      fault: {kind: cut, link: $path-in-use}
      hold_s: 1.5
    then:
      - {condition: delivering, within_s: 30}
    budget: {outage_ms: 20, why: carrier is seen in 5 to 9 ms}
"""


def test_a_short_file_is_enough():
    scenario = files.load(GOOD)
    assert [step.name for step in scenario.steps] == ["boot", "connect", "probe", "cut"]
    assert len(scenario.steps[2].do.flows) == 4
    assert scenario.steps[3].then[0].says == "all flows deliver"


MISTAKES = {
    "unknown fault": ("kind: cut", "kind: cutt", "x.yaml:13: steps[3].break.fault", "did you mean 'cut'"),
    "unknown link": ("$path-in-use", "main-east-7", "x.yaml:13", "there is no link 'main-east-7'"),
    "no such spare": ("$path-in-use", "$spare-path-2", "x.yaml:13", "there is no spare path 2"),
    "unknown cell": ("remote_cell: east", "remote_cell: eats", "x.yaml:8", "did you mean 'east'"),
    "negative duration": ("hold_s: 1.5", "hold_s: -1.5", "x.yaml:14: steps[3].break.hold_s", "negative"),
    "endless duration": ("hold_s: 1.5", "hold_s: 99999", "x.yaml:14", "give 0 to 3600"),
    "unknown condition": ("delivering", "deliverin", "x.yaml:16", "did you mean 'delivering'"),
    "no deadline": ("within_s: 30", "within_s: 0", "x.yaml:16", "deadline above 0 s"),
    "missing field": ("      hold_s: 1.5\n", "", "x.yaml:12: steps[3].break.hold_s", "this field is missing"),
    "unknown field": ("hold_s", "holds_s", "x.yaml:14", "did you mean 'hold_s'"),
    "a text for a number": ("hold_s: 1.5", "hold_s: long", "x.yaml:14", "where a number belongs"),
    "no why": (", why: carrier is seen in 5 to 9 ms", "", "x.yaml:17", "this field is missing"),
    "a budget of nothing": ("outage_ms: 20, ", "", "x.yaml:17", "a budget limits something"),
    "limits for nobody": (
        "outage_ms: 20, ",
        "outage_ms: 20, towards: {main-h9: {lost: 1, why: a}}, ",
        "x.yaml:17",
        "there is no host 'main-h9'",
    ),
    "limits within limits": (
        "outage_ms: 20, ",
        "outage_ms: 20, towards: {main-h1: {lost: 1, why: a, towards: {east-h1: {lost: 1, why: b}}}}, ",
        "x.yaml:17",
        "write them side by side",
    ),
    "two actions": ("    boot: {}", "    boot: {}\n    disconnect: {}", "x.yaml:7", "does one of"),
    "no action": ("    boot: {}\n", "", "x.yaml:5", "this does nothing"),
    "the same name twice": ("name: probe", "name: cut", "x.yaml:11", "another step is called 'cut'"),
    "unknown topology": ("two-cells", "two-cell", "x.yaml:3: topology", "did you mean 'two-cells'"),
    "broken YAML": ("steps:", "steps: [", "x.yaml:5", "this is no YAML"),
    "connected to itself": ("remote_cell: east", "remote_cell: main", "x.yaml:8", "connected to itself"),
    "not booted": ("    boot: {}", "    watch: {seconds: 1}", "x.yaml:6", "make boot the first step"),
    "probes of nobody": ("between: [main, east]", "between: [main, main]", "x.yaml:10", "two cells"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line_and_its_remedy(mistake: str):
    old, new, place, words = MISTAKES[mistake]
    assert old in GOOD
    with pytest.raises(checks.ScenarioError) as error:
        files.load(GOOD.replace(old, new), "x.yaml")
    assert place in str(error.value)
    assert words in str(error.value)
    assert error.value.exit_code == 2


def test_every_problem_is_told_at_once_in_the_order_of_the_lines():
    text = GOOD
    for mistake in ("unknown cell", "unknown fault", "negative duration", "unknown condition", "no why"):
        old, new, _, _ = MISTAKES[mistake]
        text = text.replace(old, new)
    with pytest.raises(checks.ScenarioError) as error:
        files.load(text, "x.yaml")
    places = [problem.split(": ")[0] for problem in error.value.problems]
    assert places == sorted(places, key=lambda place: int(place.split(":")[1]))
    assert "did you mean 'east'" in str(error.value)
    assert "this field is missing" in str(error.value)


def test_limits_for_a_node_are_read():
    text = GOOD.replace("outage_ms: 20, ", "outage_ms: 20, towards: {main-h1: {outage_ms: 250, why: b}}, ")
    budget = next(step.budget for step in files.load(text, "x.yaml").steps if step.budget)
    assert dict(budget.towards) == {"main-h1": Budget(outage_ms=250, why="b")}


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(checks.ScenarioError, match="cannot be read"):
        files.read(tmp_path / "no.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(checks.ScenarioError, match="UTF-8"):
        files.read(tmp_path / "binary.yaml")
