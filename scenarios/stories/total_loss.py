"""Total loss: every path is gone at once, and returns; for less and for more than BGP's hold timer."""

from __future__ import annotations

import random
from collections.abc import Mapping

from topologies.model import Topology

from ..actions import IN_USE, Break, spare
from ..scenario import Scenario, Step
from ..values import Budget, Expectation
from . import ground
from .ground import BACK_ON_PATH, HOLD_TIME, RATE, Ground, phase, recovered
from .story import Knob, Knobs, Story

NAME = "total-loss"
SHORT = Knob("short_s", "seconds without any path for the short time", 2.5, 1, 2.8)
"""Not more: TCP waits twice as long before each repetition, so what BGP said meanwhile may arrive only after
twice that time, and the neighbour's hold timer may have 6 s left. Measured: a loss of 4 s ended sessions."""
LONG = Knob("long_s", "seconds without any path for the long time", 14, HOLD_TIME + 2, 300)
AT_ONCE = 0.3
"""Seconds until packets flow again while routes are still there: the group's last resort sends by the most
preferred path whether or not BFD is back. It covers the clearing of several faults one after the other."""


def build(topology: Topology, seed: int, knobs: Knobs) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    found = ground.find(NAME, topology, paths=1)
    rng = random.Random(seed)
    short, long = knobs[SHORT.name], knobs[LONG.name]
    steps = (
        _gone(found, "cut", {"kind": "cut"}, short, rng),
        _gone(found, "silence", {"kind": "blackhole"}, short, rng),
        _gone(found, "cut", {"kind": "cut"}, long, rng),
    )
    words = ground.Words(
        NAME,
        "All paths are gone",
        f"Every path between {found.here.name} and {found.there.name} fails at the same moment. Nobody can "
        "help that; what counts is how soon packets flow once the first one is back.",
    )
    return found.tell(words, steps, seed, knobs)


def _why_anew(found: Ground) -> str:
    if found.provided:
        return "the providers' routers end a session with its BFD or its carrier"
    return f"the hold timer of {HOLD_TIME:g} s ended on both sides"


def _gone(found: Ground, verb: str, fault: Mapping[str, str], seconds: float, rng: random.Random) -> Step:
    names = [IN_USE, *(spare(number) for number in range(1, len(found.links)))]
    long = seconds > HOLD_TIME
    anew = long or found.provided
    back = found.anew if anew else AT_ONCE
    told = (Expectation("status", "the API says OFFLINE", 8, of={"is": "OFFLINE"}),) if long else ()
    return Step(
        f"{verb}-all{'-for-long' if long else ''}",
        f"{verb.capitalize()} all paths for {seconds:g} s",
        f"{'Both' if len(names) == 2 else f'All {len(names)}'} paths at once.",
        f"Packets are lost until the paths are back, and {back:g} s at most after that: "
        + (f"{_why_anew(found)}, so sessions and routes are made anew." if anew else "routes stayed."),
        Break(
            tuple({**fault, "link": name} for name in names),
            seconds,
            phase(rng),
            during=(Expectation("delivering", "something gets through", seconds - 0.5, "never"), *told),
        ),
        recovered(BACK_ON_PATH),
        Budget(
            outage_ms=round((seconds + back) * 1000),
            lost=round((seconds + back) * RATE),
            outages=2 if anew else 1,
            why=f"{seconds:g} s without any path, and then "
            + (
                f"{back:g} s for BGP: {_why_anew(found)}, routes were deleted, and a speaker calls its "
                "neighbour at most a second after it could."
                if anew
                else f"{AT_ONCE:g} s: sessions outlived it, so flows and groups are still there, and the "
                "last bucket of a group sends even while BFD needs its second to come back."
            ),
        ),
    )


STORY = Story(
    name=NAME,
    summary="every path gone at once, and back: before and after BGP's hold timer has ended",
    topology="two-cells",
    settings={"paths": 2, "hosts": 1},
    build=build,
    knobs=(SHORT, LONG),
)
