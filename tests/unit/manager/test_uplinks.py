"""Cells homed to providers: which uplinks a connection's paths pair, and what each agent is told of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cellnet_core.manager import pairing, resolution
from cellnet_core.manager.errors import ConflictError
from cellnet_core.manager.resolution import EndpointRequest, PortRequest
from cellnet_core.model.wire import Inventory, PeerInventory
from cellnet_core.store.records import EndpointRecord, InterfaceRecord, PeerRecord
from tests.unit.manager import world as worlds
from tests.unit.manager.world import World

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOTH = ("ipv4", "ipv6")


def port(number: int, router: str | None, link: int, v6: bool = True) -> InterfaceRecord:
    """A port; of the link's addresses the port has the first, what is at its far end the second."""
    near, far = (
        (f"172.16.{link}.{end}/30", *([f"fdce:11:ffff:{link}::{end}/64"] if v6 else [])) for end in (1, 2)
    )
    peer = None if router is None else PeerRecord(router, 64600 + int(router[1:]), far)
    return InterfaceRecord(f"wan{number}", near, peer)


def endpoint(cell: str, *ports: InterfaceRecord) -> EndpointRecord:
    number = {"main": 1, "east": 2}[cell]
    return EndpointRecord(
        id=cell,
        name=f"{cell}-ep",
        cell_id=cell,
        cell_name=cell,
        gateway=f"{cell}-gw1",
        asn=65000 + number,
        prefixes=(f"10.0.{number}.0/24", f"fdce:11:0:{number}::/64"),
        health_check_addresses=(f"10.0.{number}.11", f"fdce:11:0:{number}::11"),
        interfaces=ports,
        description="",
        revision_number=1,
        created_at=NOW,
        updated_at=NOW,
    )


def paired(near: list[str], far: list[str]) -> list[tuple[str, str]]:
    """The pairs of ports between cells at these routers."""
    here = endpoint("main", *(port(n, router, n) for n, router in enumerate(near, 1)))
    there = endpoint("east", *(port(n, router, 100 + n) for n, router in enumerate(far, 1)))
    return [(p.local_interface, p.remote_interface) for p in pairing.pair(here, there, BOTH)]


def test_uplinks_at_the_same_router_are_pairs() -> None:
    assert paired(["p1", "p2"], ["p1", "p2"]) == [("wan1", "wan1"), ("wan2", "wan2")]
    assert paired(["p1", "p2"], ["p2", "p1"]) == [("wan1", "wan2"), ("wan2", "wan1")]


def test_without_a_router_in_common_the_providers_carry_it_between_them() -> None:
    assert paired(["p1"], ["p2"]) == [("wan1", "wan1")]


def test_every_uplink_is_used_where_one_side_has_fewer() -> None:
    assert paired(["p1", "p2", "p3"], ["p2"]) == [("wan2", "wan1"), ("wan1", "wan1"), ("wan3", "wan1")]
    assert paired(["p2"], ["p1", "p2"]) == [("wan1", "wan2"), ("wan1", "wan1")]


def test_a_fibre_comes_before_providers() -> None:
    here = endpoint("main", port(1, "p1", 1), port(2, None, 9))
    fibre = InterfaceRecord("wan2", ("172.16.9.2/30", "fdce:11:ffff:9::2/64"))
    there = endpoint("east", port(1, "p1", 101), fibre)
    assert [p.local_interface for p in pairing.pair(here, there, BOTH)] == ["wan2", "wan1"]


def test_a_family_that_an_uplink_lacks() -> None:
    here, there = endpoint("main", port(1, "p1", 1)), endpoint("east", port(1, "p1", 101, v6=False))
    with pytest.raises(ConflictError, match="at providers' routers, or name fewer families"):
        pairing.pair(here, there, BOTH)
    (pair,) = pairing.pair(here, there, ("ipv4",))
    assert (pair.local_addresses, pair.remote_addresses) == (("172.16.1.1",), ("172.16.101.1",))


def homed(offers: Inventory) -> Inventory:
    """The same ports, at the far ends of which are two routers."""
    ports = tuple(
        each.model_copy(
            update={
                "peer": PeerInventory(
                    name=f"p{number}",
                    asn=64600 + number,
                    addresses=tuple(
                        f"{text.partition('/')[0].rpartition(sep)[0]}{sep}3/{text.partition('/')[2]}"
                        for text, sep in zip(each.addresses, (".", ":"), strict=True)
                    ),
                )
            }
        )
        for number, each in enumerate(offers.ports, 1)
    )
    return offers.model_copy(update={"ports": ports})


def test_both_agents_are_told_of_their_own_routers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "MAIN", homed(worlds.inventory(1, 65001)))
    monkeypatch.setattr(worlds, "EAST", homed(worlds.inventory(2, 65002, first_link=11)))
    world = World(tmp_path / "manager.db")
    world.online()
    assert world.manager.connections.get("main-east").status.operating_status == "ONLINE"
    for cell, link in (("main", 1), ("east", 11)):
        (told,) = world.intent(cell).connections
        assert [(path.name, path.via, path.peer_asn, path.session) for path in told.paths] == [
            ("main-east-1", "p1", 64601, "p1:wan1"),
            ("main-east-2", "p2", 64602, "p2:wan2"),
        ]
        path = told.paths[0]
        assert path.local_addresses == (f"172.16.{link}.1", f"fdce:11:ffff:{link}::1")
        assert path.remote_addresses == (f"172.16.{link}.3", f"fdce:11:ffff:{link}::3")
        assert path.passive is False
    world.restart()
    stored = world.manager.endpoints.get("main-ep").record
    assert stored.interfaces[0].peer == PeerRecord(
        "p1", 64601, ("172.16.1.3/30", "fdce:11:ffff:1::3/64"), passive=False
    )


def test_a_fibre_is_told_as_before(tmp_path: Path) -> None:
    world = World(tmp_path / "manager.db")
    world.online()
    (told,) = world.intent("main").connections
    assert {(path.via, path.peer_asn) for path in told.paths} == {(None, None)}
    assert [path.session for path in told.paths] == ["main-east-1", "main-east-2"]


def test_what_is_said_of_a_router_must_be_what_the_agent_reports(tmp_path: Path) -> None:
    world = World(tmp_path / "manager.db")
    world.add_cells()
    cell = world.manager.cells.get("main").record
    offers = {"main-gw1": homed(worlds.inventory(1, 65001))}
    said = PeerRecord("p1", 64601, ("172.16.1.3/30", "fdce:11:ffff:1::3/64"))
    wanted = PortRequest("wan1", None, said)
    found = resolution.resolve(EndpointRequest("e", "main", interfaces=(wanted,)), cell, offers)
    assert found.interfaces[0].peer == said
    wrong = replace(wanted, peer=replace(said, asn=64999))
    with pytest.raises(ConflictError, match=r"is not p1 \(AS 64999, .* but p1 \(AS 64601, .*leave peer out"):
        resolution.resolve(EndpointRequest("e", "main", interfaces=(wrong,)), cell, offers)
