"""What repaired a fault: read from the timeline and the packets, told in words. Pure.

Every claim rests on an event or a measurement; where the timeline has nothing, the text says only what the
packets show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .measurements import FlowMeasurement
from .values import Event, Mark

DETECTED_WITHIN = 1.5
"""Seconds after a fault in which a BFD session that goes down is taken for its effect."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What repaired a fault, in one line, and the way there."""

    text: str
    trail: tuple[Mark, ...]


NOTHING = Repair("", ())


def explain(
    fault: Mapping[str, Any] | None,
    injected: float | None,
    flows: Sequence[FlowMeasurement],
    events: Iterable[Event],
) -> Repair:
    """The repair of `fault`, injected at that moment, from the step's measurements and events."""
    if fault is None or injected is None:
        return NOTHING
    after = [event for event in sorted(events, key=lambda event: event.t) if event.t >= injected - 0.001]
    product = [measured for measured in flows if not measured.flow.control]
    parts = [
        *_forwarding(fault, injected, product, after),
        *_supervision(fault, after),
    ]
    return Repair("; ".join(parts), _trail(injected, product, after))


def _forwarding(
    fault: Mapping[str, Any], injected: float, flows: Sequence[FlowMeasurement], events: Sequence[Event]
) -> list[str]:
    """How the packets found their way again."""
    worst = max(flows, key=lambda measured: measured.worst_outage_ms, default=None)
    if worst is None or not worst.outages:
        return ["nothing to repair: forwarding went on"] if flows else []
    if fault.get("kind") in ("cut", "blackhole", "oneway", "loss"):
        down = _first_down(events, injected)
        if down is not None:
            return [f"fast-failover group ({_detection(down)} after {(down.t - injected) * 1000:.0f} ms)"]
        return [f"fast-failover group (port down, packets again after {worst.worst_outage_ms:.0f} ms)"]
    return [f"packets again after {worst.worst_outage_ms:.0f} ms"]


def _first_down(events: Sequence[Event], injected: float) -> Event | None:
    for event in events:
        if event.kind == "bfd" and event.detail.get("state") == "down":
            return event if event.t - injected <= DETECTED_WITHIN else None
    return None


def _detection(down: Event) -> str:
    node = down.source.partition("/")[2]
    return f"BFD down on {node} {down.detail.get('interface', '')}".rstrip()


def _supervision(fault: Mapping[str, Any], events: Sequence[Event]) -> list[str]:
    """Which process the supervisor brought back, and how long after its end."""
    service = fault.get("service")
    ended = next((event for event in events if _is(event, "service-exit", service)), None)
    if ended is None:
        return []
    ready = next(
        (event for event in events if _is(event, "service-ready", service) and event.t > ended.t), None
    )
    if ready is None:
        return [f"{service} has not come back"]
    return [f"supervisor restarted {service} in {ready.t - ended.t:.1f} s"]


def _is(event: Event, kind: str, service: Any) -> bool:
    return service is not None and event.kind == kind and event.detail.get("service") == service


# --- the way from cause to effect ---------------------------------------------------------------------


def _trail(injected: float, flows: Sequence[FlowMeasurement], events: Sequence[Event]) -> tuple[Mark, ...]:
    marks = [Mark(event.t, event.source, text) for event in events if (text := tell(event))]
    worst = max(flows, key=lambda measured: measured.worst_outage_ms, default=None)
    if worst is not None and worst.outages:
        longest = max(worst.outages, key=lambda outage: outage.duration_ms)
        marks.append(Mark(longest.end, "probe", f"packets arrive again ({worst.flow.name})"))
    marks.sort(key=lambda mark: mark.t)
    return tuple(_without_echoes(mark for mark in marks if mark.t >= injected - 0.001))[:MOST_MARKS]


MOST_MARKS = 14
ECHO = 0.005


def _without_echoes(marks: Iterable[Mark]) -> list[Mark]:
    """The same thing said again at once is left out."""
    kept: list[Mark] = []
    for mark in marks:
        if not any(other.text == mark.text and mark.t - other.t < ECHO for other in kept):
            kept.append(mark)
    return kept


def tell(event: Event) -> str:
    """An event in words for an audience; "" for one that is not worth its place in a picture."""
    detail = event.detail
    node = event.source.partition("/")[2] or event.source
    match event.kind:
        case "fault":
            return "the fault takes hold"
        case "fault-cleared":
            return "the fault is taken away"
        case "bfd":
            return f"{node}: BFD on {detail.get('interface')} is {detail.get('state')}"
        case "service-exit":
            return f"{detail.get('service')} is gone"
        case "service-start":
            return f"supervisor starts {detail.get('service')}"
        case "service-ready":
            return f"{detail.get('service')} is ready"
        case _:
            return ""
