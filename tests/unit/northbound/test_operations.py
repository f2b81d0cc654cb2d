"""Operations and actions: told once, followed, and how they end."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from cellnet_core.model.wire import ReportDocument
from tests.unit.manager.world import World
from tests.unit.northbound.sayings import carry_out, report
from tests.unit.northbound.test_conventions import check_error


def test_a_deletion_is_an_operation_that_says_how_far_it_is(world: World, new: TestClient) -> None:
    answer = new.delete("/v1/connections/main-east")
    assert answer.status_code == 202
    operation = answer.json()["operation"]
    assert (operation["type"], operation["state"], operation["progress"]) == (
        "connection.delete",
        "running",
        0,
    )
    assert answer.headers["Location"] == operation["links"][0]["href"]
    assert new.delete("/v1/connections/main-east").json()["operation"]["id"] == operation["id"]

    def withdrawing(made: ReportDocument) -> ReportDocument:
        going = tuple(
            c.model_copy(update={"phase": "applying", "stage": "withdraw"}) for c in made.connections
        )
        return made.model_copy(update={"connections": going})

    report(world, "main", withdrawing, "life-1")
    shown = new.get(f"/v1/operations/{operation['id']}").json()["operation"]
    assert {s["place"]: (s["state"], s["message"]) for s in shown["steps"]} == {
        "main/main-gw1": ("waiting", "withdraw"),
        "east/east-gw1": ("waiting", ""),
    }
    assert 0 < shown["progress"] < 100
    world.obey()
    shown = new.get(f"/v1/operations/{operation['id']}").json()["operation"]
    assert (shown["state"], shown["progress"]) == ("succeeded", 100)
    assert new.get("/v1/connections/main-east").status_code == 404


@pytest.mark.parametrize("action", ["reconcile", "refresh", "reset"])
def test_an_action_is_told_once_and_followed(world: World, new: TestClient, action: str) -> None:
    before = {cell: world.intent(cell) for cell in ("main", "east")}
    answer = new.post("/v1/connections/main-east/actions", json={action: {}})
    operation = answer.json()["operation"]
    assert answer.status_code == 202
    again = new.post("/v1/connections/main-east/actions", json={action: {}})
    check_error(again, 409, "operation.running")
    (order,) = world.intent("main").connections[0].orders
    assert (order.id, order.action) == (operation["id"], action)
    assert bool(world.intent("east").connections[0].orders) == (action != "reset"), "one end is enough"
    carry_out(world)
    shown = new.get(operation["links"][0]["href"]).json()["operation"]
    assert (shown["state"], shown["progress"], shown["error"]) == ("succeeded", 100, "")
    after = world.intent("main")
    assert after.connections == before["main"].connections, "orders are gone, and nothing else changed"
    assert new.get("/v1/connections/main-east").json()["connection"]["revision_number"] == 1
    listed = new.get("/v1/operations?type=in:connection.reset,connection.refresh&state=succeeded").json()
    assert len(listed["operations"]) == (action != "reconcile")


def test_a_failed_action_says_why_and_a_silent_agent_is_not_waited_for(world: World, new: TestClient) -> None:
    operation = new.post("/v1/connections/main-east/actions", json={"refresh": {}}).json()["operation"]
    carry_out(world, "failed", "the session is not up")
    shown = new.get(operation["links"][0]["href"]).json()["operation"]
    assert shown["state"] == "failed"
    assert "main/main-gw1: the session is not up" in shown["error"]
    operation = new.post("/v1/connections/main-east/actions", json={"refresh": {}}).json()["operation"]
    world.clock.advance(61)
    world.manager.operations.expire()
    shown = new.get(operation["links"][0]["href"]).json()["operation"]
    assert (shown["state"], "no answer from main/main-gw1" in shown["error"]) == ("failed", True)
    assert world.intent("main").connections[0].orders == ()


def test_what_would_cut_the_last_path_is_refused_unless_forced(world: World, new: TestClient) -> None:
    wanted = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    body = {"connection": {**wanted, "graceful_restart_time": 0}}
    assert new.put("/v1/connections/main-east", json=body).status_code == 200
    world.obey()
    address = "/v1/connections/main-east/actions"
    answer = new.post(address, json={"reset": {}})
    assert "nothing would pass between main and east" in check_error(answer, 409, "path.last_remaining")
    assert new.post(address, json={"reset": {"path": "main-east-1"}}).status_code == 202, "another is left"
    carry_out(world)
    assert new.post(address, json={"reset": {"force": True}}).status_code == 202
    check_error(new.post(address, json={"refresh": {"path": "x"}}), 400, "connection.path_unknown")
    check_error(new.post(address, json={}), 400, "request.invalid_field")
    check_error(new.post(address, json={"polish": {}}), 400, "request.unknown_field")
