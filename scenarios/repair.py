"""What repaired a fault: read from the timeline and the packets, told in words. Pure.

Every claim rests on an event or a measurement; where the timeline has nothing, the text says only what the
packets show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import liveness, telling
from .measurements import FlowMeasurement
from .outcomes import Struck
from .values import Event, Mark

DETECTED_WITHIN = 1.5
"""Seconds after a fault in which a BFD session that goes down is taken for its effect."""
IN_FLIGHT = 0.05
"""Seconds by which the first packet after a fault may seem to come before the fault's recorded end."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What repaired a fault, in one line, and the way there."""

    text: str
    trail: tuple[Mark, ...]


NOTHING = Repair("", ())


def explain(faults: Sequence[Struck], flows: Sequence[FlowMeasurement], events: Iterable[Event]) -> Repair:
    """The repair of `faults` from the step's measurements and events."""
    if not faults:
        return NOTHING
    first = min(struck.injected for struck in faults)
    after = [event for event in sorted(events, key=lambda event: event.t) if event.t >= first - 0.001]
    product = [measured for measured in flows if not measured.flow.control]
    parts = [
        *_forwarding(faults, product, after),
        *(line for struck in faults for line in _supervision(struck.fault, after)),
        *_memory(after),
    ]
    return Repair("; ".join(parts), _trail(first, product, after))


def _forwarding(
    faults: Sequence[Struck], flows: Sequence[FlowMeasurement], events: Sequence[Event]
) -> list[str]:
    """How the packets found their way again."""
    if not flows:
        return []
    injected = min(struck.injected for struck in faults)
    worst = max(flows, key=lambda measured: measured.worst_outage_ms)
    down = [loss for loss in liveness.losses(events) if loss.t - injected <= DETECTED_WITHIN]
    if not worst.outages:
        frozen = any(struck.fault.get("kind") == "freeze" for struck in faults)
        if frozen and len({loss.interface for loss in down}) > 1:
            return ["last-resort bucket: BFD was down on several paths and no packet was lost"]
        return ["nothing to repair: forwarding went on"]
    longest = max(worst.outages, key=lambda outage: outage.duration_ms)
    many = f", {len(worst.outages)} outages of one flow" if len(worst.outages) > 1 else ""
    again = f"packets again after {_span(worst.worst_outage_ms)}{many}"
    cleared = max((struck.cleared for struck in faults if struck.cleared is not None), default=None)
    if cleared is not None and longest.start < cleared <= longest.end + IN_FLIGHT:
        later = _span(max(0.0, longest.end - cleared) * 1000)
        return [f"the end of the fault itself ({again}, {later} after it)"]
    if any(liveness.names_link(struck.fault) for struck in faults):
        return [f"fast-failover group ({_detected(down[0]) + ', ' if down else ''}{again})"]
    rebuilt = next((event for event in events if event.kind == "boot" and event.detail.get("changes")), None)
    if rebuilt is not None:
        node = rebuilt.source.partition("/")[2]
        return [f"agent of {node} rebuilt ports and flows in {rebuilt.t - injected:.1f} s ({again})"]
    if down:
        return [f"fast-failover group ({_detected(down[0])}, {again})"]
    return [again]


def _span(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 2000 else f"{milliseconds / 1000:.2f} s"


def _detected(loss: liveness.Loss) -> str:
    what = "BFD down" if loss.what == "BFD" else "no carrier"
    return f"{what} on {loss.node} {loss.interface}"


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


def _memory(events: Sequence[Event]) -> list[str]:
    """What was remembered by a neighbour or an agent while its source was away."""
    found = []
    stale = {
        prefix for event in events if event.kind == "bgp-route" for prefix in event.detail.get("stale", ())
    }
    if stale:
        found.append(f"graceful restart kept {len(stale)} routes")
    if any(event.kind == "manager" and event.detail.get("ok") is False for event in events):
        found.append("agents went on with the intent they had")
    return found


def _is(event: Event, kind: str, service: Any) -> bool:
    return service is not None and event.kind == kind and event.detail.get("service") == service


# --- the way from cause to effect ---------------------------------------------------------------------


def _trail(injected: float, flows: Sequence[FlowMeasurement], events: Sequence[Event]) -> tuple[Mark, ...]:
    marks = [Mark(event.t, event.source, text) for event in events if (text := telling.tell(event))]
    worst = max(flows, key=lambda measured: measured.worst_outage_ms, default=None)
    if worst is not None and worst.outages:
        longest = max(worst.outages, key=lambda outage: outage.duration_ms)
        marks.append(Mark(longest.end, PROBE, f"packets arrive again ({worst.flow.name})"))
    marks.sort(key=lambda mark: mark.t)
    return _abridged(_without_echoes(mark for mark in marks if mark.t >= injected - 0.001))


PROBE = "probe"
MOST_MARKS = 16
"""More would not fit a picture; the timeline has them all."""
MILESTONES = (telling.TAKES_HOLD, telling.TAKEN_AWAY)


def _abridged(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """As many as fit: the milestones, and of the others the first and the last ones."""
    if len(marks) <= MOST_MARKS:
        return tuple(marks)
    milestones = [mark for mark in marks if mark.source == PROBE or mark.text in MILESTONES]
    others = [mark for mark in marks if mark not in milestones]
    room = max(0, MOST_MARKS - len(milestones))
    last = room // 3
    kept = [*milestones, *others[: room - last], *(others[-last:] if last else [])]
    return tuple(sorted(kept, key=lambda mark: mark.t))


def _without_echoes(marks: Iterable[Mark]) -> list[Mark]:
    """The same thing said again is left out."""
    kept: dict[str, Mark] = {}
    for mark in marks:
        kept.setdefault(mark.text, mark)
    return list(kept.values())
