"""Replacing endpoints, and forgetting connections whose agents are gone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.manager.world import World
from tests.unit.northbound.test_conventions import check_error


def _put(api: TestClient, reference: str, revision: int | None = None, **fields: Any) -> Any:
    headers = {} if revision is None else {"If-Match": f"revision_number={revision}"}
    return api.put(f"/v1/endpoints/{reference}", json={"endpoint": fields}, headers=headers)


def test_an_endpoint_by_a_chosen_id_is_made_once(world: World, api: TestClient) -> None:
    world.add_cells()
    world.obey()
    chosen = str(uuid.uuid4())
    first = _put(api, chosen, name="main-ep", cell="main")
    assert first.status_code == 201
    assert first.headers["Location"].endswith(f"/v1/endpoints/{chosen}")
    events = world.event_types()
    again = _put(api, chosen, name="main-ep", cell="main")
    assert again.status_code == 200
    assert again.json() == first.json()
    assert world.event_types() == events
    check_error(_put(api, str(uuid.uuid4()), name="main-ep", cell="main"), 409, "endpoint.name_in_use")
    check_error(_put(api, str(uuid.uuid4()), 1, name="x", cell="main"), 404, "endpoint.not_found")
    check_error(_put(api, "a-name", name="a-name", cell="main"), 404, "endpoint.not_found")


def test_a_lost_update_of_an_endpoint_is_refused(world: World, api: TestClient) -> None:
    world.add_cells()
    world.add_endpoints()
    renamed = _put(api, "main-ep", 1, name="main-edge", cell="main").json()["endpoint"]
    assert (renamed["name"], renamed["revision_number"]) == ("main-edge", 2)
    check_error(_put(api, "main-edge", 1, name="other", cell="main"), 412, "revision.conflict")
    check_error(_put(api, "main-edge", 2, name="x", cell="east"), 409, "endpoint.cell_fixed")


def test_what_a_used_endpoint_announces_is_a_new_revision_for_both_agents(
    world: World, api: TestClient
) -> None:
    world.online()
    before = {cell: world.intent(cell).generation for cell in ("main", "east")}
    shown = api.get("/v1/endpoints/main-ep").json()["endpoint"]
    wanted = {k: shown[k] for k in ("name", "cell", "gateway", "interfaces", "asn", "health_check_addresses")}
    prefixes = [*shown["prefixes"], "10.0.64.0/24"]
    assert _put(api, "main-ep", 1, **wanted, prefixes=prefixes).status_code == 200
    connection = api.get("/v1/connections/main-east").json()["connection"]
    assert (connection["revision_number"], connection["provisioning_status"]) == (2, "PENDING_UPDATE")
    assert "10.0.64.0/24" in world.intent("main").connections[0].prefixes
    assert "10.0.64.0/24" in world.intent("east").connections[0].remote.prefixes
    assert {cell: world.intent(cell).generation - n for cell, n in before.items()} == {"main": 1, "east": 1}
    world.obey()
    connection = api.get("/v1/connections/main-east").json()["connection"]
    assert (connection["provisioning_status"], connection["operating_status"]) == ("ACTIVE", "ONLINE")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"interfaces": [{"interface": "wan1"}]}, "endpoint.in_use"),
        ({"prefixes": ["10.0.1.0/24"], "health_check_addresses": ["10.0.1.11"]}, "connection.asymmetric"),
        ({"prefixes": ["10.0.0.0/22", "fdce:11:0:1::/64"]}, "cell.prefix_overlap"),
    ],
)
def test_what_would_break_a_connection_is_refused_and_changes_nothing(
    world: World, api: TestClient, changes: dict[str, Any], code: str
) -> None:
    world.online()
    told = world.intent("main"), world.intent("east")
    check_error(_put(api, "main-ep", 1, name="main-ep", cell="main", **changes), 409, code)
    assert (world.intent("main"), world.intent("east")) == told
    assert api.get("/v1/endpoints/main-ep").json()["endpoint"]["revision_number"] == 1


def test_a_connection_of_a_dead_cell_is_forgotten_by_force_only(world: World, api: TestClient) -> None:
    world.online()
    assert api.delete("/v1/connections/main-east").status_code == 202
    world.clock.advance(60)
    world.obey("main")  # east never answers again
    waiting = api.get("/v1/connections/main-east").json()["connection"]
    assert waiting["provisioning_status"] == "PENDING_DELETE"
    assert api.delete("/v1/endpoints/east-ep").status_code == 409
    answer = api.delete("/v1/connections/main-east?force=true", headers={"If-Match": "revision_number=1"})
    check_error(answer, 412, "revision.conflict")
    assert api.delete("/v1/connections/main-east?force=true").status_code == 204
    assert api.get("/v1/connections/main-east").status_code == 404
    assert api.delete("/v1/endpoints/east-ep").status_code == 204
    event = api.get("/v1/events?type=connection.deleted").json()["events"][-1]
    assert event["severity"] == "warning"
    assert event["detail"] == {"forced": True, "not_taken_down": ["east/east-gw1"]}


def test_agents_that_live_take_a_forgotten_connection_down(world: World, api: TestClient) -> None:
    world.online()
    before = world.intent("east").generation
    assert api.delete("/v1/connections/main-east?force=true").status_code == 204
    told = world.intent("east")
    assert (told.connections, told.confirmed_empty, told.generation) == ((), True, before + 1)
    world.obey()
    world.connect()
    world.obey()
    assert api.get("/v1/connections/main-east").json()["connection"]["operating_status"] == "ONLINE"
