"""What version 1.2 brought to all resources: tags, dry runs, PUT, names of cells. Absent below it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from tests.unit.manager.world import MAIN, World
from tests.unit.northbound.test_conventions import check_error


def test_below_it_nothing_of_it_is_there(world: World, api: TestClient) -> None:
    world.online()
    for path in ("profiles", "operations", "drifts", f"profiles/{uuid4()}"):
        check_error(api.get(f"/v1/{path}"), 404, "request.unknown_address")
    answer = api.post("/v1/connections/main-east/actions", json={"refresh": {}})
    check_error(answer, 404, "request.unknown_address")
    shown = api.get("/v1/connections/main-east").json()["connection"]
    assert {"profile", "tags", "timers"}.isdisjoint(shown)
    assert (shown["hold_time"], shown["graceful_restart_time"], shown["hold_down"]) == (9, 30, 3.0)
    assert [link["rel"] for link in shown["links"]] == ["self"]
    assert "drift_policy" not in api.get("/v1/cells/main").json()["cell"]
    for body in ({"tags": ["a"]}, {"drift_policy": "ignore"}):
        answer = api.put("/v1/cells/main", json={"cell": {"name": "main", "asn": 65001, **body}})
        check_error(answer, 400, "request.unknown_field")
    check_error(api.get("/v1/cells?tags=a"), 400, "request.unknown_query")
    check_error(api.delete("/v1/cells/main?dry_run=true"), 400, "request.unknown_query")
    assert api.delete("/v1/connections/main-east").content == b"null"


def test_tags_filter_lists(world: World, new: TestClient) -> None:
    for name, asn, tags in (("a", 65101, ["x", "y"]), ("b", 65102, ["y_1"]), ("c", 65103, [])):
        new.post("/v1/cells", json={"cell": {"name": name, "asn": asn, "tags": tags}})

    def named(query: str) -> list[str]:
        return [c["name"] for c in new.get(f"/v1/cells?{query}").json()["cells"]]

    assert named("tags=x,y") == ["a"]
    assert named("tags=in:x,y_1") == ["a", "b"]
    assert named("tags=y") == ["a"], "no part of another tag"
    assert named("tags=nin:x,y_1") == ["c", "east", "main"]
    check_error(new.get("/v1/cells?tags=gt:x"), 400, "request.invalid_query")
    check_error(new.get("/v1/cells?sort=tags"), 400, "request.invalid_query")
    answer = new.post("/v1/cells", json={"cell": {"name": "d", "asn": 1, "tags": ["no spaces"]}})
    check_error(answer, 400, "request.invalid_field")


def writes() -> list[tuple[str, str, dict[str, Any] | None, int]]:
    connection = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    return [
        ("POST", "cells", {"cell": {"name": "north", "asn": 65009}}, 201),
        ("PUT", f"cells/{UUID(int=7)}", {"cell": {"name": "north", "asn": 65009}}, 201),
        ("PUT", "cells/main", {"cell": {"name": "main", "asn": 65001, "description": "x"}}, 200),
        ("DELETE", "cells/main", None, 409),
        ("POST", "endpoints", {"endpoint": {"name": "more", "cell": "main"}}, 201),
        ("PUT", "connections/main-east", {"connection": {**connection, "hold_time": 30}}, 200),
        ("DELETE", "connections/main-east", None, 202),
        ("POST", "connections/main-east/actions", {"reset": {}}, 202),
        ("POST", "profiles", {"profile": {"name": "p"}}, 201),
        ("PATCH", "profiles/default", {"profile": {"hold_time": 30}}, 200),
        ("PATCH", "cells/main", {"cell": {"description": "x"}}, 200),
        ("PATCH", "endpoints/main-ep", {"endpoint": {"description": "x"}}, 200),
        ("PATCH", "connections/main-east", {"connection": {"hold_time": 30}}, 200),
    ]


@pytest.mark.parametrize(("method", "path", "body", "status"), writes())
def test_a_dry_run_answers_and_changes_nothing(
    world: World, new: TestClient, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    lists = ("cells", "endpoints", "connections", "profiles", "operations", "events")
    before = {name: new.get(f"/v1/{name}").json() for name in lists}
    told = {cell: world.intent(cell) for cell in ("main", "east")}
    answer = new.request(method, f"/v1/{path}?dry_run=true", json=body)
    assert answer.status_code == status, answer.text
    assert "Location" not in answer.headers
    assert {name: new.get(f"/v1/{name}").json() for name in lists} == before
    assert {cell: world.intent(cell) for cell in told} == told


def test_connections_by_put_are_idempotent(world: World, new: TestClient) -> None:
    new.delete("/v1/connections/main-east")
    world.obey()
    address = f"/v1/connections/{uuid4()}"
    body = {"connection": {"name": "again", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}}
    first, again = (new.put(address, json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["connection"]["id"] == again.json()["connection"]["id"] == address.split("/")[-1]


def test_cells_are_named_by_id_name_or_nova_uuid_everywhere(world: World, new: TestClient) -> None:
    nova = str(uuid4())
    body = {"name": "main", "asn": 65001, "kind": "main", "prefixes": list(MAIN.prefixes)}
    cell = new.put("/v1/cells/main", json={"cell": {**body, "nova_cell_uuid": nova}}).json()["cell"]
    for name in (cell["id"], "main", nova):
        assert new.get(f"/v1/cells/{name}").json()["cell"]["id"] == cell["id"]
        paths = new.get("/v1/paths", params={"from": name, "to": "east"}).json()
        assert (paths["from_cell"], paths["surviving_paths"]) == ("main", 2)
        paths = new.get("/v1/paths", params={"from": "east", "to": name}).json()
        assert paths["to_cell"] == "main"
        assert new.get(f"/v1/agents/{name}/main-gw1").json()["agent"]["cell"] == "main"
        assert new.get(f"/v1/agents/{name}/main-gw1/intent").status_code == 200
        endpoint = {"name": f"e-{name[:3]}", "cell": name}
        made = new.post("/v1/endpoints?dry_run=true", json={"endpoint": endpoint})
        assert made.json()["endpoint"]["cell"] == "main"
        same = new.put(f"/v1/cells/{name}", json={"cell": {**body, "nova_cell_uuid": nova}})
        assert same.json()["cell"]["revision_number"] == cell["revision_number"]
    zero = "00000000-0000-0000-0000-000000000000"
    refused = new.put(f"/v1/cells/{zero}", json={"cell": {"name": "cell0", "asn": 1}})
    check_error(refused, 400, "cell.cell0")
