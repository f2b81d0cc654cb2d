"""Reports of a run: the document fits its schema, the page stands alone, JUnit skips with the reason."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from rich.console import Console

from scenarios import guarding
from scenarios.outcomes import Captured, Outcome, Property
from scenarios.report import document, junit, page, picture, writing
from scenarios.report.terminal import Terminal
from scenarios.values import Budget, Verdict

from . import sample


@pytest.mark.parametrize("verdict", [None, Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_the_document_fits_its_schema(verdict):
    rendered = json.loads(json.dumps(document.render(sample.run(verdict))))
    schema = document.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(rendered)
    assert rendered["verdict"] == (verdict or Verdict.PASS).value


def test_the_document_has_what_was_promised():
    rendered = document.render(sample.run())
    cut = next(step for step in rendered["steps"] if step["name"] == "cut")
    assert cut["outage_ms"] == 7.9
    assert cut["lost"] == 8 + 7 + 8 + 7
    assert cut["budget"]["outage_ms"] == 20
    assert cut["budget"]["why"]
    assert {"sent", "received", "lost", "duplicated", "reordered", "outages"} <= rendered["probes"][0].keys()
    assert {"start_s", "duration_ms"} <= rendered["probes"][0]["outages"][0].keys()
    assert {"t_s", "source", "kind", "detail", "cause"} == rendered["timeline"][0].keys()
    assert rendered["timeline"] == sorted(rendered["timeline"], key=lambda event: event["t_s"])


def test_times_count_from_the_start_of_the_scenario():
    run = sample.run()
    rendered = document.render(run)
    assert rendered["steps"][0]["started_s"] == 0
    assert all(0 <= event["t_s"] <= rendered["duration_s"] for event in rendered["timeline"])


def test_packets_and_what_was_watched_are_in_every_report():
    run = sample.run()
    captured = Captured("bgp", "captures/bgp.pcapng", 33_000, ("main-gw1:ip-wan1: 3 packets found no room",))
    run = replace(run, captures=(captured,), ended_by_hand=True)
    rendered = json.loads(json.dumps(document.render(run)))
    jsonschema.Draft202012Validator(document.schema()).validate(rendered)
    assert rendered["captures"][0]["file"] == "captures/bgp.pcapng"
    html = page.render(run)
    assert '<a href="captures/bgp.pcapng">' in html
    assert "33 kB" in html
    assert "3 packets found no room" in html
    assert "Ended by hand" in html
    assert guarding.how(run.safety) in html


def test_limits_of_their_own_for_the_flows_to_a_node_are_told():
    run = sample.run()
    outcomes = []
    for one in run.outcomes:
        step = one.step
        if step.budget is not None:
            turned = Budget(outage_ms=250, why="a provider turns them")
            step = replace(step, budget=replace(step.budget, towards={"main-h1": turned}))
        outcomes.append(replace(one, step=step))
    run = replace(run, outcomes=tuple(outcomes))
    rendered = json.loads(json.dumps(document.render(run)))
    jsonschema.Draft202012Validator(document.schema()).validate(rendered)
    assert "a provider turns them" in (html := page.render(run))
    assert "Budget of flows to main-h1:" in html


def test_a_step_that_was_not_run_is_said_to_be_so():
    run = sample.run(Verdict.FAIL)
    run = replace(run, outcomes=(*run.outcomes[:5], Outcome(run.outcomes[5].step, None)))
    rendered = json.loads(json.dumps(document.render(run)))
    jsonschema.Draft202012Validator(document.schema()).validate(rendered)
    assert rendered["steps"][-1]["verdict"] == "NOT_RUN"
    assert rendered["steps"][-1]["started_s"] is None
    case = ET.fromstring(junit.render(run)).findall(".//testcase")[len(run.outcomes) - 1]
    assert "earlier step failed" in case.find("skipped").get("message")


def test_junit_skips_the_inconclusive_with_the_reason_and_fails_failures():
    suite = ET.fromstring(junit.render(sample.run(Verdict.INCONCLUSIVE))).find("testsuite")
    cut = suite.find("testcase[@name='cut']")
    assert cut.find("skipped").get("message") == "INCONCLUSIVE: planted"
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    suite = ET.fromstring(junit.render(sample.run(Verdict.FAIL))).find("testsuite")
    assert suite.find("testcase[@name='cut']/failure").get("message") == "planted"
    assert suite.get("failures") == "1"


def test_what_did_not_hold_is_a_failure_of_its_own():
    broken = (Property("no forwarding loop", Verdict.FAIL, 9, "packets go round"),)
    suite = ET.fromstring(junit.render(replace(sample.run(), safety=broken))).find("testsuite")
    case = suite.find("testcase[@name='no forwarding loop']")
    assert case.find("failure").get("message") == "packets go round"
    assert suite.get("failures") == "1"


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.wanted = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            outside = name in ("src", "srcset") or (name == "href" and not (value or "").startswith("#"))
            if outside or tag in ("script", "link", "iframe"):
                self.wanted.append((tag, name, value))


def test_the_page_needs_nothing_but_itself():
    text = page.render(sample.run())
    links = _Links()
    links.feed(text)
    assert links.wanted == []
    assert not re.search(r"@import|url\(", text)
    assert "prefers-color-scheme: dark" in text


def test_the_page_tells_verdicts_and_reasons_and_escapes_what_it_was_given():
    run = sample.run(Verdict.INCONCLUSIVE)
    run = replace(run, scenario=replace(run.scenario, title="<script>alert(1)</script>"))
    text = page.render(run)
    assert "INCONCLUSIVE" in text
    assert "planted" in text
    assert "<script>" not in text


def test_an_outage_of_milliseconds_can_be_seen_in_both_charts():
    run = sample.run()
    cut = next(outcome for outcome in run.outcomes if outcome.step.name == "cut")
    whole = picture.overview(run)
    assert all(block.width >= 3 for lane in whole.lanes for block in lane.outages)
    near = picture.close_up(cut)
    assert near.lanes[0].outages[0].width > 0.3 * (picture.WIDTH - picture.GUTTER)
    assert near.lanes[0].outages[0].label == "7.8 ms"
    assert not near.faults[0].ends, "the fault lasts longer than this picture"


def test_flows_share_one_axis_with_the_faults():
    run = sample.run()
    whole = picture.overview(run)
    for lane in whole.lanes:
        for block in lane.outages:
            assert any(fault.x - 1 <= block.x <= fault.x + fault.width + 1 for fault in whole.faults)


def test_no_coordinate_leaves_the_picture():
    run = sample.run()
    for chart in (picture.overview(run), *(chart for _, _, chart in picture.close_ups(run))):
        xs = [tick.x for tick in chart.ticks] + [row.x for row in chart.rows]
        xs += [block.x for lane in chart.lanes for block in lane.outages]
        assert all(picture.GUTTER <= x <= picture.WIDTH for x in xs)
        assert all(row.y <= chart.height for row in chart.rows)
        assert 3 <= len(chart.ticks) <= 12


def test_the_terminal_prints_a_plain_table_where_there_is_no_terminal():
    out = io.StringIO()
    terminal = Terminal(Console(file=out, width=130, highlight=False))
    run = sample.run(Verdict.INCONCLUSIVE)
    terminal.begin(run.scenario, run.lab)
    for number, outcome in enumerate(run.outcomes, start=1):
        terminal.step(number, outcome.step)
        terminal.doing("spinning")
        terminal.done(outcome)
    terminal.end(run)
    text = out.getvalue()
    assert "\x1b" not in text
    assert "spinning" not in text
    assert re.search(r"5 +Cut the path in use +7\.9 ms +30 .*INCONCLUSIVE", text)
    assert text.rstrip().endswith("busy to be sure.")


def test_all_reports_are_written(tmp_path):
    writing.write(sample.run(), tmp_path / "new" / "directory")
    names = {path.name for path in (tmp_path / "new" / "directory").iterdir()}
    assert names == {"report.json", "report.html", "junit.xml"}
    assert "main-gw1" in (tmp_path / "new" / "directory" / "report.html").read_text()
