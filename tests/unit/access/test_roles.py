"""Every route has a rule, and every role gets exactly what its rules say."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from httpx import Response

from cellnet_core.northbound import app as application
from cellnet_core.northbound.access.enforcement import Enforcement, PolicyError
from cellnet_core.northbound.access.guard import Access
from cellnet_core.northbound.access.identity import AGENT, ANONYMOUS, EVERYBODY, Identity, expand
from cellnet_core.northbound.access.policies import PREFIX, RULES, UNLISTED, Routes
from cellnet_core.northbound.access.tokens import TokenFile
from tests.unit.access.conftest import CONNECTION, ROLES, Connect, Door
from tests.unit.manager.world import World

OPEN = {"everybody": ROLES, "admin": ("admin",), "manager": ("admin", "manager"), "agent": ()}
WHO = {
    **{f"rule:{name}": roles for name, roles in OPEN.items()},
    "rule:member": ("admin", "manager", "member"),
    "rule:reader": ("admin", "manager", "member", "reader"),
    "rule:reader or rule:peer": ROLES,
    "rule:reader or role:peer": ROLES,
    "rule:member or rule:peer": ("admin", "manager", "member", "peer"),
}
"""Which roles a default stands for, said a second time and by hand."""


def all_routes(world: World) -> list[tuple[str, str]]:
    """Method and address of every route that the application has."""
    found = [
        (method, route.path)
        for router in application.routers()
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]
    assert len(found) > 20
    return [*found, ("GET", "/v1/openapi.json")]


def concrete(path: str) -> str:
    return "/".join(CONNECTION if part.startswith("{") else part for part in path.split("/"))


def test_every_route_has_a_rule(world: World) -> None:
    listed = {operation for rule in RULES for operation in rule.operations}
    assert not [route for route in all_routes(world) if route not in listed], "write a rule for each"
    routes = Routes()
    for method, path in all_routes(world):
        assert routes.find(method, concrete(path), {}) is not None


def test_no_rule_is_for_a_route_that_is_not_there(world: World) -> None:
    there = set(all_routes(world))
    assert not [o for rule in RULES for o in rule.operations if o not in there]


def test_a_route_without_a_rule_is_for_admins(world: World, connect: Connect) -> None:
    assert Routes(()).find("GET", "/v1/cells", {}) is None
    enforcement = Enforcement(load=True)
    for role in ROLES:
        who = Identity(role, expand((role,)))
        assert enforcement.allows(UNLISTED, who, {}) is (role == "admin")
    # Where there is nothing, there is nothing to protect: 404 and 405 as ever.
    assert connect("reader").get("/v1/nothing").status_code == 404
    assert connect("reader").patch("/v1/cells").status_code == 405


@pytest.mark.parametrize("role", ROLES)
def test_each_role_at_each_route(role: str, connect: Connect) -> None:
    """403 with the rule's name for who may not; anything else (404, 400, 200 ...) for who may."""
    client, routes = connect(role), Routes()
    for rule in RULES:
        for method, path in rule.operations:
            query = f"?{rule.query}=true" if rule.query else ""
            if routes.find(method, concrete(path), {rule.query: "true"})[0] != rule.name:  # type: ignore[index]
                continue  # asked for behind the gate, where the body is known
            if path == "/v1/events/stream":
                query = "?colour=none"  # refused before it begins to stream
            answer = client.request(method, concrete(path) + query, json={})
            if rule.check == "rule:agent":
                assert answer.status_code == 401, "a token is no signature of an agent"
            elif role in WHO[rule.check]:
                assert answer.status_code not in (401, 403) or _refused_by_the_service(answer), path
            else:
                assert answer.status_code == 403, path
                (error,) = answer.json()["errors"]
                assert error["code"] == "cell-network.access.forbidden"
                assert rule.name in error["detail"]
                assert f"user-{role}" in error["detail"]


def _refused_by_the_service(answer: Response) -> bool:
    """A one-time token that is none: nobody's role has to do with that."""
    return "agent.enrolment" in answer.text


def test_a_peer_reads_its_own_connection_only(connect: Connect) -> None:
    peer = connect("peer")
    assert peer.get(f"/v1/connections/{CONNECTION}").status_code == 404  # it may; there is none
    for path in ("/v1/connections/other", "/v1/connections/other/sessions", "/v1/connections", "/v1/cells"):
        assert peer.get(path).status_code == 403, path


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("refresh", ("admin", "manager", "member", "peer")),
        ("reconcile", ("admin", "manager", "member")),
        ("reset", ("admin", "manager")),
    ],
)
def test_each_action_has_its_rule(connect: Connect, action: str, allowed: tuple[str, ...]) -> None:
    for role in ROLES:
        client = connect(role, **{"OpenStack-API-Version": "cell-network latest"})
        answer = client.post(f"/v1/connections/{CONNECTION}/actions", json={action: {}})
        assert answer.status_code == (404 if role in allowed else 403), (role, answer.text)
    peer = connect("peer", **{"OpenStack-API-Version": "cell-network latest"})
    assert peer.post("/v1/connections/other/actions", json={action: {}}).status_code == 403


@pytest.mark.parametrize("query", ["force=true", "force=1", "force=yes", "force=TRUE", "force=t"])
def test_force_is_more_than_deleting(connect: Connect, query: str) -> None:
    path = f"/v1/connections/{CONNECTION}"
    assert connect("manager").delete(path).status_code == 404
    assert connect("manager").delete(f"{path}?{query}").status_code == 403
    assert connect("admin").delete(f"{path}?{query}").status_code == 404


def test_what_is_known_without_the_library_is_what_it_says() -> None:
    """The short way past oslo.policy agrees with it, for each rule."""
    library = Enforcement(load=True)._load()
    agent = Identity("agent", (AGENT,), cell="main", gateway="gw1")
    target = {"cell": "main", "gateway": "gw1", "connection": CONNECTION}
    for rule in (*(rule.name for rule in RULES), UNLISTED):
        for who in (ANONYMOUS, agent, EVERYBODY):
            credentials = {"roles": list(who.roles), "cell": who.cell, "gateway": who.gateway}
            expected = bool(library.enforce(rule, target, credentials))
            assert Enforcement().allows(rule, who, target) is expected, (rule, who)
    assert not Enforcement().allows(f"{PREFIX}:agents:report", agent, target | {"gateway": "gw2"})


def test_a_policy_file_overrides_and_counts_when_it_changes(
    tmp_path: Path, world: World, token_file: Path, secrets: dict[str, str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('"cell_network:cells:list": "rule:admin"\n')
    now = [0.0]
    enforcement = Enforcement(policy, lambda: now[0])
    access = Access(TokenFile(token_file), None, enforcement)
    from starlette.testclient import TestClient

    app = application.create_app(world.manager, access)
    reader = TestClient(Door(app, "tcp"), headers={"X-Auth-Token": secrets["reader"]})
    assert reader.get("/v1/cells").status_code == 403
    assert reader.get("/v1/endpoints").status_code == 200
    policy.write_text('"cell_network:endpoints:list": "rule:admin"\n# and nothing else\n')
    now[0] += 2
    assert reader.get("/v1/cells").status_code == 200
    assert reader.get("/v1/endpoints").status_code == 403


def test_a_policy_binds_admins_too(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('"cell_network:cells:delete": "!"\n')
    assert not Enforcement(policy).allows(f"{PREFIX}:cells:delete", ANONYMOUS, {})
    assert Enforcement(policy).allows(f"{PREFIX}:cells:create", ANONYMOUS, {})


@pytest.mark.parametrize("text", ['"cell_network:cells:list": "rule:nobody_knows"\n', "[1, 2"])
def test_a_bad_policy_file_stops_the_start(tmp_path: Path, text: str) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(text)
    with pytest.raises(PolicyError, match=r"policy\.yaml"):
        Enforcement(policy)
    with pytest.raises(PolicyError, match="there is no such policy file"):
        Enforcement(tmp_path / "other.yaml")
