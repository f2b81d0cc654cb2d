"""Away for a minute: agent and controller of a cell stand still while what is wanted changes."""

from __future__ import annotations

import random

from topologies import numbering
from topologies.model import Cell, Topology

from .. import ways
from ..actions import Break, Change
from ..scenario import Scenario, Step
from ..values import Budget, Expectation
from . import ground
from .ground import Ground, phase, recovered
from .story import Knob, Knobs, Story

NAME = "away-for-a-minute"
AWAY = Knob("away_s", "seconds that agent and controller are away", 60, 15, 600)
UNCHANGED = Budget(
    lost=0,
    why="what carries the packets is a table in the switch and a path in the fibre, and neither was away. "
    "The agent comes back to a longer list of wishes and adds what is new; flows that did not change "
    "are not written, so not one packet may be lost.",
)


def build(topology: Topology, seed: int, knobs: Knobs) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    found = ground.find(NAME, topology, paths=1)
    rng = random.Random(seed)
    words = ground.Words(
        NAME,
        "The brain is away, the body walks on",
        f"Agent and SDN controller of {found.here.name} stand still for {knobs[AWAY.name]:g} s. Meanwhile "
        "the operator goes on working. When they are back they find out what was decided without them.",
    )
    return found.tell(words, (_away(found, knobs[AWAY.name], rng),), seed, knobs)


def _away(found: Ground, seconds: float, rng: random.Random) -> Step:
    here, there, gateway = found.here, found.there, found.gateway
    third = _third(found)
    also = f" and {here.name} shall be connected to {third.name}" if third else ""
    more = (
        (
            Change("create", "endpoint", f"{third.name}-end", {"cell": third.name}, after_s=6.0),
            Change(
                "create",
                "connection",
                f"{here.name}-{third.name}",
                {"local_endpoint": f"{here.name}-end", "remote_endpoint": f"{third.name}-end"},
                after_s=6.5,
            ),
        )
        if third
        else ()
    )
    added = _added(found)
    prefixes = [*(str(prefix) for prefix in there.prefixes), added]
    wider = Change("update", "endpoint", f"{there.name}-end", {"prefixes": prefixes}, after_s=4.0)
    return Step(
        "away",
        f"Agent and controller of {here.name} are away for {seconds:g} s",
        f"Both stand still. {there.name} gets one more prefix, {added}{also}: over the API, as on any day.",
        "The manager says that it no longer hears the agent, and no packet is lost. When both are back, the "
        "new prefix is routed within seconds, and what did not change was not touched.",
        Break(
            (
                {"kind": "freeze", "service": f"agent@{gateway.name}"},
                {"kind": "freeze", "service": f"controller@{gateway.controller_node}"},
            ),
            seconds,
            phase(rng),
            changes=(wider, *more),
            during=(
                Expectation("status", "the API says UNKNOWN: the agent is silent", 12, of={"is": "UNKNOWN"}),
                Expectation("delivering", "all flows deliver all the while", seconds - 1, "always"),
            ),
        ),
        recovered(
            Expectation("agreed", "desired and observed agree", 20),
            Expectation(
                "routed",
                f"{gateway.name} has a flow for the new prefix",
                20,
                of={"gateway": gateway.name, "prefix": added},
            ),
        ),
        UNCHANGED,
    )


def _added(found: Ground) -> str:
    """One more prefix for the second cell: one that its providers take."""
    return str(numbering.reserve(found.topology.cells.index(found.there) + 1))


def _third(found: Ground) -> Cell | None:
    """Another cell that could be connected to the first one."""
    return next(
        (
            cell
            for cell in found.topology.cells
            if cell not in (found.here, found.there)
            and not found.provided
            and ways.between(found.topology, found.here, cell)
        ),
        None,
    )


STORY = Story(
    name=NAME,
    summary="agent and controller are away for a minute while intent changes; then they catch up",
    topology="main-and-subs",
    settings={"cells": 3, "paths": 2, "hosts": 1},
    build=build,
    knobs=(AWAY,),
)
