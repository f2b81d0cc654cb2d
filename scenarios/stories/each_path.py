"""Each path: every path is cut and silenced in turn, the one in use and those that wait; then two at once."""

from __future__ import annotations

import random
from collections.abc import Mapping

from topologies.model import Topology

from ..actions import IN_USE, Break, spare
from ..scenario import Scenario, Step
from ..values import Budget
from . import ground
from .ground import BACK_ON_PATH, CUT, UNUSED, Ground, phase, recovered
from .story import NONE, Knobs, Story

NAME = "each-path"
TWICE = Budget(
    outage_ms=30,
    lost=30,
    outages=2,
    why="two cables are pulled a few milliseconds apart, and the switch hears of each in 5 to 9 ms: it may "
    "step to the second path and at once on to the third.",
)


def build(topology: Topology, seed: int, knobs: Knobs = NONE) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    found = ground.find(NAME, topology)
    rng = random.Random(seed)
    ranks = range(len(found.links))
    steps = [_one("cut", {"kind": "cut"}, rank, found.shared(CUT), rng) for rank in ranks]
    steps += [_one("silence", {"kind": "blackhole"}, rank, found.shared(found.silent), rng) for rank in ranks]
    if len(found.links) >= 3:
        steps.append(_two(found, rng))
    words = ground.Words(
        NAME,
        "Every path fails once",
        f"{found.here.name} and {found.there.name} are joined by {len(found.links)} paths. Each is cut, then "
        "silenced: the one that carries the traffic, and those that wait for their turn.",
    )
    return found.tell(words, tuple(steps), seed, knobs)


def _one(verb: str, fault: Mapping[str, str], rank: int, budget: Budget, rng: random.Random) -> Step:
    cut = verb == "cut"
    how = "Take the carrier, as a digger would." if cut else "The link stays up but swallows every packet."
    if rank == 0:
        return Step(
            f"{verb}-in-use",
            f"{verb.capitalize()} the path in use",
            how,
            "The switch moves to the next path by itself and comes back later without losing anything.",
            Break({**fault, "link": IN_USE}, 1.5, phase(rng)),
            recovered(BACK_ON_PATH),
            budget,
        )
    return Step(
        f"{verb}-spare-{rank}",
        f"{verb.capitalize()} waiting path {rank}",
        f"{how} No traffic goes this way at the moment.",
        "No packet is lost, the loss is noticed all the same, and the path is taken back later.",
        Break({**fault, "link": spare(rank)}, 1.5, phase(rng)),
        recovered(BACK_ON_PATH),
        UNUSED,
    )


def _two(found: Ground, rng: random.Random) -> Step:
    return Step(
        "cut-two",
        "Cut two paths at once",
        "The path in use and the next one lie in the same trench, and the digger takes both.",
        "The third path carries everything.",
        Break(({"kind": "cut", "link": IN_USE}, {"kind": "cut", "link": spare(1)}), 1.5, phase(rng)),
        recovered(BACK_ON_PATH),
        found.shared(TWICE),
    )


STORY = Story(
    name=NAME,
    summary="cut and silence every path in turn, the one in use and those that wait, then two at once",
    topology="two-cells",
    settings={"paths": 3, "hosts": 1},
    build=build,
)
