"""The index over the runs of one scenario that was played several times: index.html and index.json."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from scenarios.outcomes import Run
from scenarios.values import Verdict
from scenarios.verdicts import worst

FORMAT = "cellnet-index/1"


@dataclass(frozen=True, slots=True)
class Step:
    """What is kept of a step. `outage_ms` is that of the worst flow; None: nothing was measured."""

    name: str
    title: str
    verdict: str
    outage_ms: float | None
    lost: int | None


@dataclass(frozen=True, slots=True)
class Played:
    """What is kept of a run; its report is in the directory called `number`."""

    number: int
    name: str
    title: str
    seed: int
    verdict: str
    began_at: str
    duration_s: float
    steps: tuple[Step, ...]


def told(number: int, run: Run) -> Played:
    """The figures of one run."""
    return Played(
        number,
        run.scenario.name,
        run.scenario.title,
        run.scenario.seed,
        run.verdict.value,
        run.began_at,
        round(run.ended - run.started, 1),
        tuple(
            Step(
                outcome.step.name,
                outcome.step.title,
                outcome.verdict.value if outcome.verdict else "NOT_RUN",
                max((round(one.worst_outage_ms, 1) for one in product), default=None),
                sum(one.lost for one in product) if product else None,
            )
            for outcome in run.outcomes
            for product in [[one for one in outcome.flows if not one.flow.control]]
        ),
    )


def document(played: Sequence[Played], wanted: int) -> dict[str, Any]:
    """The index as plain data: the runs, and for each step how its outages are spread over them."""
    return {
        "format": FORMAT,
        "wanted": wanted,
        "runs": [dataclasses.asdict(one) for one in played],
        "steps": [
            _spread(name, played) for name in dict.fromkeys(s.name for one in played for s in one.steps)
        ],
    }


def _spread(name: str, played: Sequence[Played]) -> dict[str, Any]:
    steps = [step for one in played for step in one.steps if step.name == name]
    outages = sorted(step.outage_ms for step in steps if step.outage_ms is not None)
    return {
        "name": name,
        "title": steps[0].title,
        "verdicts": {
            verdict: sum(s.verdict == verdict for s in steps) for verdict in {s.verdict for s in steps}
        },
        "outage_ms": None
        if not outages
        else {"min": outages[0], "median": round(statistics.median(outages), 1), "max": outages[-1]},
    }


def write(played: Sequence[Played], wanted: int, directory: Path) -> None:
    """Both files. Raises OSError."""
    data = document(played, wanted)
    (directory / "index.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scenarios.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("index.html.j2").render(data=data, played=played, verdict=_worst(played))
    (directory / "index.html").write_text(page, encoding="utf-8")


def _worst(played: Sequence[Played]) -> str:
    return worst(Verdict(one.verdict) for one in played).value
