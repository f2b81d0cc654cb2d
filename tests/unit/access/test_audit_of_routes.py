"""Whoever changes something by the API leaves a record: every route that is no GET is asked or excused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from cellnet_core.model import proof
from cellnet_core.model.wire import Position, ReportDocument
from cellnet_core.northbound import app
from tests.unit.manager.world import MAIN, World, obey

EXCUSED = {
    "PUT /v1/agents/{cell}/{gateway}/report": "what an agent sees is nobody's change",
}
GATEWAY = "/v1/agents/main/main-gw1"
JOINED = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}


def routes() -> set[str]:
    """All that may change something."""
    return {
        f"{method} {route.path}"
        for router in app.routers()
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods - {"GET", "HEAD"}
    }


class Story:
    """Asks, and keeps which route left how many records."""

    def __init__(self, world: World, api: TestClient) -> None:
        self.world = world
        self.api = api
        self.left: dict[str, int] = {}

    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get("/v1/audit?limit=1000").json()["audit"]
        return found

    def ask(self, route: str, path: str, body: Any = None) -> Any:
        before = len(self.records())
        answer = self.api.request(route.partition(" ")[0], path, json=body)
        assert answer.status_code < 300, f"{route}: {answer.text}"
        added = self.records()[before:]
        self.left[route] = len(added)
        asked = answer.headers["X-Openstack-Request-Id"]
        assert all((record["request_id"], record["path"]) == (asked, path) for record in added)
        return answer.json() if answer.content else None

    def tell(self) -> None:
        ask = self.ask
        for kind, singular, wanted in (
            ("cells", "cell", {"name": "west", "asn": 65003}),
            ("endpoints", "endpoint", {"name": "main-ep", "cell": "main"}),
            ("profiles", "profile", {"name": "fast"}),
        ):
            one = f"/v1/{kind}/{{{singular}}}"
            ask(f"POST /v1/{kind}", f"/v1/{kind}", {singular: wanted})
            name = wanted["name"]
            ask(f"PUT {one}", f"/v1/{kind}/{name}", {singular: wanted | {"description": "new"}})
            ask(f"PATCH {one}", f"/v1/{kind}/{name}", {singular: {"description": "newer"}})
            ask(f"DELETE {one}", f"/v1/{kind}/{name}")
        self.world.add_endpoints()
        ask("POST /v1/connections", "/v1/connections", {"connection": JOINED})
        self.world.obey()
        changed = {"connection": JOINED | {"description": "new"}}
        ask("PUT /v1/connections/{connection}", "/v1/connections/main-east", changed)
        changed = {"connection": {"description": "newer"}}
        ask("PATCH /v1/connections/{connection}", "/v1/connections/main-east", changed)
        acted = "POST /v1/connections/{connection}/actions"
        for action in ("reconcile", "refresh", "reset"):
            ask(acted, "/v1/connections/main-east/actions", {action: {}})
        ask("DELETE /v1/connections/{connection}", "/v1/connections/main-east")
        self._agents()

    def _agents(self) -> None:
        one = "/v1/agents/{cell}/{gateway}"
        token = self.ask(f"POST {one}/enrolment", f"{GATEWAY}/enrolment", {})["enrolment"]["token"]
        read = proof.parse_token(token)
        nonce = proof.new_nonce()
        said = {
            "serial": read.serial,
            "expires": read.expires,
            "nonce": nonce,
            "proof": proof.enrolment_proof(read, "main", "main-gw1", nonce),
        }
        self.ask(f"PUT {one}/credential", f"{GATEWAY}/credential", {"credential": said})
        self.ask(f"DELETE {one}/credential", f"{GATEWAY}/credential")
        self.world.sequence += 1
        report: ReportDocument = obey(self.world.intent("main"), MAIN, self.world.sequence, "life-1")
        elsewhere = Position(owner=str(uuid.uuid4()), term="x", generation=report.generation + 9)
        report = report.model_copy(update={"position": elsewhere})
        self.ask(f"PUT {one}/report", f"{GATEWAY}/report", report.model_dump(mode="json"))
        self.ask(f"POST {one}/actions", f"{GATEWAY}/actions", {"confirm": {}})


@pytest.fixture
def story(world: World) -> Story:
    world.obey()
    latest = {"OpenStack-API-Version": "cell-network latest"}
    return Story(world, TestClient(app.create_app(world.manager), headers=latest))


def test_every_route_that_changes_something_leaves_a_record(story: Story) -> None:
    story.tell()
    assert set(story.left) == routes(), "tell the story of each route"
    assert {route for route, records in story.left.items() if not records} == set(EXCUSED)
