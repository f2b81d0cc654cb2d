"""One-way loss: a dirty fibre loses packets in one direction only, much at first, then a little."""

from __future__ import annotations

import random

from topologies.model import Topology

from .. import ways
from ..actions import IN_USE, Break
from ..scenario import Scenario, Step
from ..values import Budget, Expectation
from . import ground
from .ground import BACK_ON_PATH, Ground, phase, recovered
from .story import NONE, Knobs, Story

NAME = "one-way-loss"
MUCH, LITTLE = 40, 2  # percent
HOLD = 8.0  # seconds of a little loss
NOTICED = 25  # BFD intervals until three packets in a row are missed at 40 % loss, on average
PATIENCE = 10  # times that: exceeded once in 20,000 times
LIGHT = Budget(
    outage_ms=50,
    lost=int(HOLD * ground.RATE * LITTLE / 100 * 2),
    why=f"{LITTLE} % take three BFD packets in a row once in 20 minutes, so nothing moves, and the loss "
    "lasts as long as the dirt: twice the expected number of packets. This is what BFD cannot see.",
)


def build(topology: Topology, seed: int, knobs: Knobs = NONE) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    found = ground.find(NAME, topology)
    rng = random.Random(seed)
    words = ground.Words(
        NAME,
        "A dirty fibre",
        "One direction of the path in use loses packets at random while the other is clean. The link is up, "
        "and so is every neighbour: how bad must it be until somebody leaves the path?",
    )
    steps = (_much(found, rng, outward=True), _much(found, rng, outward=False), _little(found, rng))
    return found.tell(words, steps, seed, knobs)


def _fault(found: Ground, percent: int, *, outward: bool) -> dict[str, object]:
    direction = ways.direction(found.links[0], found.here, outward=outward)
    return {"kind": "loss", "link": IN_USE, "percent": percent, "direction": direction}


def _heavy(found: Ground) -> tuple[Budget, float]:
    """What much loss may cost, and the seconds after which traffic must have moved."""
    usual, longest = (NOTICED * times * found.bfd_ms / 1000 for times in (1, PATIENCE))
    budget = Budget(
        outage_ms=found.silent.outage_ms,
        lost=round(longest * ground.RATE * MUCH / 100),
        why=f"{MUCH} % are lost until BFD has missed three packets in a row, and no longer: {usual:.2g} s on "
        f"average at {found.bfd_ms} ms x 3, more than {longest:.2g} s once in 20,000 times. Before that "
        "single packets are lost; no outage is longer than that of a silent path. The hold-down keeps "
        "traffic off the path while BFD comes and goes.",
    )
    return budget, longest + 1.5


def _much(found: Ground, rng: random.Random, *, outward: bool) -> Step:
    budget, moved = _heavy(found)
    hold = moved + 4
    way = f"{'away from' if outward else 'towards'} {found.here.name}"
    undamped = found.provided and not outward
    return Step(
        f"lose-much-{'out' if outward else 'in'}",
        f"Lose {MUCH} % of the packets {way}",
        f"For {hold:g} s the path in use loses {MUCH} of 100 packets {way}, and none the other way.",
        "BFD soon misses three packets in a row; "
        + (
            "the provider's router leaves the path, and comes back to it as often as BFD does."
            if undamped
            else "both ends leave the path, and stay away from it while the loss lasts."
        ),
        Break(
            _fault(found, MUCH, outward=outward),
            hold,
            phase(rng),
            during=()
            if undamped
            else (Expectation("delivering", "all flows deliver in spite of it", moved),),
        ),
        recovered(BACK_ON_PATH),
        found.shared(budget, _undamped(hold)),
    )


def _undamped(hold: float) -> Budget:
    """Of packets that a provider's router turns."""
    return Budget(
        outage_ms=ground.TURNED.outage_ms,
        lost=round(hold * ground.RATE * MUCH / 100),
        why="provider's routers know no hold-down: each time that BFD or a session comes back they use the "
        f"path again, at worst all the {hold:.2g} s that {MUCH} % are lost. {ground.TURNED.why}",
    )


def _little(found: Ground, rng: random.Random) -> Step:
    return Step(
        "lose-little",
        f"Lose {LITTLE} % of the packets away from {found.here.name}",
        f"For {HOLD:g} s the path in use loses {LITTLE} of 100 packets in one direction.",
        "Nothing moves, for nothing here is broken by BFD's measure; the packets are lost. It stops when the "
        "fibre is clean again."
        + (" (A provider's router may take two lost packets and a late one for three.)" * found.provided),
        Break(
            _fault(found, LITTLE, outward=True),
            HOLD,
            phase(rng),
            during=()
            if found.provided
            else (Expectation("path", "traffic stays on the path", HOLD - 1, "always"),),
        ),
        recovered(BACK_ON_PATH),
        LIGHT,
    )


STORY = Story(
    name=NAME,
    summary="random loss in one direction of the path in use: what BFD sees, and what it cannot see",
    topology="two-cells",
    settings={"paths": 2, "hosts": 1},
    build=build,
)
