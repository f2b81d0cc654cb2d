"""PATCH: what is not said stays, null is as if a PUT had left it out; every resource alike."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from cellnet_core.model.wire import ReportDocument
from cellnet_core.northbound import cells, connections, endpoints, profiles
from cellnet_core.northbound.fields import Input
from tests.unit.manager.world import World
from tests.unit.northbound.sayings import report
from tests.unit.northbound.test_conventions import check_error

OBJECTS = (("cells", "main"), ("endpoints", "main-ep"), ("connections", "main-east"), ("profiles", "default"))


def shown(api: TestClient, collection: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/{collection}/{name}").json()[collection[:-1]]
    return found


def patched(api: TestClient, collection: str, name: str, /, **changes: Any) -> dict[str, Any]:
    answer = api.patch(f"/v1/{collection}/{name}", json={collection[:-1]: changes})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()[collection[:-1]]
    return found


@pytest.mark.parametrize(
    ("change", "whole", "fixed"),
    [
        (cells.CellChange, cells.CellInput, {"id"}),
        (endpoints.EndpointChange, endpoints.EndpointInput, {"cell"}),
        (connections.ConnectionChange, connections.ConnectionInput, {"local_endpoint", "remote_endpoint"}),
        (profiles.ProfileChange, profiles.ProfileInput, set()),
    ],
)
def test_all_that_may_be_said_of_an_object_may_be_changed(
    change: type[Input], whole: type[Input], fixed: set[str]
) -> None:
    assert change.model_fields.keys() == whole.model_fields.keys() - fixed


@pytest.mark.parametrize(("collection", "name"), OBJECTS)
def test_one_field_changes_and_all_others_stay(new: TestClient, collection: str, name: str) -> None:
    before = shown(new, collection, name)
    after = patched(new, collection, name, description="new words")
    volatile = {"conditions", "updated_at", "revision_number", "observed_revision", "description"}
    volatile |= {"provisioning_status", "operating_status", "state", "health", "learned"}
    assert {k: v for k, v in after.items() if k not in volatile} == {
        k: v for k, v in before.items() if k not in volatile
    }
    assert (after["description"], after["revision_number"]) == ("new words", before["revision_number"] + 1)


@pytest.mark.parametrize(("collection", "name"), OBJECTS)
def test_nothing_said_or_said_as_it_is_changes_nothing(new: TestClient, collection: str, name: str) -> None:
    before = shown(new, collection, name)
    again = {key: before[key] for key in ("name", "description", "tags")}
    for changes in ({}, again):
        assert patched(new, collection, name, **changes)["revision_number"] == before["revision_number"]


@pytest.mark.parametrize(("collection", "name"), OBJECTS)
def test_what_cannot_be_changed_so_is_refused(new: TestClient, collection: str, name: str) -> None:
    address, key = f"/v1/{collection}/{name}", collection[:-1]

    def refused(changes: dict[str, Any], status: int, code: str, **headers: str) -> str:
        answer = new.patch(address, json={key: changes}, headers=headers)
        check_error(answer, status, code)
        return str(answer.json()["errors"][0]["detail"])

    assert "name: cannot be null" in refused({"name": None}, 400, "request.invalid_field")
    refused({"colour": "red"}, 400, "request.unknown_field")
    refused({"description": 7}, 400, "request.invalid_field")
    stale = {"If-Match": "revision_number=77"}
    refused({"description": "x"}, 412, "revision.conflict", **stale)
    check_error(new.patch(f"/v1/{collection}/nowhere", json={key: {}}), 404, f"{key}.not_found")
    older = {"OpenStack-API-Version": "cell-network 1.1"}
    assert "came with version 1.2" in refused({}, 404, "request.unknown_address", **older)


def test_a_merge_patch_may_be_called_one(new: TestClient) -> None:
    kind = {"Content-Type": "application/merge-patch+json"}
    answer = new.patch("/v1/cells/main", content='{"cell": {"description": "x"}}', headers=kind)
    assert (answer.status_code, answer.json()["cell"]["description"]) == (200, "x")


def test_null_gives_back_what_was_the_objects_own(new: TestClient) -> None:
    changed = patched(new, "connections", "main-east", hold_time=6, hold_down=1.5, enabled=False)
    assert (changed["hold_time"], changed["hold_down"], changed["enabled"]) == (6, 1.5, False)
    changed = patched(new, "connections", "main-east", hold_time=None, enabled=None, description=None)
    assert (changed["hold_time"], changed["hold_down"], changed["enabled"]) == (None, 1.5, True)
    assert changed["timers"]["hold_time"] == 9
    uuid = "5d0f9c9e-6f0c-4c51-9a4e-0f6a5d1c0001"
    assert patched(new, "cells", "main", nova_cell_uuid=uuid)["nova_cell_uuid"] == uuid
    assert patched(new, "cells", "main", nova_cell_uuid=None)["nova_cell_uuid"] is None
    limits = {"ipv4": 10}
    assert patched(new, "profiles", "default", prefix_limits=limits)["prefix_limits"] == limits
    changed = patched(new, "profiles", "default", prefix_limits=None, hold_time=None)
    assert (changed["prefix_limits"], changed["hold_time"]) == ({}, 9)


def test_agents_are_told_of_a_change_and_of_nothing_else(world: World, new: TestClient) -> None:
    before = {cell: world.intent(cell).generation for cell in ("main", "east")}
    patched(new, "connections", "main-east", description="words", tags=["a"], managed_by="me")
    told = world.intent("main")
    patched(new, "connections", "main-east", families=["ipv4"])
    assert world.intent("main").connections[0].families == ("ipv4",)
    prefixes = [*shown(new, "endpoints", "main-ep")["prefixes"], "10.0.99.0/24"]
    patched(new, "endpoints", "main-ep", prefixes=prefixes)
    assert "10.0.99.0/24" in world.intent("east").connections[0].remote.prefixes
    assert told.connections[0].revision == 2
    assert all(world.intent(cell).generation > known for cell, known in before.items())


def test_a_connection_keeps_its_ends_and_an_endpoint_its_cell(new: TestClient) -> None:
    for path, key, field in (
        ("connections/main-east", "connection", "local_endpoint"),
        ("endpoints/main-ep", "endpoint", "cell"),
    ):
        answer = new.patch(f"/v1/{path}", json={key: {field: "other"}})
        check_error(answer, 400, "request.unknown_field")


def test_words_about_an_endpoint_change_though_its_gateway_has_lost_a_port(
    world: World, new: TestClient
) -> None:
    """Only who says something new of the gateway is held to what it reports."""

    def smaller(made: ReportDocument) -> ReportDocument:
        return made.model_copy(
            update={"inventory": made.inventory.model_copy(update={"ports": made.inventory.ports[:1]})}
        )

    report(world, "main", smaller)
    changed = patched(new, "endpoints", "main-ep", description="half of it is gone")
    assert (changed["operating_status"], len(changed["interfaces"])) == ("DEGRADED", 2)
    answer = new.patch("/v1/endpoints/main-ep", json={"endpoint": {"interfaces": [{"interface": "wan2"}]}})
    check_error(answer, 400, "endpoint.interface_unknown")
