"""A recorded-looking run for the tests of reports: the real story on a real topology, invented numbers."""

from __future__ import annotations

from dataclasses import replace

from scenarios import repair, verdicts
from scenarios.actions import IN_USE, Break, StartProbes
from scenarios.machine import MachineUse
from scenarios.measurements import Flow, FlowMeasurement, Outage
from scenarios.outcomes import Outcome, Property, Run, Struck
from scenarios.stories import provision_and_recover
from scenarios.values import Event, Verdict
from topologies import catalogue

QUIET = MachineUse(seconds=3.0, cpus=2, pressure=0.04, busy=0.3, steal=0.0, foreign=0.02)

CONTROL = Flow("control", "main-h1", "east-h1", "192.0.2.1", "192.0.2.2", 1000, control=True)

OUTAGES = {
    "cut": (7.8, 7.1, 7.9, 6.9),
    "blackhole-one-way": (26.4, 26.1, 0, 0),
    "blackhole": (27.2, 27.0, 24.8, 25.1),
    "freeze-switch": (93.0, 91.0, 102.0, 101.0),
    "kill-switch": (1840.0, 1838.0, 1851.0, 1849.0),
}


def flow_measurement(flow, start, end, outage_ms=0.0, at=0.0, late=0.4):
    """A flow that lost what one outage costs."""
    sent = round((end - start) * flow.rate)
    lost = round(outage_ms * flow.rate / 1000)
    outages = (Outage(at, outage_ms, lost),) if lost else ()
    return FlowMeasurement(flow, start, end, sent, sent - lost, lost, 0, 0, outages, late, late * 3)


def run(verdict_of_cut: Verdict | None = None) -> Run:
    """The whole story played well; `verdict_of_cut` makes another verdict of that step."""
    scenario = provision_and_recover.build(catalogue.build("two-cells"), seed=7)
    flows = next(step.do.flows for step in scenario.steps if isinstance(step.do, StartProbes))
    flows = (*flows, CONTROL)
    clock, outcomes, events, probing, totals = 1000.0, [], [], 0.0, {}
    for step in scenario.steps:
        started, ended = clock, clock + (4.2 if isinstance(step.do, Break) else 2.0)
        clock = ended
        if isinstance(step.do, StartProbes):
            probing = started
        injected = started + 0.26 if isinstance(step.do, Break) else None
        measured: tuple[FlowMeasurement, ...] = ()
        fault = None
        here: list[Event] = []
        if injected is not None:
            fault = {k: "main-east-1" if v == IN_USE else v for k, v in step.do.fault.items()}
            here = [Event(injected, "lab", "fault", {"fault": fault})]
            if "link" in fault:
                here.append(Event(injected + 1.5, "lab", "fault-cleared", {"fault": fault}))
            if fault["kind"] == "blackhole":
                detail = {"interface": "wan1", "was": "up", "state": "down"}
                here.append(Event(injected + 0.0241, "switch/east-gw1", "bfd", detail))
                here.append(Event(injected + 0.0246, "switch/main-gw1", "bfd", detail))
            if fault["kind"] == "crash":
                name = {"service": fault["service"]}
                here.append(Event(injected + 0.002, "lab", "service-exit", name))
                here.append(Event(injected + 0.05, "lab", "service-start", name))
                here.append(Event(injected + 0.61, "lab", "service-ready", name))
        if step.budget is not None:
            sizes = (*OUTAGES.get(step.name, (0, 0, 0, 0)), 0)
            measured = tuple(
                flow_measurement(flow, started, ended, size, (injected or 0) + 0.001)
                for flow, size in zip(flows, sizes, strict=True)
            )
            for one in measured:
                totals.setdefault(one.flow, []).extend(one.outages)
        faults = () if fault is None else (Struck(fault, injected, injected + 1.5),)
        told = repair.explain(faults, measured, here)
        findings = verdicts.judge_step(step.budget, (), "", measured, QUIET)
        verdict = verdicts.worst(finding.verdict for finding in findings)
        if step.name == "cut" and verdict_of_cut is not None:
            findings = (replace(findings[0], verdict=verdict_of_cut, reason="planted"),)
            verdict = verdict_of_cut
        events += here
        outcomes.append(
            Outcome(
                step, verdict, findings, started, ended, faults,
                measured, told.text, told.trail,
                {"online_after_s": 1.43} if step.name == "connect" else {}, QUIET.as_document(),
            )
        )  # fmt: skip
    whole = tuple(
        FlowMeasurement(
            flow, probing, clock, round((clock - probing) * 1000),
            round((clock - probing) * 1000) - sum(o.lost for o in outages), sum(o.lost for o in outages),
            0, 0, tuple(outages), 0.4, 2.2,
        )
        for flow, outages in totals.items()
    )  # fmt: skip
    return Run(
        scenario, "demo", verdicts.worst(o.verdict for o in outcomes if o.verdict), tuple(outcomes), whole,
        tuple(events), 1000.0, clock, "2026-11-22T17:00:00+00:00", QUIET.as_document(),
        (Property("no forwarding loop", Verdict.PASS, len(outcomes)),),
    )  # fmt: skip
