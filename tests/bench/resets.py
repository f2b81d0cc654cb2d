"""How long a lab takes to be brought back to its birth, and proved clean, by what the test before had done.

The same call as the pytest plugin makes between two tests (`scenarios.plugin.resetting`). Each kind leaves
the lab in the middle of what it did: faults in force, services just killed, nothing waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from cellnet_core.client import Client
from scenarios.plugin import resetting
from scenarios.plugin.factory import Labs
from scenarios.plugin.wishes import Wish
from simulator.client import LabClient
from tests.bench import lifecycle
from topologies import catalogue

CUT = "main-east-1"
SEEN_SECONDS = 10.0

Doing = Callable[[LabClient], None]


def run(rounds: int) -> dict[str, Any]:
    """Seconds by kind, interleaved, on one lab of two cells. A lab that did not come back clean is an error.

    `reset_s` is what the plugin reports, from when all services are ready; `total_s` has the waiting before,
    for the services that were killed to start again.
    """
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    factory = Labs()
    client = factory.start(Wish(topology), "bench-reset")
    try:
        api = factory.api(client)
        birth = resetting.settle(client, api)
        found: dict[str, list[resetting.Cleaning]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):
            for kind, act in KINDS.items():
                act(client)
                cleaning = resetting.reset(client, api, birth)
                if cleaning.dirt:
                    raise RuntimeError(f"after {kind!r} the lab is not clean: {'; '.join(cleaning.dirt)}")
                found[kind].append(cleaning)
                api.close()
                api = factory.api(client)
        api.close()
    finally:
        client.down()
    return {kind: _figures(cleanings) for kind, cleanings in found.items()}


def _figures(cleanings: list[resetting.Cleaning]) -> dict[str, Any]:
    resets = [one.seconds for one in cleanings]
    totals = [one.seconds + one.start_seconds for one in cleanings]
    slowest = max(cleanings, key=lambda one: one.seconds)
    return {
        "resets": len(cleanings),
        "reset_median_s": round(median(resets), 2),
        "reset_max_s": round(max(resets), 2),
        "total_median_s": round(median(totals), 2),
        "total_max_s": round(max(totals), 2),
        "slowest_waited_for": list(slowest.waited_for[:1]),
    }


def _nothing(_client: LabClient) -> None:
    return


def _connect(client: LabClient) -> None:
    with Client.unix(str(client.manager_socket)) as api:
        lifecycle.connect(client)
        api.wait_for_status("main-east", timeout=30.0)


def _broken(fault: Mapping[str, Any]) -> Doing:
    """A connection that is ONLINE, and a path that is broken for so long that its BFD has seen it."""

    def act(client: LabClient) -> None:
        _connect(client)
        client.inject(fault)
        deadline = time.monotonic() + SEEN_SECONDS
        status = ["ovs-vsctl", "get", "interface", "wan1", "bfd_status:state"]
        while client.exec("main-gw1", status).stdout.strip() == "up":
            if time.monotonic() > deadline:
                raise RuntimeError(f"BFD did not see {fault} in {SEEN_SECONDS:g} s")

    return act


def _crashed(role: str) -> Doing:
    def act(client: LabClient) -> None:
        _connect(client)
        client.inject({"kind": "crash", "service": role})

    return act


KINDS: dict[str, Doing] = {
    "nothing": _nothing,
    "connection": _connect,
    "cut": _broken({"kind": "cut", "link": CUT}),
    "blackhole": _broken({"kind": "blackhole", "link": CUT}),
    "speaker crash": _crashed("speaker@main-gw1"),
    "controller crash": _crashed("controller@main-ctl1"),
    "agent crash": _crashed("agent@main-gw1"),
    "manager crash": _crashed("manager@main-mgr"),
    "switch crash": _crashed("switch@main-gw1"),
}
"""By what the test before had done; the connection is there in all but the first."""
