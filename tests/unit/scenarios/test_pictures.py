"""The state of a network at a moment, faults and budgets in close-ups, and the index over several runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from scenarios.measurements import Outage
from scenarios.outcomes import Struck
from scenarios.report import page, picture, repeats, states
from scenarios.values import Event, Verdict
from tests.unit.scenarios import sample
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells", {"paths": 2})
CUT = {"kind": "cut", "link": "main-east-1"}


def port(t: float, interface: str, link_up: bool = True, bfd: str = "up") -> Event:
    return Event(t, "agent/main-gw1", "port", {"interface": interface, "link_up": link_up, "bfd": bfd})


def test_links_are_as_the_agents_told_until_that_moment():
    events = [port(1.0, "wan1"), port(1.0, "wan2"), port(2.0, "wan1", link_up=False), port(3.0, "wan1")]
    told = [states.at(TOPOLOGY, events, moment)["main-east-1"] for moment in (1.5, 2.5, 3.5)]
    assert told == ["up", "down", "up"]
    assert states.at(TOPOLOGY, events, 2.5)["main-east-2"] == "up"
    assert states.at(TOPOLOGY, [], 2.5) == {}


def test_a_path_in_its_hold_down_and_a_silent_one_are_no_good_ones():
    held = Event(2.0, "agent/main-gw1", "path", {"path": "main-east-1", "event": "held"})
    assert states.at(TOPOLOGY, [port(1.0, "wan1"), held], 3.0)["main-east-1"] == "degraded"
    assert states.at(TOPOLOGY, [port(1.0, "wan1", bfd="down")], 3.0)["main-east-1"] == "down"


def test_what_nobody_has_noticed_yet_is_impaired_all_the_same():
    fault = {"kind": "loss", "link": "main-east-1", "percent": 2}
    shown = states.at(
        TOPOLOGY, [port(1.0, "wan1")], 3.0, [fault, {"kind": "freeze", "service": "agent@east-gw1"}]
    )
    assert shown == {"main-east-1": "degraded", "east-gw1": "degraded"}


def test_a_process_that_is_away_is_down_until_it_is_ready_again():
    name = {"service": "switch@east-gw1"}
    events = [Event(1.0, "lab", "service-exit", name), Event(2.0, "lab", "service-ready", name)]
    assert states.at(TOPOLOGY, events, 1.5) == {"east-gw1": "down"}
    assert states.at(TOPOLOGY, events, 2.5) == {}


def cut_of(run):
    return next(outcome for outcome in run.outcomes if outcome.step.name == "cut")


def test_faults_within_a_fault_are_lines_and_the_budget_begins_with_the_outage():
    outcome = cut_of(sample.run())
    begun = outcome.injected
    both = (
        Struck(CUT, begun, begun + 1.5),
        Struck({**CUT, "link": "main-east-2"}, begun + 0.002, begun + 1.5),
    )
    chart = picture.close_up(replace(outcome, faults=both))
    first, second = chart.faults
    assert first.width > 100
    assert second.width == 2.0
    assert (first.label, second.label) == ("fault", "")
    assert chart.budget is not None
    assert chart.budget.label == "budget 20 ms"
    assert chart.budget.x == min(block.x for lane in chart.lanes for block in lane.outages)


def test_a_flap_is_drawn_beat_by_beat():
    outcome = cut_of(sample.run())
    zero = outcome.injected
    beats = [
        Event(zero + number * 0.5 + late, "lab", kind, {"fault": CUT, "beat": number + 1})
        for number in range(3)
        for late, kind in ((0.0, "fault"), (0.2, "fault-cleared"))
    ]
    chart = picture.close_up(outcome, beats)
    assert len(chart.faults) == 3
    assert [block.label for block in chart.faults] == ["fault", "", ""]


def test_labels_that_would_lie_on_the_next_outage_are_left_out():
    outcome = cut_of(sample.run())
    lossy = replace(
        outcome.flows[0],
        outages=tuple(Outage(outcome.injected + at, 5.0, 5) for at in (0.001, 0.02, 1.0)),
    )
    (lane,) = picture.close_up(replace(outcome, flows=(lossy,))).lanes
    assert [bool(block.label) for block in lane.outages] == [False, True, True]


def test_the_page_draws_the_network_at_each_fault_and_says_what_held(tmp_path: Path):
    run = sample.run()
    text = page.render(run)
    faults = sum(1 for outcome in run.outcomes if outcome.faults)
    assert text.count("The network just before the fault was cleared") == faults
    assert text.count('class="drawing"') == faults + 1
    assert "no forwarding loop" in text


def test_the_index_has_every_run_and_the_spread_of_outages(tmp_path: Path):
    runs = [sample.run(), sample.run(Verdict.INCONCLUSIVE)]
    told = [repeats.told(number, run) for number, run in enumerate(runs, start=1)]
    repeats.write(told, 3, tmp_path)
    data = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert [(one["number"], one["verdict"]) for one in data["runs"]] == [(1, "PASS"), (2, "INCONCLUSIVE")]
    cut = next(step for step in data["steps"] if step["name"] == "cut")
    assert cut["verdicts"] == {"PASS": 1, "INCONCLUSIVE": 1}
    assert cut["outage_ms"] == {"min": 7.9, "median": 7.9, "max": 7.9}
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "the worst of 2 runs so far, of 3" in text
    assert 'href="1/report.html"' in text
    assert "http" not in text
