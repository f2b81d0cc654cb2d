"""Provision and recover: two cells are connected, then everything between them is broken, one by one."""

from __future__ import annotations

import random

from topologies.model import Cell, Topology

from .. import ways
from ..actions import IN_USE, Break
from ..scenario import Scenario, Step
from ..values import Budget
from . import ground
from .ground import ANEW_PROVIDED, BACK_AGAIN, BACK_ON_PATH, CUT, NOTHING, Ground, phase, recovered
from .story import NONE, Knobs, Story

FREEZE_MS = 100
FREEZE = Budget(
    outage_ms=FREEZE_MS + 40,
    lost=FREEZE_MS + 40,
    why=f"a switch that is stopped for {FREEZE_MS} ms forwards nothing for {FREEZE_MS} ms, and 40 ms more "
    "cover the burst after it. BFD expires on all paths at once meanwhile and needs a second to come "
    "back: without the group's last-resort bucket this would cost 1,000 ms.",
)
FREEZE_PROVIDED = Budget(
    outage_ms=FREEZE_MS + 1000 * ANEW_PROVIDED,
    lost=round(FREEZE_MS + 1000 * ANEW_PROVIDED),
    why=f"a switch that is stopped for {FREEZE_MS} ms lets BFD with all providers expire, and their routers "
    f"end a session with its BFD and forget its routes: {ANEW_PROVIDED:g} s for them to be made anew.",
)
SWITCH = Budget(
    outage_ms=3000,
    lost=3000,
    why="ports, flows and groups go with the switch: its supervisor starts it again (0.3 s), the agent "
    "builds bridges, addresses and base flows (1 s), and routes are installed from what the speaker "
    "still knows. 3 s is less than the 9 s hold timer, so that BGP need not start over.",
)
SWITCH_PROVIDED = Budget(
    outage_ms=3000 + 1000 * ANEW_PROVIDED,
    lost=round(3000 + 1000 * ANEW_PROVIDED),
    why=f"as long as a switch takes to be whole again, 3 s, and {ANEW_PROVIDED:g} s more, because providers' "
    "routers ended their sessions with BFD: sessions and routes are made anew.",
)


def build(topology: Topology, seed: int, knobs: Knobs = NONE) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError if cells, paths or hosts are missing."""
    found = ground.find("provision-and-recover", topology)
    here, there = found.here, found.there
    rng = random.Random(seed)
    steps = (
        *_paths(found, rng),
        *_processes(here, there, rng),
        *_networks_and_switches(found, rng),
    )
    words = ground.Words(
        "provision-and-recover",
        "Two cells are joined, broken and repaired",
        "One request connects two cells. Then paths, processes and the switch itself fail, one after the "
        "other, under real traffic.",
    )
    return found.tell(words, steps, seed, knobs)


def _paths(found: Ground, rng: random.Random) -> tuple[Step, ...]:
    away = f"away from {found.here.name}"
    outward = ways.direction(found.links[0], found.here, outward=True)
    return (
        Step(
            "cut",
            "Cut the path in use",
            "Take the carrier from the WAN link that carries the traffic, as a digger would.",
            "The switch sees the dead port and moves to the other path by itself, within 20 ms.",
            Break({"kind": "cut", "link": IN_USE}, 1.5, phase(rng)),
            recovered(BACK_ON_PATH),
            found.shared(CUT),
        ),
        Step(
            "blackhole-one-way",
            "Silence the path in one direction",
            f"The link stays up but swallows every packet {away}: no alarm anywhere.",
            "BFD misses three packets and the switch moves to the other path, within 50 ms.",
            Break({"kind": "blackhole", "link": IN_USE, "direction": outward}, 1.5, phase(rng)),
            recovered(BACK_ON_PATH),
            found.shared(found.silent),
        ),
        Step(
            "blackhole",
            "Silence the path in both directions",
            "The link stays up but swallows every packet, both ways.",
            "The same: both gateways find out by BFD within 50 ms.",
            Break({"kind": "blackhole", "link": IN_USE, "direction": "both"}, 1.5, phase(rng)),
            recovered(BACK_ON_PATH),
            found.shared(found.silent),
        ),
    )


def _processes(here: Cell, there: Cell, rng: random.Random) -> tuple[Step, ...]:
    def crash(name: str, title: str, service: str, expect: str) -> Step:
        return Step(
            f"crash-{name}",
            title,
            f"kill -9 of {service}. Its supervisor starts it again.",
            expect,
            Break({"kind": "crash", "service": service}, 1.0, phase(rng), restarts=service),
            recovered(BACK_AGAIN),
            NOTHING,
        )

    def gateway() -> str:
        return rng.choice((here, there)).gateways[0].name

    controller = rng.choice((here, there)).gateways[0].controller_node
    steps = [
        crash(
            "speaker",
            "Kill a BGP speaker",
            f"speaker@{gateway()}",
            "No packet is lost: the neighbour keeps the routes while the session restarts.",
        ),
        crash(
            "controller",
            "Kill an SDN controller",
            f"controller@{controller}",
            "No packet is lost: the switch goes on with the flows it has.",
        ),
        crash(
            "agent",
            "Kill an agent",
            f"agent@{gateway()}",
            "No packet is lost: the agent only decides, it carries nothing.",
        ),
    ]
    if here.manager_node is not None:
        steps.append(
            crash(
                "manager",
                "Kill the manager",
                f"manager@{here.manager_node}",
                "No packet is lost: agents go on with the last intent they know.",
            )
        )
    return tuple(steps)


def _networks_and_switches(found: Ground, rng: random.Random) -> tuple[Step, ...]:
    here, there = found.here, found.there
    frozen = rng.choice((here, there)).gateways[0].name
    killed = rng.choice((here, there)).gateways[0].name
    return (
        Step(
            "partition-management",
            "Cut the management network",
            f"For 8 s {there.name} can no longer reach the manager, which notices after 6 s.",
            "No packet is lost, and the connection is ONLINE again once the manager hears from both sides.",
            Break({"kind": "partition", "cells": [there.name]}, 8.0, phase(rng)),
            recovered(),
            NOTHING,
        ),
        Step(
            "freeze-switch",
            f"Freeze a switch for {FREEZE_MS} ms",
            f"Stop the process that forwards every packet of {frozen}, then let it go on.",
            "BFD gives up on all paths, providers end their sessions by it, and all begins anew."
            if found.provided
            else f"At most {FREEZE_MS} ms of silence and nothing after, although BFD gave up on all paths.",
            Break(
                {"kind": "freeze", "service": f"switch@{frozen}", "seconds": FREEZE_MS / 1000},
                1.0,
                phase(rng),
            ),
            recovered(BACK_ON_PATH),
            FREEZE_PROVIDED if found.provided else FREEZE,
        ),
        Step(
            "kill-switch",
            "Kill a switch",
            f"kill -9 of the switch of {killed}: all its ports, flows and groups go with it.",
            "It comes back by itself, ports and flows included, within 3 s"
            + (", and BGP with the providers after it." if found.provided else "."),
            Break(
                {"kind": "crash", "service": f"switch@{killed}"},
                1.0,
                phase(rng),
                restarts=f"switch@{killed}",
            ),
            recovered(BACK_AGAIN, BACK_ON_PATH),
            SWITCH_PROVIDED if found.provided else SWITCH,
        ),
    )


STORY = Story(
    name="provision-and-recover",
    summary="connect two cells over the API, then break paths, processes and switches one by one",
    topology="two-cells",
    settings={"paths": 2, "hosts": 1},
    build=build,
)
