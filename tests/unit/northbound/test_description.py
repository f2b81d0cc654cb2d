"""What the OpenAPI document says of every address: who may ask, and how each refusal looks."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from cellnet_core.northbound import description
from cellnet_core.northbound.access.policies import RULES


@pytest.fixture
def document(api: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/v1/openapi.json").json()
    return found


def unexplained(document: dict[str, Any]) -> list[str]:
    """Refusals without an example that their schema allows and that says their status."""
    found = []
    for method, path, operation in description.operations(document):
        for status, answer in operation["responses"].items():
            if status < "400":
                continue
            content = answer["content"]["application/json"]
            schema = {**content["schema"], "components": document["components"]}
            example = content.get("example", {})
            said = [error.get("status") for error in example.get("errors", ())]
            if said != [int(status)] or list(Draft202012Validator(schema).iter_errors(example)):
                found.append(f"{method} {path} {status}")
    return found


def test_every_refusal_has_an_example(document: dict[str, Any]) -> None:
    assert unexplained(document) == []


def test_a_refusal_without_example_is_seen(document: dict[str, Any]) -> None:
    broken = copy.deepcopy(document)
    del broken["paths"]["/v1/cells"]["get"]["responses"]["503"]["content"]["application/json"]["example"]
    assert unexplained(broken) == ["GET /v1/cells 503"]


def test_who_may_ask_is_said_of_every_address(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["token"]["name"] == "X-Auth-Token"
    said = {(m, p): operation["security"] for m, p, operation in description.operations(document)}
    assert said["GET", "/v1/cells"] == [{"token": []}, {}], "none is needed on the unix socket"
    assert said["PUT", "/v1/agents/{cell}/{gateway}/report"] == [{"agent signature": []}, {}]
    open_to_all = {o for rule in RULES if rule.check == "rule:everybody" for o in rule.operations}
    assert {where for where, security in said.items() if not security} == open_to_all & set(said)
    assert {name for security in said.values() for each in security for name in each} == set(schemes)


def test_versions_and_request_ids_are_said_of_every_address(document: dict[str, Any]) -> None:
    for method, path, operation in description.operations(document):
        names = [each.get("$ref", "") for each in operation["parameters"]]
        assert "#/components/parameters/OpenStack-API-Version" in names, f"{method} {path}"
        for answer in operation["responses"].values():
            assert set(answer["headers"]) == {"X-Openstack-Request-Id", "OpenStack-API-Version"}


def test_the_document_is_the_same_however_often_it_is_asked_for(api: TestClient) -> None:
    assert api.get("/v1/openapi.json").json() == api.get("/v1/openapi.json").json()
