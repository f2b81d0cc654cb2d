"""The resources as a client sees them, from nothing to ONLINE and back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from starlette.testclient import TestClient

from cellnet_core.model.wire import IntentDocument
from tests.unit.manager.world import EAST, MAIN, World, obey


def post(api: TestClient, resource: str, **fields: Any) -> dict[str, Any]:
    answer = api.post(f"/v1/{resource}s", json={resource: fields})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()[resource]
    assert answer.headers["Location"] == created["links"][0]["href"]
    shown = api.get(answer.headers["Location"]).json()[resource]
    assert shown == created
    return created


def agents_obey(api: TestClient, sequence: int) -> None:
    """Both agents over the wire: ask, make so, report."""
    for cell, offers in (("main", MAIN), ("east", EAST)):
        answer = api.get(f"/v1/agents/{cell}/{cell}-gw1/intent", params={"after": -1})
        intent = IntentDocument.model_validate_json(answer.content)
        report = obey(intent, offers, sequence).model_dump(mode="json") | {"of_a_later_version": True}
        assert api.put(f"/v1/agents/{cell}/{cell}-gw1/report", json=report).status_code == 204


def test_from_nothing_to_online_and_back(world: World, api: TestClient) -> None:
    nova = str(uuid4())
    post(api, "cell", name="main", asn=65001, kind="main", nova_cell_uuid=nova, prefixes=list(MAIN.prefixes))
    post(api, "cell", name="east", asn=65002, prefixes=list(EAST.prefixes))
    assert api.get("/v1/cells/main").json()["cell"]["operating_status"] == "NO_MONITOR"
    agents_obey(api, 1)
    assert api.get(f"/v1/cells/{nova}").json()["cell"]["gateways"] == ["main-gw1"]
    endpoint = post(api, "endpoint", name="main-ep", cell=nova)
    assert endpoint["operating_status"] == "ONLINE"
    assert endpoint["interfaces"][0] == {"interface": "wan1", "addresses": list(MAIN.ports[0].addresses)}
    post(api, "endpoint", name="east-ep", cell="east")
    connection = post(api, "connection", name="c", local_endpoint="main-ep", remote_endpoint="east-ep")
    assert connection["provisioning_status"] == "PENDING_CREATE"
    assert [p["name"] for p in connection["paths"]] == ["main-east-1", "main-east-2"]
    agents_obey(api, 2)
    shown = api.get("/v1/connections/c").json()["connection"]
    assert (shown["provisioning_status"], shown["operating_status"]) == ("ACTIVE", "ONLINE")
    assert {(h["cell"], h["family"]) for h in shown["health"]} == {
        (cell, family) for cell in ("main", "east") for family in ("ipv4", "ipv6")
    }
    sessions = api.get("/v1/connections/c/sessions").json()["sessions"]
    assert [(s["path"], s["cell"], s["bgp_state"], s["operating_status"]) for s in sessions] == [
        (path, cell, "ESTABLISHED", "ONLINE")
        for path in ("main-east-1", "main-east-2")
        for cell in ("main", "east")
    ]
    assert api.delete("/v1/cells/main").status_code == 409
    assert api.delete("/v1/endpoints/main-ep").status_code == 409
    assert api.delete("/v1/connections/c").status_code == 202
    assert api.get("/v1/connections/c").json()["connection"]["provisioning_status"] == "PENDING_DELETE"
    agents_obey(api, 3)
    assert api.get("/v1/connections/c").status_code == 404
    for path in ("endpoints/main-ep", "endpoints/east-ep", "cells/main", "cells/east"):
        assert api.delete(f"/v1/{path}").status_code == 204
    types = [event["type"] for event in api.get("/v1/events").json()["events"]]
    assert types[-5:-4] == ["connection.deleted"]
    assert "connection.operating_status" in types


def test_sessions_of_a_silent_agent_are_unknown_with_their_age(world: World, api: TestClient) -> None:
    world.online()
    world.clock.advance(60)
    for session in api.get("/v1/connections/main-east/sessions").json()["sessions"]:
        assert session["operating_status"] == "UNKNOWN"
        assert session["observed_age_s"] == 60
    agents = api.get("/v1/agents").json()["agents"]
    assert [(a["cell"], a["operating_status"], a["last_seen_age_s"]) for a in agents] == [
        ("east", "UNKNOWN", 60),
        ("main", "UNKNOWN", 60),
    ]


def test_cells_by_put_are_idempotent_and_guarded_by_revision(api: TestClient) -> None:
    identifier = str(uuid4())
    body = {"cell": {"name": "north", "asn": 65009}}
    first = api.put(f"/v1/cells/{identifier}", json=body)
    again = api.put(f"/v1/cells/{identifier}", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    changed = {"cell": {"name": "north", "asn": 65010}}
    answer = api.put("/v1/cells/north", json=changed, headers={"If-Match": "revision_number=1"})
    assert answer.json()["cell"]["revision_number"] == 2
    stale = api.put("/v1/cells/north", json=changed, headers={"If-Match": "revision_number=1"})
    assert stale.status_code == 412
    assert stale.json()["errors"][0]["code"] == "cell-network.revision.conflict"
    assert api.delete("/v1/cells/north", headers={"If-Match": "1"}).status_code == 412
    assert api.delete("/v1/cells/north", headers={"If-Match": "x"}).status_code == 400
    assert api.put("/v1/cells/nowhere", json=body).status_code == 404


def test_lists_have_pages_sorts_and_filters(api: TestClient) -> None:
    for number in range(5):
        post(api, "cell", name=f"c{number}", asn=65001 + number, kind="main" if number == 0 else "sub")
    found: list[str] = []
    url = "/v1/cells?limit=2&sort=asn:desc&kind=sub"
    while url:
        document = api.get(url).json()
        found += [cell["name"] for cell in document["cells"]]
        url = next((link["href"] for link in document["cells_links"] if link["rel"] == "next"), "")
    assert found == ["c4", "c3", "c2", "c1"]
    names = [c["name"] for c in api.get("/v1/cells?asn=gte:65003&name=neq:c3").json()["cells"]]
    assert names == ["c2", "c4"]


def test_an_agent_gets_204_when_there_is_nothing_newer(world: World, api: TestClient) -> None:
    world.add_cells()
    answer = api.get("/v1/agents/main/main-gw1/intent?after=0")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_report_that_is_none_is_refused_with_its_place(world: World, api: TestClient) -> None:
    world.add_cells()
    report = obey(None, MAIN, 1).model_dump(mode="json")
    report["inventory"].pop("asn")
    answer = api.put("/v1/agents/main/main-gw1/report", json=report)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["detail"] == "inventory.asn is missing"
