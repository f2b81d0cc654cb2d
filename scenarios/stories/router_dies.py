"""Router dies: provider routers fail one by one, with a bang, in silence, and by the daemon alone."""

from __future__ import annotations

import random

from topologies.model import LinkKind, Topology

from ..actions import Break
from ..scenario import Scenario, Step
from ..values import Budget
from . import ground
from .ground import BACK_AGAIN, BACK_ON_PATH, Ground, phase, recovered
from .story import NONE, Knobs, Story, UnsuitableTopologyError

NAME = "router-dies"
BANG = Budget(
    outage_ms=50,
    lost=50,
    outages=2,
    why="both gateways see their port to the dead router go and step to the other one, as for a cut path "
    "(20 ms); packets that the other cell sent on the way are lost too, and two gateways notice one after "
    "the other: 50 ms. Two outages, because the links go one after the other within some milliseconds, and "
    "the router itself still turns what it has to the links it has. Coming back must cost nothing.",
)
SPREAD = 30  # ms between the silencing of the first link of a router and that of its last


def build(topology: Topology, seed: int, knobs: Knobs = NONE) -> Scenario:
    """The scenario for this topology. Raises UnsuitableTopologyError."""
    if len(topology.routers) < 2:
        raise UnsuitableTopologyError(
            f"{NAME} needs cells that are homed to two provider routers; topology {topology.name!r} has "
            f"{len(topology.routers)}. Try --topology provider"
        )
    found = ground.find(NAME, topology)
    rng = random.Random(seed)
    steps = [
        step
        for router in sorted(router.name for router in topology.routers)
        for step in (
            _all_links(found, router, "cut", rng),
            _all_links(found, router, "blackhole", rng),
            _daemon(found, router, rng),
        )
    ]
    words = ground.Words(
        NAME,
        "A provider's router dies",
        f"{found.here.name} and {found.there.name} are each homed to {len(topology.routers)} provider "
        "routers, which speak BGP and BFD with them. Each router dies once, in three ways.",
    )
    return found.tell(words, tuple(steps), seed, knobs)


def _silence(found: Ground) -> Budget:
    most = (found.silent.outage_ms or 0) + SPREAD
    return Budget(
        outage_ms=most,
        lost=int(most),
        outages=1,
        why=f"as on any silent path, {found.silent.why} {SPREAD} ms more because the links of a router are "
        "silenced one after the other.",
    )


def _all_links(found: Ground, router: str, kind: str, rng: random.Random) -> Step:
    links = [link.name for link in found.topology.links_of(router, LinkKind.WAN)]
    bang = kind == "cut"
    return Step(
        f"{'bang' if bang else 'silence'}-{router}",
        f"{router} {'loses its power' if bang else 'falls silent'}",
        f"All {len(links)} links of {router} "
        + ("lose their carrier." if bang else "stay up and swallow every packet."),
        "Both gateways go by the other router; routes to the dead one are withdrawn later, without haste.",
        Break(tuple({"kind": kind, "link": name} for name in links), 3.0, phase(rng)),
        recovered(BACK_ON_PATH),
        BANG if bang else _silence(found),
    )


def _daemon(found: Ground, router: str, rng: random.Random) -> Step:
    service = f"router@{router}"
    return Step(
        f"daemon-{router}",
        f"Kill the routing daemon of {router}",
        f"kill -9 of {service}. Its supervisor starts it again.",
        "BFD with it goes down, and both gateways go by the other router until it is back.",
        Break({"kind": "crash", "service": service}, 1.0, phase(rng), restarts=service),
        recovered(BACK_AGAIN, BACK_ON_PATH),
        Budget(
            outage_ms=found.silent.outage_ms,
            lost=found.silent.lost,
            outages=1,
            why="the daemon takes BFD and BGP along, and its kernel goes on forwarding: the gateways leave "
            "it by BFD, mostly without a loss, and at worst as if the path had fallen silent.",
        ),
    )


STORY = Story(
    name=NAME,
    summary="provider routers die one after the other: power, silence, routing daemon",
    topology="provider",
    settings={"cells": 2, "routers": 2, "hosts": 1},
    build=build,
)
