"""Speaker frozen: a BGP speaker stands still, first for less, then for more than its neighbours' patience.

The one story in which an outage is expected. Measured: the neighbours' hold timer (9 s) ends 6 to 9 s after
the freeze, they send NOTIFICATION (4,0) and delete the routes at once. Graceful restart keeps routes of a
neighbour whose connection breaks, not of one whose hold timer ends (RFC 4724 section 4, RFC 4271 section
6.5): a silent speaker may be alive with another idea of the network. The other direction goes on: the cell
with the frozen speaker still uses what it has learned.
"""

from __future__ import annotations

import random

from topologies.model import Cell, Topology

from ..actions import Break
from ..scenario import Scenario, Step
from ..values import Budget, Expectation
from . import ground
from .ground import HOLD_TIME, KEEPALIVE, NOTHING, phase, recovered
from .story import Knob, Knobs, Story

NAME = "speaker-frozen"
SHORT = 4.0
FROZEN = Knob("frozen_s", "seconds that the speaker stands still for the long time", 15, 11, 120)
RETURN = 1.5
"""Seconds from thawing to the first packet: the speakers call each other again within one, and the routes,
the plan and the flows take 0.1 s."""


def build(topology: Topology, seed: int, knobs: Knobs) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    found = ground.find(NAME, topology, paths=1)
    rng = random.Random(seed)
    frozen, other = rng.sample([found.here, found.there], 2)
    steps = (_short(frozen, rng), _long(frozen, other, knobs[FROZEN.name], rng))
    words = ground.Words(
        NAME,
        "A speaker stands still",
        f"The BGP speaker of {frozen.name} freezes: its connections stay open and nothing is said. For "
        f"{SHORT:g} s nobody minds. After {HOLD_TIME:g} s without a word its neighbours give it up, and "
        "packets are lost until it speaks again: that is BGP, and here is how long it takes.",
    )
    return found.tell(words, steps, seed, knobs)


def _service(frozen: Cell) -> str:
    return f"speaker@{frozen.gateways[0].name}"


def _short(frozen: Cell, rng: random.Random) -> Step:
    return Step(
        "freeze-briefly",
        f"Freeze the speaker for {SHORT:g} s",
        f"SIGSTOP to the speaker of {frozen.name}, SIGCONT {SHORT:g} s later.",
        "No packet is lost and no session ends: the hold timer has not run out.",
        Break({"kind": "freeze", "service": _service(frozen)}, SHORT, phase(rng)),
        recovered(),
        NOTHING,
    )


def _long(frozen: Cell, other: Cell, seconds: float, rng: random.Random) -> Step:
    longest = seconds - (HOLD_TIME - KEEPALIVE) + RETURN
    budget = Budget(
        outage_ms=round(longest * 1000),
        lost=round(longest * ground.RATE),
        outages=2,
        why=f"the hold timer of {HOLD_TIME:g} s was last reset by a keepalive, at most {KEEPALIVE:g} s "
        f"before the freeze, so routes are deleted {HOLD_TIME - KEEPALIVE:g} to {HOLD_TIME:g} s after it and "
        f"packets are lost for the rest of the {seconds:g} s, and for {RETURN:g} s until sessions, "
        "routes and flows are back. Graceful restart does not apply when a hold timer ends.",
    )
    return Step(
        "freeze-for-long",
        f"Freeze the speaker for {seconds:g} s",
        f"The same for longer than the hold timer of {HOLD_TIME:g} s.",
        f"{other.name} deletes the routes to {frozen.name} when its hold timer ends: an outage until the "
        f"speaker is back. The other way, from {frozen.name}, packets still arrive meanwhile.",
        Break(
            {"kind": "freeze", "service": _service(frozen)},
            seconds,
            phase(rng),
            during=(
                Expectation("status", "the API says OFFLINE", HOLD_TIME + 1.5, of={"is": "OFFLINE"}),
                Expectation(
                    "delivering",
                    f"{frozen.name} still reaches {other.name}",
                    seconds - 1,
                    "always",
                    {"flows": [f"{frozen.name} →"]},
                ),
            ),
        ),
        recovered(),
        budget,
    )


STORY = Story(
    name=NAME,
    summary="a BGP speaker freezes, shorter and longer than the hold timer: an outage that is expected",
    topology="two-cells",
    settings={"paths": 2, "hosts": 1},
    build=build,
    knobs=(FROZEN,),
)
