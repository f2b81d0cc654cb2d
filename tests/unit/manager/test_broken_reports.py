"""Whatever an agent reports: nothing raises but refusals, and nothing broken is taken for ONLINE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from cellnet_core.manager.monitor import Monitor
from cellnet_core.northbound.app import create_app
from tests.unit.manager.world import MAIN, World, obey

Service = tuple[World, TestClient]
ADDRESSES = ("connections", "connections/main-east/sessions", "agents", "endpoints", "cells", "events")
BROKEN = st.sampled_from(
    [
        *(
            None,
            -1,
            -(2**63),
            2**63,
            10**30,
            -0.5,
            1e308,
            True,
            False,
            "",
            "x",
            "\x00",
            "x" * 5000,
            [],
            {},
            [[]],
        ),
        *(
            "ESTABLISHED",
            "SHINY",
            "IDLE",
            "up",
            "sideways",
            "applied",
            "perfect",
            "10.0.2.0/24",
            "ipv4",
            "ipv7",
        ),
        *(["10.0.2.0/24"] * 3, {"ipv4": ["10.0.2.0/24"]}, {"ipv9": ["x"]}, {"ipv4": -1}),
    ]
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = World(tmp_path_factory.mktemp("broken") / "manager.db")
    made.online()
    yield made, TestClient(create_app(made.manager), raise_server_exceptions=True)
    made.manager.context.database.close()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from _places(child, (*path, key))


def _send(service: Service, document: dict[str, Any]) -> int:
    world, api = service
    world.sequence += 1
    if document.get("sequence") == 1:
        document["sequence"] = world.sequence
    content = json.dumps(document)
    headers = {"Content-Type": "application/json"}
    status = api.put("/v1/agents/main/main-gw1/report", content=content, headers=headers).status_code
    for address in (
        "connections",
        "connections/main-east/sessions",
        "agents",
        "endpoints",
        "cells",
        "events",
    ):
        assert api.get(f"/v1/{address}").status_code == 200
    assert api.get("/metrics").status_code == 200
    world.manager.monitor.tick()
    return status


def _operating(service: Service) -> str:
    found: str = service[1].get("/v1/connections/main-east").json()["connection"]["operating_status"]
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_broken_values_are_refused_or_do_no_harm(service: Service, data: st.DataObject) -> None:
    world, _ = service
    document = obey(world.intent("main"), MAIN, 1, "broken").model_dump(mode="json")
    for _ in range(data.draw(st.integers(1, 3))):
        # By number: the world moves on between examples, and a strategy must not change with it.
        places = list(_places(document))
        *way, last = places[data.draw(st.integers(0, 9999)) % len(places)]
        inner: Any = document
        for step in way:
            inner = inner[step]
        inner[last] = deepcopy(data.draw(BROKEN))  # the next round may break what is inside
    assert _send(service, document) in (204, 400)


SIDE = ("connections", 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((*SIDE, "sessions", 0, "state"), "SHINY"),
        ((*SIDE, "paths", 0, "bfd"), "sideways"),
        ((*SIDE, "phase"), "perfect"),
        ((*SIDE, "health", 0, "family"), "ipv7"),
        ((*SIDE, "sessions", 0, "flaps"), -1),
        ((*SIDE, "sessions", 0, "since_s"), -1.0),
        ((*SIDE, "sessions", 0, "since_s"), float("nan")),
        ((*SIDE, "health", 0, "rtt_ms"), float("inf")),
        ((*SIDE, "health", 0, "lost"), 6),
        ((*SIDE, "revision"), 2**63),
        ((*SIDE, "sessions", 1, "path"), "main-east-1"),
        ((*SIDE, "paths", 1, "path"), "main-east-1"),
        (("generation",), -2),
        (("inventory", "asn"), 0),
        (("inventory", "prefixes"), ["nonsense"]),
        (("agent_id",), "\x00"),
        (("connections",), []),
    ],
)
def test_no_broken_report_makes_a_status_online(tmp_path, place: tuple[Any, ...], value: Any) -> None:
    world = World(tmp_path / "manager.db")
    world.add_cells()
    world.add_endpoints()
    world.connect()
    world.obey("east")
    document = obey(world.intent("main"), MAIN, 1, f"life-{world.lives}").model_dump(mode="json")
    inner: Any = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    service = world, TestClient(create_app(world.manager))
    _send(service, document)
    assert _operating(service) != "ONLINE"
    world.obey()
    assert _operating(service) == "ONLINE", "the same report, unbroken"
    world.manager.context.database.close()


def test_a_hundred_thousand_prefixes(service: Service) -> None:
    world, _ = service
    document = obey(world.intent("main"), MAIN, 1, "wide").model_dump(mode="json")
    many = [f"fdce:{n // 65536:x}:{n % 65536:x}::/48" for n in range(100_000)]
    document["connections"][0]["learned"]["ipv6"] += many
    assert _send(service, document) == 204


def test_the_monitor_outlives_a_deleted_cell(world: World) -> None:
    world.add_cells()
    world.obey()
    monitor: Monitor = world.manager.monitor
    world.manager.cells.delete("east")
    world.clock.advance(60)
    monitor.tick()
    monitor.tick()
    assert world.event_types().count("agent.silent") == 1, "main's"
