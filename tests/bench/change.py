"""How long a change takes through all of it: a new prefix by REST until the far gateway's flow table has it.

Everything on the way writes its moment down with one clock (docs/lab.md): each part is the difference of two
lines of the timeline; the far controller's line is written at the switch's barrier reply.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from statistics import median, quantiles
from typing import Any

from cellnet_core.client import Client
from simulator import lab as labs
from simulator.client import LabClient
from simulator.view import TimelineEntry
from tests.bench import lifecycle
from topologies import catalogue

NEAR, FAR = "east", "main"
WITHIN = 10.0
POLL_SECONDS = 0.2
"""Each look reads journals on the processors that are being measured; every step has its own time stamp."""
PAUSE_SECONDS = 0.5
"""Between two changes, so that none rides on what the one before it began."""
STEPS = (
    "PUT to its answer",
    "manager has stored it",
    "near agent has the intent",
    "near agent has a plan",
    "ExaBGP was told",
    "far agent heard the route",
    "far agent has a plan",
    "far switch has the flow",
)


def run(rounds: int) -> dict[str, Any]:
    """Milliseconds from the request: median and 95th percentile of each step."""
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    client = labs.up(topology, name="bench-change")
    try:
        lifecycle.wait_online(client, lifecycle.connect(client))
        taken = [_one(client, number) for number in range(rounds)]
    finally:
        client.down()
    return {step: _summary([moments[step] for moments in taken]) for step in STEPS}


def _one(client: LabClient, number: int) -> dict[str, float]:
    """One prefix more on one side; when each step was done."""
    api = Client.unix(str(client.manager_socket))
    endpoint = next(each for each in api.endpoints(cell=NEAR))
    prefix = f"10.{200 + number // 250}.{number % 250}.0/24"
    time.sleep(PAUSE_SECONDS)
    began = time.monotonic()
    api.replace_endpoint(
        endpoint.name,
        {"name": endpoint.name, "cell": NEAR, "prefixes": [*map(str, endpoint.prefixes), prefix]},
    )
    answered = time.monotonic()
    deadline = began + WITHIN
    while True:
        found = {"PUT to its answer": answered, **_moments(client.timeline(began), prefix)}
        if len(found) == len(STEPS):
            return {step: 1000 * (moment - began) for step, moment in found.items()}
        if time.monotonic() > deadline:
            missing = ", ".join(step for step in STEPS if step not in found)
            raise TimeoutError(f"{prefix} did not get through within {WITHIN:g} s: no sign of: {missing}")
        time.sleep(POLL_SECONDS)


def _moments(entries: Iterable[TimelineEntry], prefix: str) -> dict[str, float]:
    """The first line that shows each step; steps that have not been taken are missing."""
    shows: Mapping[str, Callable[[TimelineEntry], bool]] = {
        "manager has stored it": lambda e: e.source == "manager" and e.kind.startswith("endpoint."),
        "near agent has the intent": lambda e: e.source == f"agent/{NEAR}-gw1" and e.kind == "intent",
        "near agent has a plan": lambda e: e.source == f"agent/{NEAR}-gw1" and _plans(e, prefix),
        "ExaBGP was told": lambda e: (
            e.source == f"agent/{NEAR}-gw1"
            and e.kind == "bgp-announce"
            and prefix in e.detail.get("announced", ())
        ),
        "far agent heard the route": lambda e: (
            e.source == f"agent/{FAR}-gw1" and e.kind == "bgp-route" and prefix in e.detail.get("learned", ())
        ),
        "far agent has a plan": lambda e: e.source == f"agent/{FAR}-gw1" and _plans(e, prefix),
        "far switch has the flow": lambda e: (
            e.source.endswith(f"{FAR}-ctl1") and e.kind == "flow-mod" and prefix in e.detail["target"]
        ),
    }
    found: dict[str, float] = {}
    for entry in entries:
        for step, is_it in shows.items():
            if step not in found and is_it(entry):
                found[step] = entry.t
    return found


def _plans(entry: TimelineEntry, prefix: str) -> bool:
    return entry.kind == "plan" and any(prefix in action["do"] for action in entry.detail["actions"])


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "count": len(values),
        "median_ms": round(median(values), 1),
        "p95_ms": round(quantiles(values, n=20)[-1], 1) if len(values) > 1 else round(values[0], 1),
    }
