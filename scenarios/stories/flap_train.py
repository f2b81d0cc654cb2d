"""Flap train: a link that comes and goes, faster and slower than the hold-down: outages stay bounded."""

from __future__ import annotations

import random
from dataclasses import dataclass

from topologies.model import Topology

from ..actions import IN_USE, Break
from ..scenario import Scenario, Step
from ..values import Budget, Expectation
from . import ground
from .ground import BACK_ON_PATH, Ground, phase, recovered
from .story import NONE, Knobs, Story

NAME = "flap-train"
HOLD_DOWN = 3.0  # seconds that connections have by default
BFD_BACK = 1.0  # seconds that BFD needs at least to come back (RFC 5880 section 6.8.3)


@dataclass(frozen=True, slots=True)
class Train:
    """So many losses of a link, one every `period_s`, each `duty` of it long; how many may be felt."""

    name: str
    title: str
    mode: str
    period_s: float
    duty: float
    count: int
    felt: int
    outage_ms: float
    reason: str


TRAINS = (
    Train(
        "fast",
        "Flap twice a second",
        "cut",
        0.5,
        0.5,
        8,
        1,
        20,
        f"the link is never up for the {BFD_BACK:g} s that BFD needs to come back, so the first loss moves "
        "the traffic and the others hit an idle path",
    ),
    Train(
        "silent",
        "Flap in silence",
        "blackhole",
        0.8,
        0.5,
        6,
        1,
        50,
        "the same without carrier loss: BFD finds the first silence and never comes back up "
        "between two of them",
    ),
    Train(
        "patient",
        "Flap just faster than the hold-down",
        "cut",
        3.5,
        0.2,
        4,
        1,
        20,
        f"BFD is up again after {BFD_BACK:g} s or more, but {HOLD_DOWN:g} s of hold-down have not passed "
        "when the link goes again: without the hold-down this would be 4 outages",
    ),
    Train(
        "slow",
        "Flap slower than the hold-down",
        "cut",
        8.0,
        0.15,
        2,
        2,
        20,
        f"the link is up for {8.0 * 0.85:g} s, longer than BFD and hold-down need, so traffic rightly goes "
        "back to it, and each loss may be felt once, but no more than once",
    ),
)


def build(topology: Topology, seed: int, knobs: Knobs = NONE) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    found = ground.find(NAME, topology)
    rng = random.Random(seed)
    words = ground.Words(
        NAME,
        "A link that cannot make up its mind",
        f"The path in use comes and goes, in four rhythms. A path that came back must prove itself for "
        f"{HOLD_DOWN:g} s before traffic returns to it: that is the hold-down. So a train of losses costs "
        "one outage.",
    )
    return found.tell(words, tuple(_step(train, found, rng) for train in TRAINS), seed, knobs)


def _step(train: Train, found: Ground, rng: random.Random) -> Step:
    most = train.outage_ms if train.mode == "cut" else found.silent.outage_ms or 0
    lasts = train.period_s * train.count
    fault = {
        "kind": "flap",
        "link": IN_USE,
        "mode": train.mode,
        "period_s": train.period_s,
        "duty": train.duty,
        "count": train.count,
        "seed": rng.randrange(1000),
    }
    quiet = Expectation("delivering", "all flows deliver although it goes on", lasts)
    return Step(
        f"flap-{train.name}",
        train.title,
        f"For {lasts:g} s the path in use goes down every {train.period_s:g} s, "
        f"for {train.period_s * train.duty:.2g} s each time.",
        f"At most {train.felt} outage{'s' if train.felt > 1 else ''} in all, whatever the link does.",
        Break(fault, lasts, phase(rng), during=(quiet,)),
        recovered(BACK_ON_PATH),
        found.shared(
            Budget(
                outage_ms=most,
                lost=round(train.felt * most),
                outages=train.felt,
                why=f"{train.reason}. Each is over within {most:g} ms, as for a single "
                + ("silent fault." if train.mode == "blackhole" else "cut."),
            ),
            _undamped(train),
        ),
    )


def _undamped(train: Train) -> Budget:
    """Of packets that a provider's router turns."""
    turned = ground.TURNED.outage_ms or 0
    if train.mode == "cut":
        return Budget(
            outage_ms=turned,
            lost=round(train.count * turned),
            outages=train.count,
            why=f"provider's routers know no hold-down and are back on the path with their session: each of "
            f"the {train.count} losses may be felt. {ground.TURNED.why}",
        )
    silent = 1000 * train.period_s * train.duty
    return Budget(
        outage_ms=silent + turned,
        lost=round(train.count * (silent + turned)),
        outages=2 * train.count,
        why="provider's routers know no hold-down: their session is back in the pause between two silences, "
        f"and does not wait for BFD, which needs {BFD_BACK:g} s. So each of the {train.count} silences of "
        f"{silent:g} ms may be lost whole.",
    )


STORY = Story(
    name=NAME,
    summary="a link comes and goes, faster and slower than the hold-down: outages stay bounded",
    topology="two-cells",
    settings={"paths": 2, "hosts": 1},
    build=build,
)
