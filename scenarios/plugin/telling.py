"""What a failed test tells of its lab: timeline, plans, logs, machine. Pure but for the reading of logs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scenarios.machine import MachineUse
from simulator.probes.reports import ProbeReport, distrust
from simulator.view import TimelineEntry

MOST_FACTS = 60
MOST_LINES = 12
_DETAILS = ("action", "bgp-announce", "bgp-route", "flow-mod", "group-mod", "hint", "port", "tables-unknown")
"""Kinds that are left out first when there is too much to show."""


def facts(entries: Sequence[TimelineEntry], zero_s: float, place: Path) -> str:
    """The timeline, with times since the start of the test."""
    shown = list(entries)
    if len(shown) > MOST_FACTS:
        shown = [entry for entry in shown if entry.kind not in _DETAILS]
    cut = max(0, len(shown) - MOST_FACTS)
    lines = [fact(entry, zero_s) for entry in shown[cut:]]
    left_out = len(entries) - len(lines)
    if left_out:
        lines.insert(0, f"({left_out} more facts in {place})")
    return "\n".join(lines) or f"nothing was written down; journals are in {place}"


def fact(entry: TimelineEntry, zero_s: float) -> str:
    """One line of a timeline."""
    detail = ", ".join(f"{key}={_short(value)}" for key, value in entry.detail.items())
    return f"{entry.t - zero_s:+9.3f} s  {entry.source:22} {entry.kind:18} {detail}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 120 else f"{text[:117]}..."


def plans(entries: Iterable[TimelineEntry], zero_s: float) -> str:
    """What the agents planned, and why."""
    lines = []
    for entry in entries:
        if entry.kind == "plan":
            lines.append(f"{entry.t - zero_s:+9.3f} s  {entry.source}")
            actions = entry.detail.get("actions", [])
            lines += [
                f"{'':13}{action.get('do')}: {action.get('why')}"
                for action in actions
                if isinstance(action, Mapping)
            ]
    return "\n".join(lines)


def sizes(logs: Path) -> dict[str, int]:
    """How long each log is now."""
    return {path.name: path.stat().st_size for path in logs.glob("*.log")}


def tails(logs: Path, before: Mapping[str, int]) -> str:
    """The ends of what was added to each log since `before`, with the file's path."""
    parts = []
    for path in sorted(logs.glob("*.log")):
        with path.open("rb") as log:
            log.seek(before.get(path.name, 0))
            lines = log.read().decode(errors="replace").splitlines()
        if lines:
            skipped = len(lines) - MOST_LINES
            more = [f"  ({skipped} lines before)"] if skipped > 0 else []
            parts.append("\n".join([f"{path}:", *more, *(f"  {line[:300]}" for line in lines[-MOST_LINES:])]))
    return "\n".join(parts) or f"nothing was added to the logs in {logs}"


def probes(reports: Iterable[ProbeReport], zero_s: float) -> str:
    """Figures of each flow, and reasons not to believe them."""
    lines = []
    for report in reports:
        for flow in report.flows:
            figures = flow.figures
            lines.append(
                f"{flow.flow.name}: {figures.lost} of {figures.sent} lost, "
                f"longest outage {figures.longest_outage_ms:.1f} ms"
            )
            lines += [
                f"  {outage.start_s - zero_s:+9.3f} s  {outage.duration_ms:.1f} ms, {outage.lost} packets"
                for outage in figures.outages[:5]
            ]
            if flow.stream is not None:
                stream = flow.stream
                lines[-1] += f", {stream.retransmits} retransmits, {stream.reconnects} reconnects"
                stalls = sorted(stream.stalls, key=lambda stall: -stall.duration_ms)[:5]
                lines += [
                    f"  {stall.start_s - zero_s:+9.3f} s  no progress for {stall.duration_ms:.1f} ms"
                    for stall in stalls
                ]
            lines += [
                f"  {moved.at_s - zero_s:+9.3f} s  from {moved.before} to {moved.after}"
                for moved in flow.switches[:5]
            ]
        lines += [f"not to be believed: {reason}" for reason in distrust(report)]
    return "\n".join(lines)


def machine(use: MachineUse, signs: Sequence[str]) -> str:
    """How busy the machine was during the test."""
    words = [f"CPUs busy {use.busy:.0%}", f"steal {use.steal:.1%}"]
    if use.foreign is not None:
        words.append(f"used by others {use.foreign:.0%}")
    if use.pressure is not None:
        words.append(f"pressure {use.pressure:.0%}")
    quiet = "quiet enough to judge timings"
    return f"{use.seconds:.1f} s: {', '.join(words)}\n{'; '.join(signs) or quiet}"
