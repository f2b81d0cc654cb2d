"""The OpenAPI document has an example for every address, taken from real answers and valid by its own schema.

`CELLNET_UPDATE_GOLDEN=1` with this test takes the examples anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from cellnet_core.model.wire import DriftReport
from cellnet_core.northbound.app import create_app
from tests.unit.manager.world import MAIN, World, obey

Examples = dict[str, dict[str, Any]]
FILE = Path(str(files("cellnet_core.northbound").joinpath("examples.json")))
WITHOUT = {
    "GET /metrics": "text for Prometheus",
    "GET /v1/events/stream": "a stream",
    "PUT /v1/agents/{cell}/{gateway}/credential": "between agent and manager, proved by a token",
}
"""Addresses without a JSON answer that could be shown, and why."""
SECRET = "the one-time token, shown once"


class Recorder:
    """Asks, and keeps the first of each kind."""

    def __init__(self, api: TestClient, document: dict[str, Any]) -> None:
        self.api = api
        self.found: Examples = {}
        self._templates = {
            path: re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", path) + "$") for path in document["paths"]
        }

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.api.request(method, path, json=body, **options)
        assert answer.status_code < 300, answer.text
        template = next(
            found
            for found in sorted(self._templates, key=lambda t: t.count("{"))
            if self._templates[found].match(path.partition("?")[0])
        )
        shown = answer.json() if answer.content else None
        example = {} if body is None else {"request": body}
        if shown is not None:
            example["response"] = shown
        self.found.setdefault(f"{method} {template}", example)
        return shown


def tell(world: World, api: TestClient) -> Examples:
    """From nothing to a connection, everything that can be asked of it, and back."""
    document = api.get("/v1/openapi.json").json()
    asking = Recorder(api, document)
    ask = asking.ask
    ask("GET", "/")
    ask("GET", "/v1/")
    for name, asn, kind, prefixes in (
        ("main", 65001, "main", MAIN.prefixes),
        ("east", 65002, "sub", ("10.0.2.0/24", "fdce:11:0:2::/64")),
    ):
        fields = {"name": name, "asn": asn, "kind": kind, "prefixes": list(prefixes)}
        ask("POST", "/v1/cells", {"cell": {**fields, "tags": ["production"]}})
    world.obey()
    north = f"/v1/cells/{uuid4()}"
    ask("PUT", north, {"cell": {"name": "north", "asn": 65009, "drift_policy": "repair"}})
    ask("PATCH", north, {"cell": {"description": "opens in May"}})
    ask("DELETE", north)
    ask("POST", "/v1/endpoints", {"endpoint": {"name": "main-ep", "cell": "main"}})
    east = f"/v1/endpoints/{uuid4()}"
    ask("PUT", east, {"endpoint": {"name": "east-ep", "cell": "east"}})
    ask("PATCH", east, {"endpoint": {"tags": ["production"]}})
    profile = {"name": "fast", "hold_time": 3, "prefix_limits": {"ipv4": 1000}, "password": "write-only"}
    ask("POST", "/v1/profiles", {"profile": profile})
    ask("PUT", "/v1/profiles/fast", {"profile": {"name": "fast", "hold_time": 3, "password": None}})
    ask("PATCH", "/v1/profiles/fast", {"profile": {"health_interval": 0.5}})
    wanted = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    ask("POST", "/v1/connections", {"connection": {**wanted, "profile": "fast"}})
    ask("PUT", "/v1/connections/main-east", {"connection": {**wanted, "profile": "default"}})
    ask("PATCH", "/v1/connections/main-east", {"connection": {"hold_time": 6}})
    ask("PATCH", "/v1/connections/main-east", {"connection": {"hold_time": None}})
    ask("DELETE", "/v1/profiles/fast")
    world.obey()
    operation = ask("POST", "/v1/connections/main-east/actions", {"refresh": {"path": "main-east-1"}})
    drift = DriftReport(
        id="1",
        driver="openflow",
        kind="flow",
        object="flow 10/192 10.0.2.0/24",
        desired="present, as the intent has it",
        observed="missing (wanted, and not there)",
        action="repair",
        found_s=1.2,
        over_s=1.1,
    )
    world.sequence += 1
    report = obey(world.intent("main"), MAIN, world.sequence, "life-1")
    report = report.model_copy(update={"drifts": (drift,), "reconcile_s": 0.012})
    ask("PUT", "/v1/agents/main/main-gw1/report", report.model_dump(mode="json"))
    ask("GET", f"/v1/operations/{operation['operation']['id']}")
    found = ask("GET", "/v1/drifts?limit=1")["drifts"][0]
    ask("GET", f"/v1/drifts/{found['id']}")
    for resource, name in (
        *(("cells", "main"), ("endpoints", "main-ep"), ("profiles", "default")),
        *(("connections", "main-east"), ("events", "1"), ("audit", "1")),
    ):
        ask("GET", f"/v1/{resource}?limit=1")
        ask("GET", f"/v1/{resource}/{name}")
    ask("GET", "/v1/operations?limit=1")
    ask("GET", "/v1/connections/main-east/sessions")
    ask("GET", "/v1/topology")
    ask("GET", "/v1/paths?from=main&to=east")
    ask("GET", "/v1/agents")
    ask("GET", "/v1/agents/main/main-gw1")
    ask("GET", "/v1/agents/main/main-gw1/intent?after=-1")
    token = ask("POST", "/v1/agents/main/main-gw1/enrolment", {"enrolment": {"life": 3600}})
    token["enrolment"]["token"] = SECRET
    ask("DELETE", "/v1/agents/main/main-gw1/credential")
    ask("DELETE", "/v1/connections/main-east")
    world.obey()
    ask("DELETE", "/v1/endpoints/east-ep")
    # An agent that keeps another history is rare; its action answers with the agent.
    asking.found["POST /v1/agents/{cell}/{gateway}/actions"] = {
        "request": {"confirm": {}},
        "response": asking.found["GET /v1/agents/{cell}/{gateway}"]["response"],
    }
    return asking.found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Examples, dict[str, Any]]]:
    """The story's examples, and the document."""
    world = World(tmp_path_factory.mktemp("examples") / "manager.db")
    api = TestClient(create_app(world.manager), headers={"OpenStack-API-Version": "cell-network latest"})
    examples = tell(world, api)
    if os.environ.get("CELLNET_UPDATE_GOLDEN"):
        FILE.write_text(json.dumps(examples, indent=1, sort_keys=True) + "\n")
    yield examples, api.get("/v1/openapi.json").json()
    world.manager.context.database.close()


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is sent and what comes back when all is well, as far as it is JSON."""
    if "requestBody" in operation:
        yield "request", operation["requestBody"]["content"]["application/json"]
    for status, answer in operation["responses"].items():
        if status < "300" and "application/json" in answer.get("content", {}):
            yield "response", answer["content"]["application/json"]


def test_every_address_has_an_example_that_is_valid(told: tuple[Examples, dict[str, Any]]) -> None:
    _, document = told
    for name, operation in _operations(document):
        if name in WITHOUT:
            continue
        for part, content in _contents(operation):
            assert "example" in content, f"{name} has no example of its {part}"
            schema = {**content["schema"], "components": document["components"]}
            problems = [e.message for e in Draft202012Validator(schema).iter_errors(content["example"])]
            assert problems == [], f"{name}: {part}"


def test_a_planted_wrong_example_is_noticed(told: tuple[Examples, dict[str, Any]]) -> None:
    _, document = told
    content = document["paths"]["/v1/cells"]["post"]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": document["components"]}
    wrong = {"cell": {"name": "main", "asn": "many"}}
    assert list(Draft202012Validator(schema).iter_errors(wrong))


def test_examples_have_the_fields_that_answers_have(told: tuple[Examples, dict[str, Any]]) -> None:
    examples, _ = told
    kept: Examples = json.loads(FILE.read_text())
    assert kept.keys() == examples.keys()

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shape(entry) for name, entry in value.items() if name not in ("detail", "changed")}
        return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__

    for name, example in examples.items():
        assert shape(example) == shape(kept[name]), f"{name}: take the examples anew"
