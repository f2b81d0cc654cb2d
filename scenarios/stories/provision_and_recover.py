"""Provision and recover: two cells are connected, then everything between them is broken, one by one."""

from __future__ import annotations

import random

from topologies.model import Cell, Topology

from ..measurements import Flow
from ..values import (
    IN_USE,
    Boot,
    Break,
    Budget,
    Connect,
    Disconnect,
    Expectation,
    Scenario,
    StartProbes,
    Step,
    Watch,
)
from .story import Story, UnsuitableTopologyError

RATE = 1000  # packets a second of every flow: one lost packet is one millisecond

CUT = Budget(
    outage_ms=20,
    lost=20,
    outages=1,
    why="the switch hears of a lost carrier in 5 to 9 ms and the group's next bucket is already installed; "
    "20 ms leaves room for a late probe. One outage only: coming back must cost nothing.",
)
SILENT = Budget(
    outage_ms=50,
    lost=50,
    outages=1,
    why="BFD at 10 ms x 3 needs 20 to 30 ms to miss three packets, and the group then switches at once; "
    "50 ms leaves room for a late probe. One outage only: coming back must cost nothing.",
)
NOTHING = Budget(
    lost=0,
    why="this process takes no part in forwarding: flows stay in the switch (secure mode) and routes stay "
    "with the neighbour (graceful restart), so not one packet may be lost.",
)
FREEZE_MS = 100
FREEZE = Budget(
    outage_ms=FREEZE_MS + 40,
    lost=FREEZE_MS + 40,
    why=f"a switch that is stopped for {FREEZE_MS} ms forwards nothing for {FREEZE_MS} ms, and 40 ms more "
    "cover the burst after it. BFD expires on all paths at once meanwhile and needs a second to come "
    "back: without the group's last-resort bucket this would cost 1,000 ms.",
)
SWITCH = Budget(
    outage_ms=3000,
    lost=3000,
    why="ports, flows and groups go with the switch: its supervisor starts it again (0.3 s), the agent "
    "builds bridges, addresses and base flows (1 s), and routes are installed from what the speaker "
    "still knows. 3 s is less than the 9 s hold timer, so that BGP need not start over.",
)
CALM = Budget(lost=0, why="nothing is broken: whatever is lost now, the lab itself loses.")


def build(topology: Topology, seed: int) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError if cells, paths or hosts are missing."""
    here, there = choose_cells(topology)
    rng = random.Random(seed)
    steps = (
        Step(
            "boot",
            "Boot the lab",
            f"Start {len(topology.cells)} cells with their gateways, BGP speakers, SDN controllers and "
            f"agents, joined by {len(topology.wan_between(here.name, there.name))} WAN paths.",
            "Every daemon reports that it is ready.",
            Boot(),
        ),
        Step(
            "connect",
            f"Connect {here.name} and {there.name}",
            "Create two endpoints and a connection over the REST API. Nothing else is told to anybody.",
            "BGP sessions come up, routes are learned on both sides, and the connection becomes ONLINE once "
            "packets made the round trip.",
            Connect(here.name, there.name),
            (Expectation("status", "the connection is ONLINE", 30, of={"is": "ONLINE"}),),
        ),
        Step(
            "probe",
            "Start real traffic",
            f"{RATE:,} packets a second in each direction, IPv4 and IPv6, and control flows beside them that "
            "cross neither a switch nor the WAN: what those lose, the machine lost.",
            "Everything arrives.",
            StartProbes(flows(here, there)),
            (Expectation("delivering", "all flows deliver", 10),),
        ),
        Step(
            "calm",
            "Watch it with nothing broken",
            "Two seconds of measuring without a fault.",
            "No packet is lost.",
            Watch(2.0),
            budget=CALM,
        ),
        *_paths(here, rng),
        *_processes(here, there, rng),
        *_networks_and_switches(here, there, rng),
        Step(
            "disconnect",
            "Take the connection away",
            "Delete the connection and its endpoints over the API.",
            "Sessions, flows and groups are gone, and so is the connection from the API.",
            Disconnect(),
            (Expectation("gone", "nothing of the connection is left", 20),),
        ),
    )
    return Scenario(
        name="provision-and-recover",
        title="Two cells are joined, broken and repaired",
        summary="One request connects two cells. Then paths, processes and the switch itself fail, one after "
        "the other, under real traffic.",
        topology=topology,
        steps=steps,
        seed=seed,
        parameters=dict(topology.parameters),
    )


def choose_cells(topology: Topology) -> tuple[Cell, Cell]:
    """The first two cells that are joined by at least two paths and have a host each."""
    for index, here in enumerate(topology.cells):
        for there in topology.cells[index + 1 :]:
            if here.hosts and there.hosts and len(topology.wan_between(here.name, there.name)) >= 2:
                return here, there
    raise UnsuitableTopologyError(
        f"provision-and-recover needs two cells with a host each and two paths between them; topology "
        f"{topology.name!r} has none. Try --set paths=2 --set hosts=1, or --topology two-cells"
    )


def flows(here: Cell, there: Cell) -> tuple[Flow, ...]:
    """Both directions in both families between the first hosts."""
    found = []
    for source, destination in ((here.hosts[0], there.hosts[0]), (there.hosts[0], here.hosts[0])):
        for own, far in zip(source.addresses, destination.addresses, strict=True):
            name = f"{source.cell} → {destination.cell} IPv{far.version}"
            found.append(Flow(name, source.name, destination.name, str(own.ip), str(far.ip), RATE))
    return tuple(found)


def _phase(rng: random.Random) -> float:
    return round(rng.uniform(0.0, 0.03), 4)  # anywhere within BFD's detection time


def _recovered(*more: Expectation) -> tuple[Expectation, ...]:
    return (
        Expectation("delivering", "all flows deliver", 30),
        Expectation("status", "the connection is ONLINE", 40, of={"is": "ONLINE"}, for_s=1.0),
        *more,
    )


BACK_ON_PATH = Expectation("path", "traffic is back on the path it used before", 30)
BACK_AGAIN = Expectation("service-back", "the process is back and ready", 30)


def _paths(here: Cell, rng: random.Random) -> tuple[Step, ...]:
    away = f"away from {here.name}"
    return (
        Step(
            "cut",
            "Cut the path in use",
            "Take the carrier from the WAN link that carries the traffic, as a digger would.",
            "The switch sees the dead port and moves to the other path by itself, within 20 ms.",
            Break({"kind": "cut", "link": IN_USE}, 1.5, _phase(rng)),
            _recovered(BACK_ON_PATH),
            CUT,
        ),
        Step(
            "blackhole-one-way",
            "Silence the path in one direction",
            f"The link stays up but swallows every packet {away}: no alarm anywhere.",
            "BFD misses three packets and the switch moves to the other path, within 50 ms.",
            Break({"kind": "blackhole", "link": IN_USE, "direction": "a-to-b"}, 1.5, _phase(rng)),
            _recovered(BACK_ON_PATH),
            SILENT,
        ),
        Step(
            "blackhole",
            "Silence the path in both directions",
            "The link stays up but swallows every packet, both ways.",
            "The same: both gateways find out by BFD within 50 ms.",
            Break({"kind": "blackhole", "link": IN_USE, "direction": "both"}, 1.5, _phase(rng)),
            _recovered(BACK_ON_PATH),
            SILENT,
        ),
    )


def _processes(here: Cell, there: Cell, rng: random.Random) -> tuple[Step, ...]:
    def crash(name: str, title: str, service: str, expect: str) -> Step:
        return Step(
            f"crash-{name}",
            title,
            f"kill -9 of {service}. Its supervisor starts it again.",
            expect,
            Break({"kind": "crash", "service": service}, 1.0, _phase(rng), restarts=service),
            _recovered(BACK_AGAIN),
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


def _networks_and_switches(here: Cell, there: Cell, rng: random.Random) -> tuple[Step, ...]:
    frozen = rng.choice((here, there)).gateways[0].name
    killed = rng.choice((here, there)).gateways[0].name
    return (
        Step(
            "partition-management",
            "Cut the management network",
            f"For 8 s {there.name} can no longer reach the manager, which notices after 6 s.",
            "No packet is lost, and the connection is ONLINE again once the manager hears from both sides.",
            Break({"kind": "partition", "cells": [there.name]}, 8.0, _phase(rng)),
            _recovered(),
            NOTHING,
        ),
        Step(
            "freeze-switch",
            f"Freeze a switch for {FREEZE_MS} ms",
            f"Stop the process that forwards every packet of {frozen}, then let it go on.",
            f"At most {FREEZE_MS} ms of silence and nothing after it, although BFD gave up on all paths.",
            Break(
                {"kind": "freeze", "service": f"switch@{frozen}", "seconds": FREEZE_MS / 1000},
                1.0,
                _phase(rng),
            ),
            _recovered(BACK_ON_PATH),
            FREEZE,
        ),
        Step(
            "kill-switch",
            "Kill a switch",
            f"kill -9 of the switch of {killed}: all its ports, flows and groups go with it.",
            "It comes back by itself, ports and flows included, within 3 s.",
            Break(
                {"kind": "crash", "service": f"switch@{killed}"},
                1.0,
                _phase(rng),
                restarts=f"switch@{killed}",
            ),
            _recovered(BACK_AGAIN, BACK_ON_PATH),
            SWITCH,
        ),
    )


STORY = Story(
    name="provision-and-recover",
    summary="connect two cells over the API, then break paths, processes and switches one by one",
    topology="two-cells",
    settings={"paths": 2, "hosts": 1},
    build=build,
)
