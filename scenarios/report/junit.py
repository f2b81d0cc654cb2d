"""JUnit XML: one test case a step, and one for each property that must hold at all times. Pure.

INCONCLUSIVE and steps not run become skipped, with the reason.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from scenarios.outcomes import Outcome, Property, Run
from scenarios.values import Verdict


def render(run: Run) -> str:
    """The document as text. Steps without a verdict were not run because an earlier one failed."""
    verdicts = [*(one.verdict for one in run.outcomes), *(one.verdict for one in run.safety)]
    suite = ET.Element(
        "testsuite",
        name=f"cellnet.{run.scenario.name}",
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.FAIL)),
        errors="0",
        skipped=str(sum(verdict in (None, Verdict.INCONCLUSIVE) for verdict in verdicts)),
        time=f"{run.ended - run.started:.3f}",
        timestamp=run.began_at,
    )
    for outcome in run.outcomes:
        suite.append(_case(outcome, f"cellnet.{run.scenario.name}"))
    for one in run.safety:
        suite.append(_property(one, f"cellnet.{run.scenario.name}.at-all-times"))
    document = ET.Element("testsuites")
    document.append(suite)
    ET.indent(document)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(document, encoding="unicode") + "\n"


def _property(one: Property, classname: str) -> ET.Element:
    case = ET.Element("testcase", classname=classname, name=one.says, time="0.000")
    if one.verdict is Verdict.FAIL:
        ET.SubElement(case, "failure", message=one.reason)
    elif one.verdict is Verdict.INCONCLUSIVE:
        ET.SubElement(case, "skipped", message=f"INCONCLUSIVE: {one.reason}")
    else:
        ET.SubElement(case, "system-out").text = f"looked at {one.looks} times"
    return case


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
