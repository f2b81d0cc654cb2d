"""Who gets in by which door, and how a refusal looks."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from cellnet_core.northbound.access.guard import Access
from cellnet_core.northbound.app import create_app
from tests.unit.access.conftest import Connect, Door
from tests.unit.manager.world import World


def check(answer: object, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
    (error,) = answer.json()["errors"]  # type: ignore[attr-defined]
    assert error["code"] == f"cell-network.{code}"
    assert error["request_id"] == answer.headers["X-Openstack-Request-Id"]  # type: ignore[attr-defined]


def test_without_a_token_only_versions_are_shown(connect: Connect) -> None:
    nobody = connect()
    assert nobody.get("/").status_code == nobody.get("/v1/").status_code == 200
    answer = nobody.get("/v1/cells")
    check(answer, 401, "access.token_missing")
    assert answer.headers["WWW-Authenticate"] == 'X-Auth-Token realm="cell-network"'
    check(nobody.get("/v1/openapi.json"), 401, "access.token_missing")
    check(nobody.get("/metrics"), 401, "access.token_missing")
    check(nobody.delete("/v1/nothing"), 401, "access.token_missing")


def test_a_wrong_token_is_told_nothing(connect: Connect) -> None:
    for wrong in ("", "x", "cnt_" + "A" * 43):
        check(connect(**{"X-Auth-Token": wrong}).get("/v1/cells"), 401, "access.token_unknown")
    check(connect(**{"X-Auth-Token": "x"}).get("/"), 401, "access.token_unknown")


def test_the_unix_socket_needs_no_token_but_takes_one(connect: Connect) -> None:
    assert connect(door="unix").get("/v1/audit").status_code == 200
    assert connect("reader", door="unix").get("/v1/cells").status_code == 200
    check(connect("reader", door="unix").get("/v1/audit"), 403, "access.forbidden")


def test_without_tokens_everybody_is_an_admin(world: World) -> None:
    client = TestClient(Door(create_app(world.manager), "tcp"))
    assert client.get("/v1/audit").status_code == 200


def test_refused_before_the_body_is_read(connect: Connect) -> None:
    answer = connect("reader").post(
        "/v1/cells", content=b"{not json", headers={"Content-Type": "application/json"}
    )
    check(answer, 403, "access.forbidden")


def test_a_token_file_that_broke_lets_nobody_in(connect: Connect, token_file: Path) -> None:
    admin = connect("admin")
    assert admin.get("/v1/cells").status_code == 200
    token_file.chmod(0o644)
    token_file.write_text(token_file.read_text() + "\n")
    check(admin.get("/v1/cells"), 503, "access.tokens_unusable")
    assert connect(door="unix").get("/v1/cells").status_code == 200


def test_without_access_configured_nothing_is_asked(world: World) -> None:
    app = create_app(world.manager, Access())
    assert TestClient(app).get("/v1/agents/main/main-gw1/intent").status_code == 200
