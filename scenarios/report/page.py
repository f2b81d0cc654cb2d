"""report.html: one page that needs nothing but itself, readable in light and dark.

Rendering only; where things go in the charts is decided by `picture`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from scenarios import guarding
from scenarios.outcomes import Outcome, Run
from scenarios.report import document, picture, states
from scenarios.report.terminal import closing, size_of
from scenarios.values import Verdict
from topologies import draw

WORDS = {
    Verdict.PASS: ("pass", "everything recovered within its budget"),
    Verdict.FAIL: ("fail", "at least one step failed"),
    Verdict.INCONCLUSIVE: ("inconclusive", "nothing failed, but the machine was too busy to be sure"),
}


def render(run: Run) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scenarios.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["compact"] = _compact
    environment.filters["size"] = size_of
    template = environment.get_template("report.html.j2")
    css, words = WORDS[run.verdict]
    return template.render(
        run=run,
        data=document.render(run),
        verdict_class=css,
        verdict_words=closing(run) if run.ended_by_hand else words,
        tiles=tiles(run),
        drawing=_drawing(run, states.in_the_end(run)),
        drawings={
            number: _drawing(run, states.while_broken(run, outcome))
            for number, outcome in enumerate(run.outcomes, start=1)
            if outcome.faults
        },
        how=guarding.how(run.safety),
        overview=picture.overview(run),
        close_ups=picture.close_ups(run),
        css_of=css_of,
        css_by_name={verdict.value: css for verdict, (css, _) in WORDS.items()},
    )


def _drawing(run: Run, shown: Mapping[str, str]) -> Markup:
    """The network in that state, as SVG."""
    svg = draw.to_svg(run.scenario.topology, shown)
    return Markup(svg)  # noqa: S704 - made by our own code from a validated topology


def css_of(outcome: Outcome) -> str:
    """Class of a step's verdict."""
    return WORDS[outcome.verdict][0] if outcome.verdict else "not-run"


def tiles(run: Run) -> list[tuple[str, str, str]]:
    """The figures at the top: (figure, unit, what it is)."""
    judged = [outcome for outcome in run.outcomes if outcome.injected is not None]
    passed = sum(outcome.verdict is Verdict.PASS for outcome in judged)
    product = [measured for measured in run.flows if not measured.flow.control]
    sent = sum(measured.sent for measured in product)
    lost = sum(measured.lost for measured in product)
    found = []
    if judged:
        found.append((f"{passed} of {len(judged)}", "", "faults recovered within their budget"))
    for outcome in run.outcomes:
        online = outcome.facts.get("online_after_s")
        if online is not None:
            found.append((f"{online:.2f}", "s", "from request to connection ONLINE"))
    for kind, words in (("cut", "outage when a path is cut"), ("blackhole", "outage of a silent fault")):
        worst = [
            measured.worst_outage_ms
            for outcome in judged
            if [struck.fault.get("kind") for struck in outcome.faults] == [kind]
            for measured in outcome.flows
            if not measured.flow.control
        ]
        if worst:
            found.append((f"{max(worst):.1f}", "ms", f"worst {words}"))
    if sent:
        found.append((f"{lost:,}", f"of {sent:,}", "packets lost in the whole run"))
    return found


def _compact(detail: Any) -> str:
    if not detail:
        return ""
    if isinstance(detail, dict):
        return "  ".join(f"{key}={_short(value)}" for key, value in detail.items())
    return _short(detail)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)
    return text if len(text) <= 160 else text[:157] + "..."
