"""JUnit XML: one test case a step. INCONCLUSIVE and steps not run become skipped, with the reason. Pure."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from scenarios.outcomes import Outcome, Run
from scenarios.values import Verdict


def render(run: Run) -> str:
    """The document as text. Steps without a verdict were not run because an earlier one failed."""
    suite = ET.Element(
        "testsuite",
        name=f"cellnet.{run.scenario.name}",
        tests=str(len(run.outcomes)),
        failures=str(sum(outcome.verdict is Verdict.FAIL for outcome in run.outcomes)),
        errors="0",
        skipped=str(sum(outcome.verdict in (None, Verdict.INCONCLUSIVE) for outcome in run.outcomes)),
        time=f"{run.ended - run.started:.3f}",
        timestamp=run.began_at,
    )
    for outcome in run.outcomes:
        suite.append(_case(outcome, f"cellnet.{run.scenario.name}"))
    document = ET.Element("testsuites")
    document.append(suite)
    ET.indent(document)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(document, encoding="unicode") + "\n"


def _case(outcome: Outcome, classname: str) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=classname,
        name=outcome.step.name,
        time=f"{outcome.ended - outcome.started:.3f}",
    )
    if outcome.verdict is Verdict.FAIL:
        failure = ET.SubElement(case, "failure", message=outcome.reason)
        failure.text = "\n".join(f"{found.verdict.value}: {found.reason}" for found in outcome.findings)
    elif outcome.verdict is Verdict.INCONCLUSIVE:
        ET.SubElement(case, "skipped", message=f"INCONCLUSIVE: {outcome.reason}")
    elif outcome.verdict is None:
        ET.SubElement(case, "skipped", message="not run: an earlier step failed")
    else:
        ET.SubElement(case, "system-out").text = outcome.reason
    return case
