"""Where everything goes in the charts of the report: outages of all flows on one common time axis. Pure.

Two kinds of chart: the whole run, and one close-up per fault in which milliseconds can be seen. Coordinates
are SVG user units; the template only draws what is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scenarios import breaking
from scenarios.actions import Break
from scenarios.measurements import FlowMeasurement
from scenarios.outcomes import Outcome, Run, Struck
from scenarios.values import Event, Mark

WIDTH = 1120.0
GUTTER = 190.0  # room for the names of the flows
LANE = 24.0
ROW = 19.0
TOP = 34.0
AXIS = 30.0
LABEL = 62.0  # room for the length of an outage


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the time axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of time: an outage, or a fault while it lasted. `hint` is shown on hovering."""

    x: float
    width: float
    kind: str
    label: str = ""
    hint: str = ""
    label_x: float = 0.0
    anchor: str = "start"
    ends: bool = True
    """False: it goes on beyond the right edge of the picture."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One flow: a line where packets arrived, blocks where none did."""

    name: str
    y: float
    x: float
    width: float
    control: bool
    note: str
    outages: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a close-up: a dot on the axis with its text beside it."""

    x: float
    y: float
    text: str
    when: str
    anchor: str
    text_x: float
    hint: str
    inside: bool
    """False: it came later than the picture goes, and stands on its right edge."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything one SVG shows. `injected` and `cleared` are x coordinates of those moments."""

    height: float
    lanes_bottom: float
    ticks: tuple[Tick, ...]
    faults: tuple[Block, ...]
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...] = ()
    budget: Block | None = None
    width: float = WIDTH
    gutter: float = GUTTER
    top: float = TOP


@dataclass(frozen=True, slots=True)
class Scale:
    """From seconds to x. What lies outside is put on the edge."""

    start: float
    end: float

    def x(self, moment: float) -> float:
        inside = min(max(moment, self.start), self.end)
        return round(GUTTER + (inside - self.start) / (self.end - self.start) * (WIDTH - GUTTER - 12), 2)

    def shows(self, start: float, end: float) -> bool:
        return end >= self.start and start <= self.end


def overview(run: Run) -> Chart:
    """The whole run: every flow, every fault with its number in the table of steps."""
    first = min((measured.start for measured in run.flows), default=run.started)
    scale = Scale(min(first, run.ended - 1e-3), max(run.ended, first + 1e-3))
    faults = []
    for number, outcome in enumerate(run.outcomes, start=1):
        if outcome.injected is None:
            continue
        left = scale.x(outcome.injected)
        right = scale.x(outcome.cleared if outcome.cleared is not None else outcome.injected)
        hint = f"{outcome.step.title}: {outcome.injected - run.started:.3f} s"
        faults.append(Block(left, max(right - left, 2.0), "fault", str(number), hint, left, "middle"))
    lanes = _lanes(run.flows, scale, run.started, least=3.0, labels=False)
    bottom = TOP + LANE * len(lanes)
    ticks = _ticks(scale, run.started, 1.0, "s")
    return Chart(bottom + AXIS, bottom, ticks, tuple(faults), lanes)


def close_ups(run: Run) -> tuple[tuple[int, Outcome, Chart], ...]:
    """A chart for each fault that was injected, with the number of its step."""
    return tuple(
        (number, outcome, close_up(outcome, run.timeline))
        for number, outcome in enumerate(run.outcomes, start=1)
        if outcome.injected is not None and isinstance(outcome.step.do, Break)
    )


def close_up(outcome: Outcome, events: Sequence[Event] = ()) -> Chart:
    """From a little before the fault until recovery was complete, zero being the fault.

    `events` tell the beats of a fault that comes and goes.
    """
    zero = outcome.injected
    assert zero is not None
    repaired = [
        outage.end for measured in outcome.flows for outage in measured.outages if outage.start >= zero - 1
    ]
    # Where packets were lost, their outage fills the picture: what came later stays on its right edge.
    marks = [mark.t for mark in outcome.trail]
    length = max(1.6 * (max(repaired) - zero) if repaired else max(marks, default=zero) - zero, 0.02)
    last = zero + length
    scale = Scale(zero - 0.12 * length, last + 0.12 * length)
    lanes = _lanes(outcome.flows, scale, zero, least=1.5, labels=True)
    bottom = TOP + LANE * len(lanes)
    struck = _beats(outcome, events) or outcome.faults
    faults = tuple(_fault(one, struck[:number], scale, zero) for number, one in enumerate(struck))
    rows = tuple(_row(mark, index, scale, zero, bottom + AXIS) for index, mark in enumerate(outcome.trail))
    milliseconds = length < 2.0
    ticks = _ticks(scale, zero, 1000.0 if milliseconds else 1.0, "ms" if milliseconds else "s")
    budget = _budget(outcome, scale)
    return Chart(bottom + AXIS + ROW * len(rows) + 6, bottom, ticks, faults, lanes, rows, budget)


def _beats(outcome: Outcome, events: Sequence[Event]) -> tuple[Struck, ...]:
    """The single losses within a step's flaps; none for any other fault."""
    found: list[Struck] = []
    for event in events:
        if "beat" not in event.detail or not outcome.started <= event.t <= outcome.ended:
            continue
        if event.kind == "fault":
            found.append(Struck(event.detail["fault"], event.t))
        elif event.kind == "fault-cleared" and found:
            found[-1] = replace(found[-1], cleared=event.t)
    return tuple(found)


def _fault(struck: Struck, before: Sequence[Struck], scale: Scale, zero: float) -> Block:
    """One of a step's faults. Only the first has a label, for they lie close together; and one within
    another is drawn as a line, or the shades would add up."""
    within = any(one.cleared is None or struck.injected < one.cleared for one in before)
    left = scale.x(struck.injected)
    right = scale.x(struck.cleared) if struck.cleared is not None else left
    ends = struck.cleared is not None and struck.cleared <= scale.end
    hint = f"{breaking.describe(struck.fault)}, {(struck.injected - zero) * 1000:+.1f} ms"
    width = 2.0 if within else max(right - left, 2.0)
    return Block(left, width, "fault", "" if before else "fault", hint, left, "start", ends)


def _budget(outcome: Outcome, scale: Scale) -> Block | None:
    """The longest outage that is allowed, drawn from where the longest one began."""
    budget = outcome.step.budget
    outages = [outage for measured in outcome.flows for outage in measured.outages]
    if budget is None or not budget.outage_ms or not outages:
        return None
    start = max(outages, key=lambda outage: outage.duration_ms).start
    left, right = scale.x(start), scale.x(start + budget.outage_ms / 1000)
    fits = start + budget.outage_ms / 1000 <= scale.end
    label = f"budget {budget.outage_ms:g} ms"
    return Block(left, right - left, "budget", label, label, right + 5, "start", fits)


def _lanes(
    flows: Sequence[FlowMeasurement], scale: Scale, zero: float, least: float, labels: bool
) -> tuple[Lane, ...]:
    lanes = []
    for index, measured in enumerate(flows):
        blocks = []
        for outage in measured.outages:
            if not scale.shows(outage.start, outage.end):
                continue
            left, right = scale.x(outage.start), scale.x(outage.end)
            hint = (
                f"{measured.flow.name}: {outage.duration_ms:.1f} ms, {outage.lost} packets lost, "
                f"at {outage.start - zero:.4f} s"
            )
            width = max(right - left, least)
            near_edge = left + width > WIDTH - 90
            blocks.append(
                Block(
                    left,
                    width,
                    "outage",
                    f"{outage.duration_ms:.1f} ms" if labels else "",
                    hint,
                    left - 5 if near_edge else left + width + 5,
                    "end" if near_edge else "start",
                )
            )
        start, end = scale.x(measured.start), scale.x(measured.end)
        note = f"{measured.lost} of {measured.sent} packets lost"
        y = TOP + LANE * (index + 0.5)
        lanes.append(
            Lane(measured.flow.name, y, start, end - start, measured.flow.control, note, _readable(blocks))
        )
    return tuple(lanes)


def _readable(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks of a lane, without labels that would lie on the next one; hovering still tells them."""
    following = [*(block.x for block in blocks[1:]), WIDTH * 2][: len(blocks)]
    return tuple(
        replace(block, label="") if block.anchor == "start" and block.label_x + LABEL > after else block
        for block, after in zip(blocks, following, strict=True)
    )


def _row(mark: Mark, index: int, scale: Scale, zero: float, top: float) -> Row:
    x = scale.x(mark.t)
    right_half = x > GUTTER + 0.6 * (WIDTH - GUTTER)
    milliseconds = (mark.t - zero) * 1000
    inside = mark.t <= scale.end
    when = f"{milliseconds:+.1f} ms" if abs(milliseconds) < 2000 else f"{milliseconds / 1000:+.2f} s"
    return Row(
        x=x,
        y=top + ROW * (index + 0.6),
        text=mark.text if inside else f"{mark.text} →",
        when=when,
        anchor="end" if right_half else "start",
        text_x=x - 9 if right_half else x + 9,
        hint=f"{mark.source} {when}",
        inside=inside,
    )


def _ticks(scale: Scale, zero: float, factor: float, unit: str) -> tuple[Tick, ...]:
    """Round steps of 1, 2 or 5, about eight of them; `factor` is units a second."""
    span = (scale.end - scale.start) * factor
    step = 10.0 ** len(str(int(span)))
    for candidate in (1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if span / candidate <= 10:
            step = candidate
            break
    first = int((scale.start - zero) * factor / step) - 1
    ticks = []
    for count in range(first, first + 24):
        moment = zero + count * step / factor
        if scale.start <= moment <= scale.end:
            ticks.append(Tick(scale.x(moment), f"{count * step:g} {unit}"))
    return tuple(ticks)
