"""Whether an outage grows with the prefixes behind a connection, or with the distance of the controller.

Two labs side by side, as the rivals of `outages`: one with few prefixes, one with many; then the same again
with a delay on the controller's channel of both. The group is one, however many prefixes lead to it, and no
controller is asked, so neither should matter.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from cellnet_core.client import Client
from simulator import lab as labs
from tests.bench import lifecycle, outages
from topologies import catalogue
from topologies.model import LinkKind, Topology

FIRST = 10 << 24 | 128 << 16  # 10.128.0.0: beyond every cell of the catalogue
SIZE = 30
ONLINE_SECONDS = 120.0


def run(counts: tuple[int, int], rounds: int, delay_ms: float, seed: int) -> dict[str, Any]:
    """Blackhole outages in milliseconds by number of prefixes, without and with a delay of the controller."""
    chance = random.Random(seed)
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    contestants: list[outages.Contestant] = []
    found: dict[str, Any] = {"prefixes": list(counts), "controller_delay_ms": delay_ms}
    try:
        # A generator, not a list: what is up comes down if the next fails.
        contestants.extend(_start(count, topology) for count in counts)
        found["near"] = _pairs(contestants, topology, rounds, chance)
        for each in contestants:
            for link in topology.links:
                if link.kind is LinkKind.CONTROL:
                    each.client.inject({"kind": "delay", "link": link.name, "milliseconds": delay_ms / 2})
        found["far"] = _pairs(contestants, topology, rounds, chance)
    finally:
        for each in contestants:
            each.client.down()
    return found


def _start(count: int, topology: Topology) -> outages.Contestant:
    name = f"{count}-prefixes"
    print(f"bench: starting cellnet with {count} prefixes", file=sys.stderr, flush=True)
    client = labs.up(topology, name=f"bench-{name}")
    try:
        own = [str(prefix) for prefix in topology.cell("east").prefixes]
        identity = lifecycle.connect(client, prefixes=(*own, *_prefixes(count - len(own))))
        Client.unix(str(client.manager_socket)).wait_for_status(identity, timeout=ONLINE_SECONDS)
    except BaseException:
        client.down(keep_logs=True)
        raise
    return outages.Contestant(name, client, outages.cellnet_ready(client, topology))


def _prefixes(count: int) -> list[str]:
    step = 1 << (32 - SIZE)
    starts = (FIRST + step * number for number in range(count))
    return [".".join(str(start >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{SIZE}" for start in starts]


def _pairs(
    contestants: list[outages.Contestant], topology: Topology, rounds: int, chance: random.Random
) -> dict[str, Any]:
    for _ in range(rounds):
        for each in chance.sample(contestants, len(contestants)):
            outages.one(each, topology, "blackhole", chance)
    for each in contestants:
        each.rest()
    return {each.name: each.taken() for each in contestants}
