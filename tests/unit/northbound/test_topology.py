"""The network as a whole and the paths between two cells, with faults planted in the reports."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from cellnet_core.model.wire import PathReport, ReportDocument, SessionReport
from tests.unit.manager.world import MAIN, World, obey


def paths(api: TestClient, start: str = "main", end: str = "east") -> Any:
    answer = api.get("/v1/paths", params={"from": start, "to": end})
    assert answer.status_code == 200, answer.text
    return answer.json()


def say(world: World, **changes: Any) -> None:
    """main's agent reports as always, but for its first path (PathReport, or SessionReport) as said."""
    world.sequence += 1
    report = obey(world.intent("main"), MAIN, world.sequence, f"life-{world.lives}")
    (about,) = report.connections
    if "state" in changes:
        sessions: tuple[SessionReport, ...] = (
            about.sessions[0].model_copy(update=changes),
            about.sessions[1],
        )
        about = about.model_copy(update={"sessions": sessions})
    else:
        seen: tuple[PathReport, ...] = (about.paths[0].model_copy(update=changes), about.paths[1])
        about = about.model_copy(update={"paths": seen})
    sent: ReportDocument = report.model_copy(update={"connections": (about,)})
    world.report("main", sent)


def test_the_whole(api: TestClient, world: World) -> None:
    world.online()
    topology = api.get("/v1/topology").json()["topology"]
    assert [(c["name"], c["gateways"]) for c in topology["cells"]] == [
        ("east", ["east-gw1"]),
        ("main", ["main-gw1"]),
    ]
    (connection,) = topology["connections"]
    assert (connection["state"], connection["surviving_paths"], connection["unknown_paths"]) == (
        "active",
        2,
        0,
    )


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"link_up": False}, "OFFLINE", "link down at main/main-gw1"),
        ({"bfd": "down"}, "OFFLINE", "BFD down at main/main-gw1"),
        ({"state": "IDLE"}, "OFFLINE", "BGP session IDLE at main/main-gw1"),
        ({"held_down": True}, "DEGRADED", "up again, in its hold-down at main/main-gw1"),
        ({"bfd": None}, "UNKNOWN", "main/main-gw1 does not know the state of its port"),
        ({"bfd": "off"}, "ONLINE", ""),
    ],
)
def test_one_end_decides(
    api: TestClient, world: World, changes: dict[str, Any], status: str, reason: str
) -> None:
    world.online()
    say(world, **changes)
    found = paths(api)
    assert (found["paths"][0]["operating_status"], found["paths"][0]["reason"]) == (status, reason)
    assert found["surviving_paths"] == (2 if status in ("ONLINE", "DEGRADED") else 1)
    assert found["unknown_paths"] == (status == "UNKNOWN")


def test_silence_is_neither_up_nor_down(api: TestClient, world: World) -> None:
    world.online()
    world.clock.advance(10)
    found = paths(api)
    assert (found["surviving_paths"], found["unknown_paths"]) == (0, 2)
    say(world, link_up=False)  # east stays silent; what main sees is enough
    assert [p["operating_status"] for p in paths(api)["paths"]] == ["OFFLINE", "UNKNOWN"]


def test_the_paths_as_seen_from_the_other_end(api: TestClient, world: World) -> None:
    world.online()
    here, there = paths(api), paths(api, "east", "main")
    assert (there["from_cell"], there["to_cell"]) == ("east", "main")
    for one, other in zip(here["paths"], there["paths"], strict=True):
        assert (one["local_gateway"], one["remote_gateway"]) == (
            other["remote_gateway"],
            other["local_gateway"],
        )
        assert (one["name"], one["operating_status"]) == (other["name"], other["operating_status"])


def test_no_connection_is_no_path_and_no_error(api: TestClient, world: World) -> None:
    world.add_cells()
    assert paths(api)["paths"] == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("from=main&to=nowhere", "to: there is no cell 'nowhere'"),
        ("from=main&to=main", "name two cells"),
        ("from=main", "to"),
        ("from=main&to=east&colour=red", "unknown 'colour'"),
    ],
)
def test_bad_queries(api: TestClient, world: World, query: str, text: str) -> None:
    world.online()
    answer = api.get(f"/v1/paths?{query}")
    assert answer.status_code == 400
    assert text in answer.json()["errors"][0]["detail"]
