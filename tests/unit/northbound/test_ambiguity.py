"""What could be taken for two things, or lies at the edge of a type: refused with a remedy, never a 5xx."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.manager.world import World
from tests.unit.northbound.test_conventions import check_error

LATEST = {"OpenStack-API-Version": "cell-network latest"}
CELL = {"name": "west", "asn": 65003}
ENDPOINT = {"name": "main-ep", "cell": "main", "gateway": "main-gw1"}


def _cell(api: TestClient, **fields: Any) -> Any:
    return api.post("/v1/cells", json={"cell": CELL | fields})


@pytest.mark.parametrize(
    "kind", ["cells", "endpoints", "connections", "profiles", "events", "audit", "drifts"]
)
def test_a_sort_of_thousands_of_fields(api: TestClient, kind: str) -> None:
    """A database takes only so many, and would fail."""
    answer = api.get(f"/v1/{kind}?sort={','.join(['id'] * 2000)}", headers=LATEST)
    assert "name each field once" in check_error(answer, 400, "request.invalid_query")


@pytest.mark.parametrize("query", ["limit=1&limit=2", "name=a&name=b", "dry_run=false&dry_run=true"])
def test_a_query_that_says_one_thing_twice(api: TestClient, query: str) -> None:
    method = "POST" if "dry_run" in query else "GET"
    answer = api.request(method, f"/v1/cells?{query}", json={"cell": CELL} if method == "POST" else None)
    assert "more than once" in check_error(answer, 400, "request.invalid_query")


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00%2B23:59", "0001-01-01", "9999-12-31"]
)
@pytest.mark.parametrize("field", ["events?time", "audit?time", "drifts?found_at"])
def test_moments_at_the_end_of_the_calendar(api: TestClient, field: str, moment: str) -> None:
    answer = api.get(f"/v1/{field}=gt:{moment}", headers=LATEST)
    assert answer.status_code == (400 if ":" in moment else 200), answer.text


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("0.0.0.0/0", "as 0.0.0.0/8 cannot"),
        ("::/0", "as ::/127 cannot"),
        ("0.0.0.0/8", "cannot be routed"),
        ("::ffff:10.0.0.0/104", "as ::ffff:"),
        ("240.0.0.0/4", "cannot be routed"),
        ("255.255.255.255/32", "cannot be routed"),
        ("128.0.0.0/1", "cannot be routed"),
        ("fe80::/64", "cannot be routed"),
        ("fdce:11::%eth0/64", "is no IPv4 or IPv6 prefix"),
    ],
)
def test_prefixes_that_no_cell_can_have(api: TestClient, prefix: str, why: str) -> None:
    answer = _cell(api, prefixes=[prefix])
    assert why in check_error(answer, 400, "request.invalid_field")


@pytest.mark.parametrize(
    "address",
    ["::ffff:10.0.0.1/126", "240.0.0.1/30", "0.1.2.3/8", "fe80::1%x/64"],
)
def test_addresses_that_no_port_can_have(world: World, api: TestClient, address: str) -> None:
    world.add_cells()
    ports = [{"interface": "wan1", "addresses": [address]}]
    answer = api.post("/v1/endpoints", json={"endpoint": {**ENDPOINT, "interfaces": ports}})
    check_error(answer, 400, "request.invalid_field")


@pytest.mark.parametrize("asn", [0, 23_456, 65_535, 4_294_967_295])
def test_reserved_as_numbers(api: TestClient, asn: int) -> None:
    check_error(_cell(api, asn=asn), 400, "request.invalid_field")


def test_a_chosen_id_written_in_another_way_is_the_same(api: TestClient) -> None:
    chosen = uuid.UUID("0000abcd-0000-0000-0000-00000000abcd")
    first = api.put(f"/v1/cells/{chosen}", json={"cell": CELL})
    assert first.status_code == 201
    for written in (chosen.hex, str(chosen).upper(), f"{{{chosen}}}", chosen.urn):
        again = api.put(f"/v1/cells/{written}", json={"cell": CELL})
        assert (again.status_code, again.json()) == (200, first.json()), written


def test_two_revisions_are_expected_of_no_object(api: TestClient) -> None:
    _cell(api)
    twice = [("If-Match", "revision_number=1"), ("If-Match", "revision_number=2")]
    answer = api.put("/v1/cells/west", json={"cell": CELL | {"description": "new"}}, headers=twice)
    check_error(answer, 400, "request.if_match")
    assert api.get("/v1/cells/west").json()["cell"]["revision_number"] == 1


@pytest.mark.parametrize("coding", ["gzip", "br", "x", "identity, gzip"])
def test_bodies_in_a_coding_that_nobody_undoes(api: TestClient, coding: str) -> None:
    answer = api.post("/v1/cells", json={"cell": CELL}, headers={"Content-Encoding": coding})
    assert "send the body as it is" in check_error(answer, 415, "request.media_type")


@pytest.mark.parametrize("said", ["1.+2", "1. 2", "-1.1", "1.2, cell-network 1.1", "1.1,cell-network latest"])
def test_versions_that_two_readers_take_for_two(api: TestClient, said: str) -> None:
    answer = api.get("/v1/cells", headers={"OpenStack-API-Version": f"cell-network {said}"})
    check_error(answer, 400, "version.malformed")


@pytest.mark.parametrize("number", ["932090595169369063424", str(2**63), "-1", "9" * 4000])
@pytest.mark.parametrize("kind", ["events", "audit"])
def test_numbers_that_no_database_takes(api: TestClient, kind: str, number: str) -> None:
    check_error(api.get(f"/v1/{kind}/{number}"), 404, "request.unknown_address")


@pytest.mark.parametrize("wrong", [100, 101, 5000])
def test_of_very_many_problems_the_number_is_told(api: TestClient, wrong: int) -> None:
    errors = _cell(api, prefixes=["::/128"] * wrong).json()["errors"]
    listed = [entry for entry in errors if "cannot be routed" in entry["detail"]]
    assert len(listed) == 100
    assert [entry["detail"] for entry in errors[100:]] == (
        [f"{wrong - 100} more problems are not listed: put these right first"] if wrong > 100 else []
    )
