"""Descriptions of faults on one link. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simulator.faults.reading import MOST_SEED, Reader
from simulator.faults.values import Blackhole, Cut, Delay, Direction, Flap, Loss, Mode, Rate, Single

SHORTEST_BEAT_S = 0.005
"""Seconds that a flapping link is at least down, and at least up, in each period: acts take 1 ms."""
LONGEST_TRAIN_S = 600.0
LONGEST_DELAY_MS = 10_000


def _cut(reader: Reader) -> Single | None:
    link, seconds = reader.link(), reader.seconds()
    return None if link is None else Cut(link.name, seconds)


def _blackhole(reader: Reader, *, one_way: bool = False) -> Single | None:
    link, seconds = reader.link(), reader.seconds()
    direction = reader.direction(link, required=one_way)
    return None if link is None else Blackhole(link.name, direction, seconds)


def _oneway(reader: Reader) -> Single | None:
    return _blackhole(reader, one_way=True)


def _loss(reader: Reader) -> Single | None:
    link, seconds = reader.link(), reader.seconds()
    percent, direction = reader.number("percent", "percent", 100), reader.direction(link)
    return None if link is None or percent is None else Loss(link.name, percent, direction, seconds)


def _delay(reader: Reader) -> Single | None:
    link, seconds = reader.link(), reader.seconds()
    late = reader.number("milliseconds", "milliseconds", LONGEST_DELAY_MS)
    jitter = reader.number("jitter_ms", "milliseconds", LONGEST_DELAY_MS, required=False)
    direction = reader.direction(link)
    if late is not None and jitter is not None and jitter > late:
        reader.wrong("jitter_ms", f"{jitter:g} is more than the delay itself", f"give at most {late:g}")
    return None if link is None or late is None else Delay(link.name, late, direction, seconds, jitter)


def _rate(reader: Reader) -> Single | None:
    link, seconds = reader.link(), reader.seconds()
    mbit, direction = reader.number("mbit", "megabit per second", 100_000), reader.direction(link)
    return None if link is None or mbit is None else Rate(link.name, mbit, direction, seconds)


def _flap(reader: Reader) -> Single | None:
    link, mode = reader.link(), reader.choice("mode", Mode, Mode.CUT)
    direction = Direction.BOTH
    if mode is Mode.ONEWAY:
        direction = reader.direction(link, required=True)
    elif reader.document.get("direction") not in (None, Direction.BOTH.value):
        reader.wrong("direction", f"a flap by {mode or 'that'} has none", "say mode: oneway with it")
    period = reader.number("period_s", "seconds", 60, required=False)
    duty = reader.number("duty", "the share of a period that it is down", 1, required=False)
    count = reader.integer("count", 1, 1000)
    seed = reader.integer("seed", 0, MOST_SEED)
    if reader.problems or link is None or mode is None:
        return None
    flap = Flap(link.name, mode, seed=seed, direction=direction)
    flap = replace(
        flap,
        period_s=flap.period_s if period is None else period,
        duty=flap.duty if duty is None else duty,
        count=flap.count if count is None else count,
    )
    down = flap.period_s * flap.duty
    if min(down, flap.period_s - down) < SHORTEST_BEAT_S:
        reader.wrong(
            "duty",
            f"down {down * 1000:g} ms and up {(flap.period_s - down) * 1000:g} ms of each period",
            f"each must be at least {SHORTEST_BEAT_S * 1000:g} ms: choose another duty or period_s",
        )
    if flap.period_s * flap.count > LONGEST_TRAIN_S:
        reader.wrong(
            "count",
            f"{flap.count} beats take {flap.period_s * flap.count:g} s",
            f"keep a train within {LONGEST_TRAIN_S:g} s",
        )
    return flap


BUILDERS: dict[str, Callable[[Reader], Single | None]] = {
    "cut": _cut,
    "blackhole": _blackhole,
    "oneway": _oneway,
    "loss": _loss,
    "delay": _delay,
    "rate": _rate,
    "flap": _flap,
}
