"""Whether an outage grows with the prefixes behind a connection, or with the distance of the controller.

One lab after the other, with few prefixes, many, few again: both have as much of whatever the machine does
meanwhile, and neither has to share two processors with the agents of the other, which look through all routes
after a fault. Each is hit at rest, first as it is, then with a delay on the controller's channel. The group
is one, however many prefixes lead to it, and no controller is asked, so neither should matter.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import psutil

from cellnet_core.client import Client
from simulator import lab as labs
from tests.bench import lifecycle, outages
from topologies import catalogue
from topologies.model import LinkKind, Topology

FIRST = 10 << 24 | 128 << 16  # 10.128.0.0: beyond every cell of the catalogue
SIZE = 30
ONLINE_SECONDS = 120.0
NEAR, FAR = "near", "far"
LOOK_SECONDS = 0.3
REST_SECONDS = 120.0
BUSY_PERCENT = 60.0
"""Of all processors: an idle lab with its probe takes a third of them."""


def run(counts: tuple[int, int], rounds: int, delay_ms: float, seed: int) -> dict[str, Any]:
    """Blackhole outages in milliseconds by number of prefixes, without and with a delay of the controller.

    `rounds` are faults of each; those with few prefixes half before and half after the others.
    """
    chance = random.Random(seed)
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    few, many = counts
    found = {place: {_name(count): outages.Taken() for count in counts} for place in (NEAR, FAR)}
    for count, stretch in ((few, rounds - rounds // 2), (many, rounds), (few, rounds // 2)):
        each = _start(count, topology)
        try:
            for place, taken in found.items():
                if place == FAR:
                    _delay_controllers(each, topology, delay_ms)
                for _ in range(stretch):
                    outages.one(each, topology, "blackhole", chance)
                taken[each.name].add(each.taken())
        finally:
            each.rest()
            each.client.down()
    shown: dict[str, Any] = {"prefixes": list(counts), "controller_delay_ms": delay_ms}
    for place, taken in found.items():
        shown[place] = {name: those.summary() for name, those in taken.items()}
    return shown


def _name(count: int) -> str:
    return f"{count}-prefixes"


def _delay_controllers(each: outages.Contestant, topology: Topology, delay_ms: float) -> None:
    for link in topology.links:
        if link.kind is LinkKind.CONTROL:
            each.client.inject({"kind": "delay", "link": link.name, "milliseconds": delay_ms / 2})


def _start(count: int, topology: Topology) -> outages.Contestant:
    name = _name(count)
    print(f"bench: starting cellnet with {count} prefixes", file=sys.stderr, flush=True)
    client = labs.up(topology, name=f"bench-{name}")
    try:
        own = [str(prefix) for prefix in topology.cell("east").prefixes]
        identity = lifecycle.connect(client, prefixes=(*own, *_prefixes(count - len(own))))
        Client.unix(str(client.manager_socket)).wait_for_status(identity, timeout=ONLINE_SECONDS)
    except BaseException:
        client.down(keep_logs=True)
        raise
    return outages.Contestant(
        name, client, _at_rest(outages.cellnet_ready(client, topology)), ready_within=REST_SECONDS
    )


def _at_rest(ready: Callable[[], bool]) -> Callable[[], bool]:
    """Ready, and done with what the fault before left to do: two agents and 10,000 routes keep both
    processors for seconds, in which no fault can be timed."""

    def calm() -> bool:
        return ready() and psutil.cpu_percent(LOOK_SECONDS) <= BUSY_PERCENT

    return calm


def _prefixes(count: int) -> list[str]:
    step = 1 << (32 - SIZE)
    starts = (FIRST + step * number for number in range(count))
    return [".".join(str(start >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{SIZE}" for start in starts]
