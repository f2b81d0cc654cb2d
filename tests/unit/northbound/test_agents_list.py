"""The list of agents has pages and filters like all lists."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.unit.manager.world import World
from tests.unit.northbound.test_conventions import check_error

LATEST = {"OpenStack-API-Version": "cell-network latest"}
ALL = ["east/east-gw1", "main/main-gw1", "main/main-gw2", "main/main-gw3"]


def _meet(world: World, api: TestClient) -> None:
    world.add_cells()
    for place in ALL:
        assert api.get(f"/v1/agents/{place}/intent").status_code in (200, 204)


def _places(api: TestClient, query: str) -> tuple[list[str], str | None]:
    document = api.get(f"/v1/agents{query}", headers=LATEST).json()
    links = [link["href"].removeprefix("http://testserver/v1/agents") for link in document["agents_links"]]
    return [f"{a['cell']}/{a['gateway']}" for a in document["agents"]], (links or [None])[0]


def test_pages_neither_overlap_nor_skip(world: World, api: TestClient) -> None:
    _meet(world, api)
    seen: list[str] = []
    query: str | None = "?limit=1"
    while query is not None:
        found, query = _places(api, query)
        assert len(found) == 1
        seen += found
    assert seen == ALL


def test_filters(world: World, api: TestClient) -> None:
    _meet(world, api)
    assert _places(api, "?cell=main&limit=2") == (ALL[1:3], "?cell=main&limit=2&marker=main%2Fmain-gw2")
    assert _places(api, "?gateway=in:main-gw3,east-gw1") == ([ALL[0], ALL[3]], None)
    assert _places(api, "?cell=neq:main") == ([ALL[0]], None)


def test_what_is_no_marker_or_unknown(world: World, api: TestClient) -> None:
    _meet(world, api)
    for marker in ("main", "main/nobody", "/", "x/main-gw1"):
        answer = api.get(f"/v1/agents?marker={marker}", headers=LATEST)
        assert "start without a marker" in check_error(answer, 400, "request.invalid_query")
    check_error(api.get("/v1/agents?sort=cell", headers=LATEST), 400, "request.unknown_query")


def test_the_oldest_version_has_all_and_knows_no_page(world: World, api: TestClient) -> None:
    _meet(world, api)
    assert set(api.get("/v1/agents").json()) == {"agents"}
    check_error(api.get("/v1/agents?limit=1"), 400, "request.unknown_query")
