"""How every answer looks, and what bad input gets: 4xx with place and remedy, and nothing half-created."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from cellnet_core.northbound.envelope import Envelope
from tests.unit.manager.world import World


def check_error(answer: Any, status: int, code: str) -> str:
    """The answer is an error body as OpenStack's API-SIG has it; returns all details."""
    assert answer.status_code == status, answer.text
    errors = answer.json()["errors"]
    for error in errors:
        assert {"request_id", "code", "status", "title", "detail", "links"} <= set(error)
        assert error["status"] == status
        assert error["request_id"] == answer.headers["X-Openstack-Request-Id"]
        assert re.fullmatch(r"cell-network\.[a-z0-9._-]+", error["code"])
        assert error["detail"]
    assert errors[0]["code"] == f"cell-network.{code}"
    return "\n".join(error["detail"] for error in errors)


def test_discovery(api: TestClient) -> None:
    (version,) = api.get("/").json()["versions"]
    assert version == api.get("/v1/").json()["version"] == api.get("/v1").json()["version"]
    assert (version["id"], version["status"], version["min_version"]) == ("v1", "CURRENT", "1.1")


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        (None, "1.1"),
        ("cell-network 1.1", "1.1"),
        ("cell-network 1.2", "1.2"),
        ("cell-network latest", "1.2"),
        ("compute 2.90", "1.1"),
    ],
)
def test_microversions_that_are_spoken(api: TestClient, wanted: str | None, spoken: str) -> None:
    answer = api.get("/v1/cells", headers={"OpenStack-API-Version": wanted} if wanted else {})
    assert answer.status_code == 200
    assert answer.headers["OpenStack-API-Version"] == f"cell-network {spoken}"
    assert "OpenStack-API-Version" in answer.headers["Vary"]
    assert answer.headers["X-Openstack-Request-Id"].startswith("req-")


@pytest.mark.parametrize("path", ["/", "/v1/cells", "/v1/cells/nowhere", "/v1/cells?limit=0", "/metrics"])
def test_head_answers_as_get_without_what_it_brings(api: TestClient, path: str) -> None:
    found, asked = api.get(path), api.head(path)
    assert (asked.status_code, asked.content) == (found.status_code, b"")
    of_one_request = {"x-openstack-request-id", "content-length"}
    same = found.headers.items() - {
        (name, found.headers[name]) for name in of_one_request & set(found.headers)
    }
    assert same <= asked.headers.items()


def test_no_body_leaves_for_head_whatever_the_server_makes_of_it() -> None:
    sent: list[Message] = []

    async def brings(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["method"] == "GET"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"what it brings"})

    async def nothing() -> Message:
        return {"type": "http.request", "body": b""}

    async def taken(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/v1/cells", "query_string": b"", "headers": []}
    asyncio.run(Envelope(brings)(scope, nothing, taken))
    assert [each.get("body") for each in sent] == [None, b""]


@pytest.mark.parametrize("path", ["/v1/events/stream", "/v1/agents/main/main-gw1/intent"])
def test_head_does_not_wait_for_things_to_happen(api: TestClient, path: str) -> None:
    assert api.head(path).status_code == 405


def test_what_a_later_version_brought_is_not_just_unknown(api: TestClient) -> None:
    body = {"cell": {"name": "west", "asn": 65003, "tags": ["a"]}}
    detail = check_error(api.post("/v1/cells", json=body), 400, "request.unknown_field")
    assert detail.endswith(
        "'tags' came with version 1.2: ask for it by OpenStack-API-Version: cell-network 1.2"
    )
    detail = check_error(api.delete("/v1/cells/main?dry_run=true"), 400, "request.unknown_query")
    assert "known are none; 'dry_run' came with version 1.2: ask" in detail
    detail = check_error(api.delete("/v1/cells/main?dry=true"), 400, "request.unknown_query")
    assert detail == "unknown 'dry'; known are none"


@pytest.mark.parametrize("wanted", ["cell-network 1.3", "cell-network 2.0", "cell-network 1.0"])
def test_microversions_out_of_range(api: TestClient, wanted: str) -> None:
    answer = api.get("/v1/cells", headers={"OpenStack-API-Version": wanted})
    check_error(answer, 406, "version.unsupported")
    assert answer.json()["errors"][0]["min_version"] == "1.1"
    assert answer.json()["errors"][0]["max_version"] == "1.2"


@pytest.mark.parametrize("wanted", ["cell-network one", "cell-network", "cell-network 1"])
def test_microversions_that_are_none(api: TestClient, wanted: str) -> None:
    check_error(api.get("/v1/cells", headers={"OpenStack-API-Version": wanted}), 400, "version.malformed")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "request.unknown_address"),
        ("GET", "/v2/cells", 404, "request.unknown_address"),
        ("GET", "/v1/cells/nowhere", 404, "cell.not_found"),
        ("GET", "/v1/endpoints/nowhere", 404, "endpoint.not_found"),
        ("GET", "/v1/connections/nowhere", 404, "connection.not_found"),
        ("GET", "/v1/connections/nowhere/sessions", 404, "connection.not_found"),
        ("GET", "/v1/events/7", 404, "event.not_found"),
        ("GET", "/v1/events/x", 404, "request.unknown_address"),
        ("GET", "/v1/agents/main/gw9", 404, "agent.not_found"),
        ("GET", "/v1/agents/nowhere/gw1/intent", 404, "cell.not_found"),
        ("DELETE", "/v1/connections/nowhere", 404, "connection.not_found"),
        ("PATCH", "/v1/cells", 405, "request.method_not_allowed"),
        ("DELETE", "/v1/connections", 405, "request.method_not_allowed"),
        ("POST", "/v1/events", 405, "request.method_not_allowed"),
        ("PATCH", "/v1/events/x", 405, "request.method_not_allowed"),
        ("PATCH", "/v1/endpoints/x", 404, "request.unknown_address"),  # it came with a later version
        ("GET", "/v1/cells?colour=red", 400, "request.unknown_query"),
        ("GET", "/v1/cells/main?x=1", 400, "request.unknown_query"),
        ("DELETE", "/v1/connections/x?force=true", 404, "connection.not_found"),
        ("DELETE", "/v1/connections/x?force=perhaps", 400, "request.invalid_query"),
        ("DELETE", "/v1/connections/x?violence=true", 400, "request.unknown_query"),
        ("GET", "/v1/cells?limit=0", 400, "request.invalid_query"),
        ("GET", "/v1/cells?limit=many", 400, "request.invalid_query"),
        ("GET", "/v1/cells?limit=100000", 400, "request.invalid_query"),
        ("GET", "/v1/cells?marker=nowhere", 400, "request.invalid_query"),
        ("GET", "/v1/cells?sort=colour", 400, "request.invalid_query"),
        ("GET", "/v1/cells?sort=name:up", 400, "request.invalid_query"),
        ("GET", "/v1/cells?asn=many", 400, "request.invalid_query"),
        ("GET", "/v1/events?marker=x", 400, "request.invalid_query"),
        ("GET", "/v1/connections?enabled=perhaps", 400, "request.invalid_query"),
        ("GET", "/v1/agents/main/main-gw1/intent?after=-2", 400, "request.invalid_query"),
        ("GET", "/v1/agents/main/main-gw1/intent?wait=nan", 400, "request.invalid_query"),
        ("GET", "/v1/agents/main/main-gw1/intent?waits=1", 400, "request.unknown_query"),
    ],
)
def test_addresses_methods_and_queries(
    world: World, api: TestClient, method: str, path: str, status: int, code: str
) -> None:
    world.add_cells()
    answer = api.request(method, path)
    check_error(answer, status, code)
    if status == 405:
        assert answer.headers["Allow"]
        assert method not in answer.headers["Allow"].split(", ")


def test_wrong_methods_are_told_all_right_ones(api: TestClient) -> None:
    assert api.post("/v1/cells/x").headers["Allow"] == "DELETE, GET, PATCH, PUT"


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b'{"cell":', {"Content-Type": "application/json"}, "request.malformed_json"),
        (b"cell", {"Content-Type": "application/json"}, "request.malformed_json"),
        (b'{"\xff": 1}', {"Content-Type": "application/json"}, "request.unreadable"),
        (b"[" * 100_000, {"Content-Type": "application/json"}, "request.unreadable"),
        (b"", {"Content-Type": "application/json"}, "request.body_missing"),
        (b"[]", {"Content-Type": "application/json"}, "request.body_not_object"),
        (b'"x"', {"Content-Type": "application/json"}, "request.body_not_object"),
        (b'{"cell": {}, "cell": {}}', {"Content-Type": "application/json"}, "request.malformed_json"),
        (b'{"cell": {"asn": NaN}}', {"Content-Type": "application/json"}, "request.malformed_json"),
        (
            b'{"cell": {"asn": 1%s}}' % (b"0" * 5000),
            {"Content-Type": "application/json"},
            "request.unreadable",
        ),
        (b'{"cell": {"name": "\\ud800"}}', {"Content-Type": "application/json"}, "request.invalid_field"),
        (b"{}", {"Content-Type": "application/json"}, "request.field_missing"),
        (b'{"cells": {}}', {"Content-Type": "application/json"}, "request.unknown_field"),
        (b'{"cell": 5}', {"Content-Type": "application/json"}, "request.invalid_field"),
        (b'{"cell": null}', {"Content-Type": "application/json"}, "request.invalid_field"),
    ],
)
def test_bodies_that_are_none(api: TestClient, content: bytes, headers: dict[str, str], code: str) -> None:
    check_error(api.post("/v1/cells", content=content, headers=headers), 400, code)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/xml", "multipart/form-data", "json", ""])
def test_bodies_of_another_kind(api: TestClient, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = api.post("/v1/cells", content=b'{"cell": {}}', headers=headers)
    assert "send a JSON object as application/json" in check_error(answer, 415, "request.media_type")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("", 200),
        ("text/html, application/*;q=0.5", 200),
        ("text/html", 406),
        ("application/json;q=0, */*", 406),
        ("*/*;q=0", 406),
        ("application/xml, text/*", 406),
    ],
)
def test_forms_of_answers(api: TestClient, accept: str, status: int) -> None:
    answer = api.get("/v1/cells", headers={"Accept": accept})
    if status == 406:
        check_error(answer, 406, "request.not_acceptable")
    assert answer.status_code == status


def test_nul_in_texts_is_refused(api: TestClient) -> None:
    answer = api.post("/v1/cells", json={"cell": {"name": "n", "asn": 1, "description": "a\x00b"}})
    check_error(answer, 400, "request.invalid_field")


def test_thousands_of_prefixes_are_refused_and_a_thousand_cost_little(api: TestClient) -> None:
    prefixes = [f"10.{n // 256}.{n % 256}.0/24" for n in range(1001)]
    answer = api.post("/v1/cells", json={"cell": {"name": "n", "asn": 1, "prefixes": prefixes}})
    assert "cell.prefixes" in check_error(answer, 400, "request.invalid_field")
    answer = api.post("/v1/cells", json={"cell": {"name": "n", "asn": 1, "prefixes": prefixes[:1000]}})
    assert answer.status_code == 201


def test_a_huge_body_without_a_length_is_refused(api: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = api.post("/v1/cells", content=pieces(), headers={"Content-Type": "application/json"})
    check_error(answer, 413, "request.too_large")


def test_a_huge_body_is_refused(api: TestClient) -> None:
    answer = api.post("/v1/cells", json={"cell": {"name": "x" * 2_000_000, "asn": 1}})
    check_error(answer, 413, "request.too_large")


CELL = {"name": "north", "asn": 65009}
ENDPOINT = {"name": "e", "cell": "main", "gateway": "main-gw1"}
CONNECTION = {"name": "c", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}


@pytest.mark.parametrize(
    ("resource", "changes", "status", "code", "says"),
    [
        (
            "cell",
            {"colour": "red"},
            400,
            "request.unknown_field",
            "cell: unknown 'colour'; known are name, asn",
        ),
        ("cell", {"name": None}, 400, "request.invalid_field", "cell.name"),
        ("cell", {"name": "no spaces"}, 400, "request.invalid_field", "letters, digits"),
        ("cell", {"name": "x\n"}, 400, "request.invalid_field", "letters, digits"),
        ("cell", {"name": "5d0f9c9e-6f0c-4c51-9a4e-0f6a5d1c0001"}, 400, "request.invalid_field", "UUID"),
        ("cell", {"asn": "65009"}, 400, "request.invalid_field", "cell.asn"),
        ("cell", {"asn": True}, 400, "request.invalid_field", "cell.asn"),
        ("cell", {"asn": 0}, 400, "request.invalid_field", "cell.asn"),
        ("cell", {"asn": 2**32}, 400, "request.invalid_field", "cell.asn"),
        ("cell", {"kind": "huge"}, 400, "request.invalid_field", "cell.kind"),
        ("cell", {"id": "x"}, 400, "request.invalid_field", "no UUID"),
        ("cell", {"prefixes": ["10.0.1.7/24"]}, 400, "request.invalid_field", "write 10.0.1.0/24"),
        ("cell", {"prefixes": "10.0.9.0/24"}, 400, "request.invalid_field", "cell.prefixes"),
        ("cell", {"prefixes": ["10.9.0.0/16", "10.9.1.0/24"]}, 400, "cell.prefix_overlap", "overlap"),
        ("cell", {"prefixes": ["10.0.0.0/8"]}, 409, "cell.prefix_overlap", "of cell main"),
        ("cell", {"name": "main"}, 409, "cell.name_in_use", "already"),
        ("cell", {"nova_cell_uuid": "00000000-0000-0000-0000-000000000000"}, 400, "cell.cell0", "cell0"),
        ("cell", {"id": "00000000-0000-0000-0000-000000000000"}, 400, "cell.cell0", "cell0"),
        ("endpoint", {"cell": "nowhere"}, 400, "endpoint.cell_unknown", "no cell 'nowhere'"),
        (
            "endpoint",
            {"gateway": "main-gw9"},
            409,
            "endpoint.agent_unknown",
            "main/main-gw9 has not reported",
        ),
        ("endpoint", {"interfaces": []}, 400, "request.invalid_field", "endpoint.interfaces"),
        ("endpoint", {"interfaces": [{"interface": "x y"}]}, 400, "request.invalid_field", "interfaces.0"),
        (
            "endpoint",
            {"interfaces": [{"interface": "wan1", "mtu": 9}]},
            400,
            "request.unknown_field",
            "endpoint.interfaces.0: unknown 'mtu'",
        ),
        (
            "endpoint",
            {"interfaces": [{"interface": "wan1", "addresses": ["172.16.1.1"]}]},
            400,
            "request.invalid_field",
            "endpoint.interfaces.0.addresses.0: '172.16.1.1' is no address with prefix length",
        ),
        (
            "endpoint",
            {"prefixes": ["10.0.1.0/24", "10.0.2.128/25"], "health_check_addresses": []},
            409,
            "cell.prefix_overlap",
            "of cell east",
        ),
        ("endpoint", {"asn": 65002}, 409, "endpoint.asn_mismatch", "is AS 65001, not 65002"),
        ("endpoint", {"name": "main-ep"}, 409, "endpoint.name_in_use", "already"),
        ("connection", {"remote_endpoint": "main-ep"}, 400, "connection.to_itself", "another cell"),
        ("connection", {"remote_endpoint": "x"}, 400, "connection.endpoint_unknown", "remote_endpoint"),
        ("connection", {"remote_endpoint": None}, 400, "request.invalid_field", "connection.remote_endpoint"),
        ("connection", {"families": ["ipx"]}, 400, "request.invalid_field", "connection.families.0"),
        ("connection", {"families": []}, 400, "request.invalid_field", "connection.families"),
        ("connection", {"hold_time": 2}, 400, "request.invalid_field", "connection.hold_time"),
        ("connection", {"hold_time": 9.5}, 400, "request.invalid_field", "connection.hold_time"),
        ("connection", {"hold_down": -1}, 400, "request.invalid_field", "connection.hold_down"),
        ("connection", {"hold_down": "3"}, 400, "request.invalid_field", "connection.hold_down"),
        ("connection", {"enabled": "yes"}, 400, "request.invalid_field", "connection.enabled"),
        ("connection", {"state": "ACTIVE"}, 400, "request.unknown_field", "unknown 'state'"),
    ],
)
def test_bad_input_names_place_and_remedy_and_leaves_nothing(
    two_endpoints: tuple[World, TestClient],
    resource: str,
    changes: dict[str, Any],
    status: int,
    code: str,
    says: str,
) -> None:
    _, api = two_endpoints
    before = {name: api.get(f"/v1/{name}s").json() for name in ("cell", "endpoint", "connection", "event")}
    body = {"cell": CELL, "endpoint": ENDPOINT, "connection": CONNECTION}[resource] | changes
    details = check_error(api.post(f"/v1/{resource}s", json={resource: body}), status, code)
    assert says in details
    assert {name: api.get(f"/v1/{name}s").json() for name in before} == before


@pytest.fixture(scope="module")
def two_endpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, TestClient]:
    """Shared: what is refused changes nothing, and the test above proves that each time."""
    from cellnet_core.northbound.app import create_app

    world = World(tmp_path_factory.mktemp("bad-input") / "manager.db")
    world.add_cells()
    world.add_endpoints()
    return world, TestClient(create_app(world.manager), raise_server_exceptions=False)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    [
        *("name", "asn", "cell", "gateway", "interfaces", "prefixes", "health_check_addresses", "id", "kind"),
        *("local_endpoint", "remote_endpoint", "families", "hold_time", "hold_down", "enabled"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["cell", "endpoint", "connection"]), st.dictionaries(fields, json_values, max_size=6))
def test_no_body_makes_the_manager_fail(
    two_endpoints: tuple[World, TestClient], resource: str, body: dict[str, Any]
) -> None:
    answer = two_endpoints[1].post(f"/v1/{resource}s", json={resource: body})
    assert answer.status_code in (400, 409), answer.text


def test_the_api_describes_itself(api: TestClient) -> None:
    document = api.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"
            assert "422" not in operation["responses"]
            assert "400" in operation["responses"]
