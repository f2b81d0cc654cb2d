"""report.json: a run as plain JSON data, in the form of `report.schema.json`.

Times ending in `_s` count from the start of the scenario, in seconds. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from scenarios import actions, causes, explaining
from scenarios.measurements import FlowMeasurement
from scenarios.outcomes import Outcome, Run
from scenarios.values import Budget, Finding

FORMAT = "cellnet-report/2"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    text = resources.files("scenarios.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def render(run: Run) -> dict[str, Any]:
    """The whole report."""
    scenario = run.scenario
    timeline = sorted(run.timeline, key=lambda event: event.t)
    return {
        "format": FORMAT,
        "verdict": run.verdict.value,
        "exit_status": run.verdict.exit_status,
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "summary": scenario.summary,
            "topology": scenario.topology.name,
            "parameters": dict(scenario.parameters),
            "seed": scenario.seed,
        },
        "lab": run.lab,
        "began_at": run.began_at,
        "ended_by_hand": run.ended_by_hand,
        "duration_s": _seconds(run.ended, run.started),
        "steps": [_step(outcome, run.started) for outcome in run.outcomes],
        "probes": [_probe(measured, run.started) for measured in run.flows],
        "timeline": [
            {
                "t_s": _seconds(event.t, run.started),
                "source": event.source,
                "kind": event.kind,
                "detail": dict(event.detail),
                "cause": cause,
            }
            for event, cause in zip(timeline, causes.link(timeline, scenario.topology), strict=True)
        ],
        "safety": [
            {
                "says": one.says,
                "verdict": one.verdict.value,
                "looks": one.looks,
                "watched": one.watched,
                "reason": one.reason,
            }
            for one in run.safety
        ],
        "captures": [
            {"what": one.what, "file": one.file, "bytes": one.size, "doubts": list(one.doubts)}
            for one in run.captures
        ],
        "machine": dict(run.machine),
    }


def _seconds(moment: float, zero: float) -> float:
    return round(moment - zero, 6)


def _step(outcome: Outcome, zero: float) -> dict[str, Any]:
    step = outcome.step
    product = [measured for measured in outcome.flows if not measured.flow.control]
    ran = outcome.verdict is not None
    return {
        "name": step.name,
        "title": step.title,
        "what": explaining.what(step),
        "expect": explaining.expect(step),
        "action": actions.name_of(step.do),
        "verdict": outcome.verdict.value if outcome.verdict else "NOT_RUN",
        "reason": outcome.reason,
        "findings": [_finding(finding) for finding in outcome.findings],
        "started_s": _seconds(outcome.started, zero) if ran else None,
        "ended_s": _seconds(outcome.ended, zero) if ran else None,
        "injected_s": _optional(outcome.injected, zero),
        "cleared_s": _optional(outcome.cleared, zero),
        "faults": [
            {
                "fault": dict(struck.fault),
                "injected_s": _seconds(struck.injected, zero),
                "cleared_s": _optional(struck.cleared, zero),
            }
            for struck in outcome.faults
        ],
        "budget": _budget(step.budget) if step.budget else None,
        "outage_ms": round(max(measured.worst_outage_ms for measured in product), 3) if product else None,
        "lost": sum(measured.lost for measured in product) if product else None,
        "repaired_by": outcome.repaired_by,
        "trail": [
            {"t_s": _seconds(mark.t, zero), "source": mark.source, "text": mark.text}
            for mark in outcome.trail
        ],
        "probes": [_probe(measured, zero) for measured in outcome.flows],
        "facts": dict(outcome.facts),
        "machine": dict(outcome.machine),
    }


def _optional(moment: float | None, zero: float) -> float | None:
    return None if moment is None else _seconds(moment, zero)


def _finding(finding: Finding) -> Mapping[str, str]:
    return {"verdict": finding.verdict.value, "reason": finding.reason}


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "outage_ms": budget.outage_ms,
        "lost": budget.lost,
        "outages": budget.outages,
        "why": budget.why,
        "towards": {node: _budget(one) for node, one in budget.towards.items()},
    }


def _probe(measured: FlowMeasurement, zero: float) -> dict[str, Any]:
    flow = measured.flow
    return {
        "name": flow.name,
        "source": flow.source,
        "destination": flow.destination,
        "address": flow.address,
        "rate": flow.rate,
        "control": flow.control,
        "start_s": _seconds(measured.start, zero),
        "end_s": _seconds(measured.end, zero),
        "sent": measured.sent,
        "received": measured.received,
        "lost": measured.lost,
        "duplicated": measured.duplicated,
        "reordered": measured.reordered,
        "outages": [
            {
                "start_s": _seconds(outage.start, zero),
                "duration_ms": round(outage.duration_ms, 3),
                "lost": outage.lost,
            }
            for outage in measured.outages
        ],
        "sender_lateness_ms": {
            "p99": round(measured.lateness_p99_ms, 3),
            "max": round(measured.lateness_max_ms, 3),
        },
    }
