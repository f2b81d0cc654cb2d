"""Drift: its list, its history, and the policy for it."""

from __future__ import annotations

from starlette.testclient import TestClient

from cellnet_core.model.wire import DriftReport
from tests.unit.manager.world import MAIN, World
from tests.unit.northbound.sayings import Adapt, report


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
