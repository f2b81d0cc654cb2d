"""Who changed what: one record for each object of a change, in the change's own transaction."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from cellnet_core.manager.caller import CALLER, Caller
from cellnet_core.store import audit, cells
from tests.unit.access.conftest import Connect
from tests.unit.manager.world import World

CELL = {"name": "west", "asn": 65003, "prefixes": ["10.0.3.0/24"]}


@pytest.fixture
def admin(connect: Connect) -> TestClient:
    return connect("admin")


def records(admin: TestClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.get(f"/v1/audit{query}").json()["audit"]
    return found


def test_every_table_is_audited_or_follows_from_others() -> None:
    assert audit.tables() == set(audit.RESOURCES) | audit.DERIVED
    assert not set(audit.RESOURCES) & audit.DERIVED


def test_a_life_of_a_cell(admin: TestClient) -> None:
    made = admin.post("/v1/cells", json={"cell": CELL})
    admin.put("/v1/cells/west", json={"cell": CELL | {"asn": 65004, "description": "new"}})
    admin.put("/v1/cells/west", json={"cell": CELL | {"asn": 65004, "description": "new"}})  # no change
    admin.delete("/v1/cells/west")
    created, updated, deleted = records(admin)
    assert created["user"] == "user-admin"
    assert created["roles"] == ["admin", "manager", "member", "reader"]
    assert (created["method"], created["path"], created["action"]) == ("POST", "/v1/cells", "created")
    assert created["request_id"] == made.headers["X-Openstack-Request-Id"]
    assert (created["resource_type"], created["resource_name"]) == ("cell", "west")
    assert created["resource_id"] == made.json()["cell"]["id"]
    assert (created["revision_before"], created["revision_after"]) == (None, 1)
    assert (updated["revision_before"], updated["revision_after"]) == (1, 2)
    assert updated["changed"] == {
        "asn": {"before": 65003, "after": 65004},
        "description": {"before": "", "after": "new"},
    }
    assert (deleted["action"], deleted["revision_before"], deleted["revision_after"]) == ("deleted", 2, None)


def test_every_object_of_a_change_has_its_record(world: World, admin: TestClient) -> None:
    world.add_endpoints()
    world.connect()
    assert records(admin) == [], "what nobody asked for by the API is nobody's"
    body = {"name": "main-ep", "cell": "main", "prefixes": ["10.0.1.0/25", "fdce:11:0:1::/64"]}
    assert admin.put("/v1/endpoints/main-ep", json={"endpoint": body}).status_code == 200
    kinds = {(r["resource_type"], r["resource_name"]): r for r in records(admin)}
    assert set(kinds) == {("endpoint", "main-ep"), ("connection", "main-east")}
    endpoint = kinds["endpoint", "main-ep"]
    assert endpoint["changed"]["prefixes"]["after"] == ["10.0.1.0/25", "fdce:11:0:1::/64"]
    connection = kinds["connection", "main-east"]
    assert (connection["revision_before"], connection["revision_after"]) == (1, 2)
    assert len({r["request_id"] for r in kinds.values()}) == 1


def test_deleting_a_connection_is_its_change_not_the_agents(world: World, admin: TestClient) -> None:
    world.add_endpoints()
    world.connect()
    world.obey()
    assert admin.delete("/v1/connections/main-east").status_code == 202
    world.obey()  # both report it gone; the monitor forgets it
    (record,) = records(admin)
    assert (record["action"], record["changed"]["deleting"]["after"]) == ("updated", True)


def test_what_is_refused_or_rolled_back_leaves_nothing(world: World, admin: TestClient) -> None:
    admin.post("/v1/cells", json={"cell": CELL | {"name": "main"}})
    admin.post("/v1/cells", json={"cell": {"name": "x"}})
    admin.delete("/v1/cells/nowhere")
    assert records(admin) == []
    caller = Caller("alice", ("admin",), "POST", "/v1/cells", "req-1")
    token = CALLER.set(caller)
    with pytest.raises(RuntimeError):
        _change_and_fail(world)
    CALLER.reset(token)
    assert records(admin) == []


def _change_and_fail(world: World) -> None:
    with world.manager.context.change("req-1") as change:
        main = cells.find(change.session, "main")
        assert main is not None
        cells.save(change.session, replace(main, description="changed", revision_number=2))
        raise RuntimeError


def test_enrolments_are_audited_without_their_secrets(admin: TestClient) -> None:
    token = admin.post("/v1/agents/main/main-gw1/enrolment", json={}).json()["enrolment"]["token"]
    admin.delete("/v1/agents/main/main-gw1/credential")
    given_out, voided = records(admin)
    assert given_out["action"] == "issued"
    assert given_out["resource_id"] == voided["resource_id"]
    assert {r["resource_type"] for r in (given_out, voided)} == {"agent credential"}
    assert token.rsplit(".", 1)[1] not in admin.get("/v1/audit").text + admin.get("/v1/events").text
    admin.delete("/v1/cells/main")
    assert [r["action"] for r in records(admin)][2:] == ["deleted", "deleted"]


def test_filters_pages_and_one_record(admin: TestClient) -> None:
    for number in range(5):
        admin.put(f"/v1/cells/{uuid.UUID(int=100 + number)}", json={"cell": {"name": f"c{number}", "asn": 1}})
    first = admin.get("/v1/audit?limit=2").json()
    (link,) = first["audit_links"]
    second = admin.get(link["href"].removeprefix("http://testserver")).json()
    assert [r["resource_name"] for r in first["audit"] + second["audit"]] == ["c0", "c1", "c2", "c3"]
    assert [r["resource_name"] for r in records(admin, "?sort=id:desc&limit=1")] == ["c4"]
    assert [r["resource_name"] for r in records(admin, "?resource_name=c3&user=user-admin")] == ["c3"]
    assert records(admin, "?user=nobody") == []
    one = first["audit"][0]
    assert admin.get(f"/v1/audit/{one['id']}").json()["audit_record"] == one
    assert admin.get("/v1/audit/999").status_code == 404
    assert admin.get("/v1/audit?colour=red").status_code == 400
