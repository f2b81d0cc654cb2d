"""A serialized topology that is damaged or foreign is refused, never half read."""

from __future__ import annotations

from typing import Any

import pytest

from topologies import catalogue, codec
from topologies.errors import TopologyError


def good() -> dict[str, Any]:
    return codec.to_dict(catalogue.build("two-cells"))


def test_round_trip_with_routers() -> None:
    data = good()
    data["routers"] = [{"name": "p1", "asn": 64512, "router_id": "100.127.0.1", "daemon": "frr"}]
    assert codec.to_dict(codec.from_dict(data)) == data


def test_round_trip_with_a_message_bus() -> None:
    built = catalogue.build("two-cells", {"bus": "yes"})
    assert codec.from_dict(codec.to_dict(built)) == built
    assert [host.name for host in built.message_bus("east")] == ["east-h2"]
    for cell in (older := good())["cells"]:
        for host in cell["hosts"]:
            del host["role"]  # as labs of earlier builds wrote it
    assert codec.from_dict(older) == codec.from_dict(good())


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        ({"version": 2}, "of version 2 cannot be read; this program reads 1"),
        ({"cells": None}, "is broken"),
        ({"cells": [{"name": "main"}]}, "lacks the field"),
        ({"links": [{"name": "x", "kind": "wan"}]}, "lacks the field 'a'"),
        ({"links": [{"name": "x", "kind": "rope", "a": {}, "b": {}}]}, "'rope' is not a valid LinkKind"),
    ],
)
def test_damage_is_refused(damage: dict[str, Any], text: str) -> None:
    with pytest.raises(TopologyError, match=text):
        codec.from_dict(good() | damage)
