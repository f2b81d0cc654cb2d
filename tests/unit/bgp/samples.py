"""Values that the tests of `bgp` share."""

from __future__ import annotations

from typing import Any

from bgp.events import RestartCapability
from bgp.model import Family, Neighbor, Peer, Route, family_of

PEER = Peer("172.16.0.1", "172.16.0.2")
BOTH: tuple[Family, ...] = ("ipv4", "ipv6")
GRACEFUL = RestartCapability(time=30, restarting=False, families=BOTH, preserved=BOTH)


def neighbor(**changes: Any) -> Neighbor:
    values: dict[str, Any] = {
        "name": "main-east-1",
        "local_address": "172.16.0.1",
        "peer_address": "172.16.0.2",
        "local_as": 65001,
        "peer_as": 65002,
        "router_id": "10.0.1.1",
        "passive": False,
        "families": BOTH,
    }
    return Neighbor(**{**values, **changes})


def route(prefix: str, next_hop: str = "172.16.0.2", **changes: Any) -> Route:
    values: dict[str, Any] = {"as_path": (65002,), "as_path_length": 1}
    return Route(family_of(prefix), prefix, next_hop, **{**values, **changes})
