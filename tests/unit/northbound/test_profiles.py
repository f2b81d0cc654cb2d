"""Profiles: made, changed, kept while in use, refused where a driver cannot."""

from __future__ import annotations

from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from cellnet_core.model.wire import ReportDocument
from tests.unit.manager.world import World
from tests.unit.northbound.sayings import report
from tests.unit.northbound.test_conventions import check_error


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
