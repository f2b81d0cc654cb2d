"""A step in words for an audience: its own, or what follows from its values where a file gives none. Pure."""

from __future__ import annotations

from .actions import Action, Boot, Break, Change, Connect, Disconnect, StartProbes, Watch
from .breaking import describe
from .scenario import Step
from .values import Budget
from .wording import several

OVER_AT_ONCE = ("crash", "restart", "reset-session")
"""Faults that nobody has to take back (docs/faults.md)."""


def what(step: Step) -> str:
    """What it does, in a sentence."""
    return step.what or _does(step.do)


def expect(step: Step) -> str:
    """What should come of it; "" if nothing is asked."""
    if step.expect:
        return step.expect
    during = step.do.during if isinstance(step.do, Break) else ()
    parts = [one.says for one in (*during, *step.then)]
    if step.budget is not None and (limits := budget(step.budget)):
        parts.append(limits)
    return "; ".join(parts)


def budget(limits: Budget) -> str:
    """Its limits, in words."""
    found = []
    if limits.outage_ms is not None:
        found.append(f"no outage longer than {limits.outage_ms:g} ms")
    if limits.outages is not None:
        found.append(f"at most {limits.outages} outage{'' if limits.outages == 1 else 's'} of a flow")
    if limits.lost is not None:
        found.append(f"at most {limits.lost} packets of a flow lost" if limits.lost else "no packet lost")
    return "; ".join([several(found), *(f"to {node} {budget(one)}" for node, one in limits.towards.items())])


def why(limits: Budget) -> str:
    """Where its figures come from."""
    return " ".join([limits.why, *(f"To {node}: {one.why}" for node, one in limits.towards.items())])


def _does(action: Action) -> str:
    match action:
        case Boot():
            return "Start the lab, and wait until every daemon is ready."
        case Connect(local, remote):
            return f"Ask the API for two endpoints and a connection from {local} to {remote}."
        case StartProbes(flows):
            rates = sorted({flow.rate for flow in flows})
            speed = several([f"{rate:,}" for rate in rates], "or")
            return f"Start {len(flows)} flows of {speed} packets/s each, and leave them running."
        case Watch(seconds):
            return f"Break nothing, and measure for {seconds:g} s."
        case Change(do, resource, name):
            return f"Ask the API: {do} {resource} {name}."
        case Break():
            faults = several([describe(fault) for fault in action.faults])
            over = all(fault.get("kind") in OVER_AT_ONCE for fault in action.faults)
            return f"Fault: {faults}, {'watched for' if over else 'for'} {action.hold_s:g} s."
        case Disconnect():
            return "Ask the API to delete the connection and its endpoints."
