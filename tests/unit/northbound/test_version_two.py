"""What version 1.2 brought: profiles, operations, actions, drift, tags, dry runs. Absent below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from cellnet_core.model.wire import DriftReport, IntentDocument, OrderReport, ReportDocument
from tests.unit.manager.world import EAST, MAIN, World, obey
from tests.unit.northbound.test_conventions import check_error

NEW = {"OpenStack-API-Version": "cell-network 1.2"}
Adapt = Callable[[ReportDocument], ReportDocument]


@pytest.fixture
def new(world: World, api: TestClient) -> TestClient:
    """Speaks 1.2, over a connection that is ONLINE."""
    world.online()
    api.headers.update(NEW)
    return api


def report(world: World, cell: str, adapt: Adapt, agent_id: str = "first") -> None:
    """The agent of the cell obeys, and says something more."""
    world.sequence += 1
    made = obey(world.intent(cell), MAIN if cell == "main" else EAST, world.sequence, agent_id)
    world.report(cell, adapt(made))


def carry_out(world: World, state: str = "done", message: str = "") -> None:
    """Both agents do what they are ordered."""
    for cell in ("main", "east"):
        told: IntentDocument = world.intent(cell)

        def ordered(made: ReportDocument, told: IntentDocument = told) -> ReportDocument:
            orders = tuple(
                OrderReport(id=o.id, state=state, message=message)
                for connection in told.connections
                for o in connection.orders
            )
            connections = tuple(c.model_copy(update={"orders": orders}) for c in made.connections)
            return made.model_copy(update={"connections": connections})

        report(world, cell, ordered, "life-1")


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


def test_profiles_are_made_changed_and_kept_while_in_use(world: World, new: TestClient) -> None:
    (default,) = new.get("/v1/profiles").json()["profiles"]
    assert (default["name"], default["is_default"], default["hold_time"]) == ("default", True, 9)
    chosen = f"/v1/profiles/{uuid4()}"
    body = {"profile": {"name": "fast", "hold_time": 3, "tags": ["b", "a", "b"]}}
    assert [new.put(chosen, json=body).status_code for _ in range(2)] == [201, 200]
    wanted = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    answer = new.put("/v1/connections/main-east", json={"connection": {**wanted, "profile": "fast"}})
    shown = answer.json()["connection"]
    assert (shown["profile"], shown["hold_time"], shown["timers"]["hold_time"]) == ("fast", None, 3)
    assert world.intent("main").connections[0].profile.hold_time == 3
    before = world.intent("main").generation
    answer = new.patch(
        "/v1/profiles/fast",
        json={"profile": {"health_interval": 5.0, "prefix_limits": {"ipv4": 100}}},
        headers={"If-Match": "revision_number=1"},
    )
    changed = answer.json()["profile"]
    assert (changed["hold_time"], changed["health_interval"], changed["tags"]) == (3, 5.0, ["a", "b"])
    told = world.intent("main")
    assert told.generation == before + 1
    assert told.connections[0].profile.prefix_limits == {"ipv4": 100}
    stale = new.patch("/v1/profiles/fast", json={"profile": {}}, headers={"If-Match": "revision_number=1"})
    check_error(stale, 412, "revision.conflict")
    check_error(new.delete("/v1/profiles/fast"), 409, "profile.in_use")
    check_error(new.delete("/v1/profiles/default"), 409, "profile.is_default")
    own = {"connection": {**wanted, "profile": "default", "hold_time": 6}}
    shown = new.put("/v1/connections/main-east", json=own).json()["connection"]
    assert (shown["hold_time"], shown["timers"]["graceful_restart_time"]) == (6, 30)
    assert new.delete("/v1/profiles/fast").status_code == 204
    answer = new.put("/v1/connections/main-east", json={"connection": {**wanted, "profile": "gone"}})
    check_error(answer, 400, "connection.profile_unknown")


def test_another_profile_may_become_the_default(new: TestClient) -> None:
    new.post("/v1/profiles", json={"profile": {"name": "slow", "hold_time": 90, "is_default": True}})
    names = {p["name"]: p["is_default"] for p in new.get("/v1/profiles").json()["profiles"]}
    assert names == {"default": False, "slow": True}
    answer = new.patch("/v1/profiles/slow", json={"profile": {"is_default": False}})
    check_error(answer, 409, "profile.is_default")
    assert new.delete("/v1/profiles/default").status_code == 409, "the connection still names it"


def test_a_password_is_written_and_never_read(world: World, new: TestClient) -> None:
    secret = "s3cret-of-two-cells"
    body = {"profile": {"name": "signed", "password": secret}}
    made = new.post("/v1/profiles", json=body)
    assert made.json()["profile"]["has_password"] is True
    wanted = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    new.put("/v1/connections/main-east", json={"connection": {**wanted, "profile": "signed"}})
    assert world.intent("main").connections[0].profile.password == secret
    assert secret not in repr(world.intent("main"))
    kept = new.put("/v1/profiles/signed", json={"profile": {"name": "signed", "hold_time": 12}})
    assert kept.json()["profile"]["has_password"] is True, "what is not said stays"
    for path in ("profiles", "connections", "events", "operations", "audit"):
        text = new.get(f"/v1/{path}").text
        assert secret not in text
    answer = new.patch("/v1/profiles/signed", json={"profile": {"password": 'no quotes " here'}})
    assert "no quotes" not in answer.text
    taken = new.patch("/v1/profiles/signed", json={"profile": {"password": None}})
    assert taken.json()["profile"]["has_password"] is False


def test_a_password_is_refused_where_the_speaker_cannot(world: World, new: TestClient) -> None:
    reason = "this kernel cannot sign TCP"

    def lacks(made: ReportDocument) -> ReportDocument:
        offers = made.inventory.model_copy(update={"capabilities": {"exabgp": {"md5": reason}}})
        return made.model_copy(update={"inventory": offers})

    report(world, "main", lacks, "life-1")
    new.post("/v1/profiles", json={"profile": {"name": "signed", "password": "x"}})
    wanted = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    answer = new.put("/v1/connections/main-east", json={"connection": {**wanted, "profile": "signed"}})
    assert reason in check_error(answer, 409, "driver.capability_missing")
    answer = new.patch("/v1/profiles/default", json={"profile": {"password": "x"}})
    assert reason in check_error(answer, 409, "driver.capability_missing")


@pytest.mark.parametrize(
    ("bfd", "told"),
    [
        ({"min_tx_ms": 5, "min_rx_ms": 50}, "min_tx_ms of 10 to 10000, not 5"),
        ({"min_tx_ms": 50, "min_rx_ms": 20_000}, "min_rx_ms of 10 to 10000, not 20000"),
        ({"min_tx_ms": 50, "min_rx_ms": 50, "multiplier": 1}, "multiplier of 2 to 255, not 1"),
        ({"min_tx_ms": 50, "min_rx_ms": 50, "multiplier": 2}, ""),
    ],
)
def test_bfd_timers_within_what_the_driver_can_do(
    world: World, new: TestClient, bfd: dict[str, int], told: str
) -> None:
    """The range is named; a connection and a profile in use are refused alike."""
    span = {"bfd_min_tx_ms": (10, 10_000), "bfd_min_rx_ms": (10, 10_000), "bfd_multiplier": (2, 255)}

    def able(made: ReportDocument) -> ReportDocument:
        offers = made.inventory.model_copy(
            update={"capabilities": {"openflow": {"bfd_timers": True}}, "ranges": {"openflow": span}}
        )
        return made.model_copy(update={"inventory": offers})

    for cell in ("main", "east"):
        report(world, cell, able, f"life-{cell}")
    new.post("/v1/profiles", json={"profile": {"name": "paced", "bfd": bfd}})
    wanted = {"name": "main-east", "local_endpoint": "main-ep", "remote_endpoint": "east-ep"}
    answers = (
        new.put("/v1/connections/main-east", json={"connection": {**wanted, "profile": "paced"}}),
        new.patch("/v1/profiles/default", json={"profile": {"bfd": bfd}}),
    )
    for answer in answers:
        if told:
            assert told in check_error(answer, 409, "driver.out_of_range")
        else:
            assert answer.is_success, answer.text


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


def test_drift_is_listed_with_its_history(world: World, new: TestClient) -> None:
    def drifting(over: float | None, action: str = "repair", id_: str = "1") -> Adapt:
        drift = DriftReport(
            id=id_,
            driver="openflow",
            kind="flow",
            object="flow 10/1024 10.0.2.0/24",
            desired="present, as the intent has it",
            observed="missing (wanted, and not there)",
            action=action,
            found_s=2.0,
            over_s=over,
        )
        return lambda made: made.model_copy(update={"drifts": (drift,)})

    report(world, "main", drifting(None), "life-1")
    (found,) = new.get("/v1/drifts?state=neq:over").json()["drifts"]
    assert (found["cell"], found["gateway"], found["kind"], found["state"]) == (
        "main",
        "main-gw1",
        "flow",
        "open",
    )
    report(world, "main", drifting(0.5), "life-1")
    assert new.get("/v1/drifts?state=neq:over").json()["drifts"] == []
    (over,) = new.get("/v1/drifts?cell=main&kind=flow").json()["drifts"]
    assert (over["id"], over["state"], over["found_at"]) == (found["id"], "over", found["found_at"])
    assert new.get(f"/v1/drifts/{found['id']}").json()["drift"] == over
    types = [e["type"] for e in new.get("/v1/events?resource_type=drift").json()["events"]]
    assert types == ["drift.found", "drift.over"]


def test_what_an_agent_leaves_alone_is_the_same_drift_over_its_restart(world: World, new: TestClient) -> None:
    def ignored(id_: str) -> Adapt:
        drift = DriftReport(
            id=id_,
            driver="d",
            kind="flow",
            object="flow x",
            desired="absent",
            observed="present",
            action="ignore",
            found_s=1.0,
        )
        return lambda made: made.model_copy(update={"drifts": (drift,)})

    report(world, "main", ignored("7"), "life-1")
    (before,) = new.get("/v1/drifts").json()["drifts"]
    report(world, "main", ignored("1"), "another-life")
    (after,) = new.get("/v1/drifts").json()["drifts"]
    assert after == before
    report(world, "main", lambda made: made, "third-life")
    (over,) = new.get("/v1/drifts").json()["drifts"]
    assert over["state"] == "over"


def test_the_drift_policy_of_a_cell_reaches_its_agents(world: World, new: TestClient) -> None:
    before = world.intent("main").generation
    body = {"name": "main", "asn": 65001, "kind": "main", "prefixes": list(MAIN.prefixes)}
    answer = new.put("/v1/cells/main", json={"cell": {**body, "drift_policy": "adopt"}})
    assert answer.json()["cell"]["drift_policy"] == "adopt"
    told = world.intent("main")
    assert (told.drift_policy, told.generation) == ("adopt", before + 1)
    assert world.intent("east").drift_policy == "repair"


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
