"""The builder derives the address plan that others rely on, and refuses what cannot be built."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

import pytest

from topologies.builder import Builder
from topologies.errors import TopologyError
from topologies.model import CellKind, LinkKind, Topology


def two_cells(paths: int = 2) -> Topology:
    return Builder("lab").cell("main", hosts=2).cell("east").direct("main", "east", paths=paths).build()


def problems(builder: Builder) -> list[str]:
    with pytest.raises(TopologyError) as caught:
        builder.build()
    return [str(problem) for problem in caught.value.problems]


def test_a_cell_has_the_documented_names_and_addresses() -> None:
    east = two_cells().cell("east")
    gateway, host = east.gateways[0], east.hosts[0]
    assert (east.index, east.asn, east.kind) == (2, 65002, CellKind.SUB)
    assert east.prefixes == (ip_network("10.0.2.0/24"), ip_network("fdce:11:0:2::/64"))
    assert (gateway.name, gateway.controller_node, host.name) == ("east-gw1", "east-ctl1", "east-h1")
    assert gateway.lan_addresses == (ip_interface("10.0.2.1/24"), ip_interface("fdce:11:0:2::1/64"))
    assert gateway.health_addresses == (ip_interface("10.0.2.11/32"), ip_interface("fdce:11:0:2::11/128"))
    assert host.addresses == (ip_interface("10.0.2.21/24"), ip_interface("fdce:11:0:2::21/64"))
    assert host.routes_via == ("10.0.2.1", "fdce:11:0:2::1")


def test_only_the_main_cell_has_the_manager() -> None:
    topology = two_cells()
    assert topology.cell("main").manager_node == "main-mgr"
    assert topology.cell("east").manager_node is None
    link = topology.link("mgmt-main-mgr")
    assert link.a.addresses == (ip_interface("100.64.0.1/16"),)
    assert topology.link("mgmt-east-gw1").a.addresses == (ip_interface("100.64.2.1/16"),)
    assert link.b.node == "mgmt"


def test_a_wan_path_is_a_bare_port_and_an_internal_one_at_each_end() -> None:
    link = two_cells().link("main-east-2")
    assert (link.a.node, link.a.name, link.a.l3_port) == ("main-gw1", "wan2", "ip-wan2")
    assert link.a.addresses == (ip_interface("172.16.0.5/30"), ip_interface("fdce:11:ffff:2::1/64"))
    assert link.b.addresses == (ip_interface("172.16.0.6/30"), ip_interface("fdce:11:ffff:2::2/64"))
    assert link.a.link_mac not in (None, link.a.mac)


def test_lan_and_control_links() -> None:
    topology = two_cells()
    lan = topology.link("main-h2")
    assert (lan.kind, lan.a.name, lan.a.l3_port, lan.b.name) == (LinkKind.LAN, "lan2", "ip-lan", "eth0")
    assert lan.a.mac == topology.cell("main").gateways[0].router_mac
    control = topology.link("main-ctl1")
    assert control.a.name == "ctl0"
    assert control.a.addresses == (ip_interface("192.168.254.1/30"),)
    assert control.b.addresses == (ip_interface("192.168.254.2/30"),)


def test_the_same_request_gives_the_same_value() -> None:
    assert two_cells() == two_cells()
    assert two_cells().cell("main").uuid != two_cells().cell("east").uuid


def test_more_paths_leave_what_was_there_as_it_was() -> None:
    few, many = two_cells(paths=2), two_cells(paths=5)
    assert set(few.links) < set(many.links)
    assert few.cells == many.cells


def test_what_is_added_at_the_end_changes_nothing_of_what_was_there() -> None:
    base = Builder("lab").cell("main", gateways=2).cell("east", hosts=1).direct("main", "east", paths=2)
    grown = Builder("lab").cell("main", gateways=2, hosts=5).cell("east", hosts=1)
    grown = grown.direct("main", "east", paths=2).cell("west", gateways=3).direct("east", "west", paths=3)
    assert set(base.build().links) < set(grown.build().links)
    assert base.build().cell("east") == grown.build().cell("east")


def test_a_builder_is_a_value_and_can_be_extended_twice() -> None:
    base = Builder("lab").cell("main")
    one = base.cell("east").direct("main", "east").build()
    other = base.cell("west").direct("main", "west").build()
    assert [cell.name for cell in one.cells] == ["main", "east"]
    assert [cell.name for cell in other.cells] == ["main", "west"]


def test_paths_and_hosts_are_dealt_out_to_several_gateways_that_share_the_lan() -> None:
    topology = (
        Builder("lab").cell("main", gateways=2, hosts=3).cell("east").direct("main", "east", paths=3).build()
    )
    assert [link.a.node for link in topology.wan_between("main", "east")] == [
        "main-gw1",
        "main-gw2",
        "main-gw1",
    ]
    assert [topology.link(f"main-h{h}").a.node for h in (1, 2, 3)] == ["main-gw1", "main-gw2", "main-gw1"]
    assert topology.cell("main").hosts[1].routes_via == ("10.0.1.2", "fdce:11:0:1::2")
    joint = topology.link("main-gw1-gw2")
    assert {joint.a.node, joint.b.node} == {"main-gw1", "main-gw2"}
    assert [gateway.controller_node for gateway in topology.cell("main").gateways] == [
        "main-ctl1",
        "main-ctl2",
    ]


def test_a_router_is_no_cell_and_carries_its_addresses_itself() -> None:
    topology = (
        Builder("wan")
        .cell("main")
        .cell("east")
        .router("p1", asn=64512)
        .direct("main", "p1")
        .direct("p1", "east")
        .build()
    )
    assert [router.name for router in topology.routers] == ["p1"]
    assert topology.link("main-p1").b.l3_port is None
    assert topology.router("p1").asn == 64512
    assert topology.wan_between("main", "east") == ()
    assert [link.name for link in topology.uplinks("main")] == ["main-p1"]
    assert [link.name for link in topology.uplinks("east")] == ["p1-east"]


def test_a_second_cable_to_a_router_renames_nothing() -> None:
    base = Builder("wan").cell("main").router("p1").router("p2", daemon="frr")
    one = base.direct("p1", "p2").direct("main", "p1").build()
    two = base.direct("p1", "p2").direct("main", "p1", paths=2).build()
    assert [link.name for link in one.uplinks("main")] == ["main-p1"]
    assert [link.name for link in two.uplinks("main")] == ["main-p1", "main-p1-2"]
    assert one.link("main-p1") == two.link("main-p1")
    assert [router.asn for router in one.routers] == [64601, 64602]


@pytest.mark.parametrize("router", ["h1", "gw2", "ctl1", "mgr"])
def test_a_router_is_not_called_like_a_node_of_a_cell(router: str) -> None:
    with pytest.raises(TopologyError, match="what nodes inside a cell are called by"):
        Builder("wan").cell("main").router(router).direct("main", router).build()


def test_a_link_to_a_router_is_not_called_like_a_path() -> None:
    with pytest.raises(TopologyError, match="its path main-east-1 would have the same name"):
        (
            Builder("wan")
            .cell("main")
            .cell("east")
            .router("east-1")
            .direct("main", "east")
            .direct("main", "east-1")
            .build()
        )


def test_a_router_that_is_linked_to_nothing() -> None:
    with pytest.raises(TopologyError, match="no link leads from router p1 to the main cell main"):
        Builder("wan").cell("main").router("p1").build()


def test_written_values_replace_derived_ones() -> None:
    cell = (
        Builder("lab")
        .cell("hq", kind=CellKind.MAIN, asn=4200000000, prefixes=["10.9.0.0/20"], hosts=[["10.9.3.7"], []])
        .build()
        .cell("hq")
    )
    assert cell.asn == 4200000000
    assert cell.prefixes == (ip_network("10.9.0.0/20"), ip_network("fdce:11:0:1::/64"))
    assert cell.hosts[0].addresses == (ip_interface("10.9.3.7/20"), ip_interface("fdce:11:0:1::21/64"))
    assert cell.hosts[1].addresses[0] == ip_interface("10.9.0.22/20")


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        Builder("lab")
        .cell("main")
        .cell("East", asn=65001)
        .cell("west")
        .direct("main", "main")
        .direct("a", "b")
    )
    assert [line.split(":")[0] for line in found] == [
        "cells[1].name",
        "cells[1].asn",
        "links[0].between",
        "links[1].between[0]",
        "links[1].between[1]",
    ]


@pytest.mark.parametrize(
    ("builder", "text"),
    [
        (Builder("lab"), "there are no cells"),
        (Builder("lab").cell("east"), "write 'kind: main' for one of them"),
        (
            Builder("lab").cell("main").cell("b", kind=CellKind.MAIN).direct("main", "b"),
            "is the main cell already",
        ),
        (Builder("lab").cell("main").cell("main").direct("main", "main"), "already used by another cell"),
        (Builder("lab").cell("main").cell("b"), "no link leads from cell b to the main cell main"),
        (Builder("lab").cell("main", hosts=201), "give a number from 0 to 200"),
        (Builder("lab").cell("main", hosts=-1), "give a number from 0 to 200"),
        (Builder("lab").cell("main", hosts=10**9), "give a number from 0 to 200"),
        (Builder("lab").cell("main", gateways=0), "give a number from 1 to 8"),
        (Builder("lab").cell("main", gateways=10**9, hosts=[["10.0.1.77"]]), "give a number from 1 to 8"),
        (Builder("lab").cell("main", asn=23456), "23456 is no AS number that may be used"),
        (Builder("lab").cell("main").cell("b" * 25).direct("main", "b" * 25), "use at most 24"),
        (Builder("lab").cell("main").cell("mgmt").direct("main", "mgmt"), "'mgmt' is reserved"),
        (Builder("lab").cell("main").cell("main-gw1").direct("main", "main-gw1"), "reads like a node"),
        (Builder("Lab").cell("main"), "use lower-case letters"),
        (Builder("lab").cell("main").cell("b").direct("main", "b", paths=65), "give a number from 1 to 64"),
        (Builder("lab").cell("main").cell("b").direct("main", "b").direct("b", "main"), "raise its 'paths'"),
        (Builder("lab").cell("main", prefixes=["10.0.0.0/24", "10.0.9.0/24"]), "at most one of each family"),
        (Builder("lab").cell("main", prefixes=["10.0.0.1/24"]), "did you mean 10.0.0.0/24?"),
        (Builder("lab").cell("main", prefixes=["172.20.0.0/24"]), "which belongs to the WAN links"),
        (Builder("lab").cell("main", prefixes=["100.127.0.0/24"]), "the BGP identifiers of provider routers"),
        (Builder("lab").cell("main", prefixes=["10.0.0.0/28"], hosts=1), "is too small"),
        (Builder("lab").cell("main", prefixes=["fd00::/120"]), "use a length from 16 to 112"),
        (
            Builder("lab").cell("main", prefixes=["10.0.0.0/16"]).cell("b").direct("main", "b"),
            "its derived prefix 10.0.2.0/24 overlaps 10.0.0.0/16 of cell main",
        ),
        (Builder("lab").cell("main", hosts=[["10.0.2.5"]]), "outside 10.0.1.0/24"),
        (Builder("lab").cell("main", hosts=[["10.0.1.5", "10.0.1.6"]]), "has an IPv4 address already"),
        (Builder("lab").cell("main", hosts=[["10.0.1.255"]]), "first or last address"),
        (Builder("lab").cell("main", hosts=[["10.0.1.1"]]), "used by gateway 1 of the cell"),
        (Builder("lab").cell("main", hosts=[["10.0.1.22"], []]), "used by host 2 of the cell"),
        (Builder("lab").cell("main", hosts=[["10.0.1.5/24"]]), "without a prefix length"),
        (Builder("lab").cell("main", hosts=[["fdce:11:0:1::1%eth0"]]), "is no address"),
        (
            Builder("lab")
            .cell("main")
            .cell("a-b")
            .cell("c")
            .cell("a")
            .cell("b-c")
            .direct("a-b", "c")
            .direct("a", "b-c")
            .direct("main", "a")
            .direct("main", "c"),
            "its path a-b-c-1 would have the same name",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_remedy(builder: Builder, text: str) -> None:
    found = problems(builder)
    assert any(text in line for line in found), found


def test_a_host_with_an_address_in_one_cell_too_many_is_no_second_problem() -> None:
    builder = Builder("lab").cell("main")
    for number in range(250):
        builder = builder.cell(f"c{number}", hosts=[["10.9.9.9"]]).direct("main", f"c{number}")
    assert any("at most 250 cells" in line for line in problems(builder))


def test_too_many_cells() -> None:
    builder = Builder("lab").cell("main")
    for n in range(2, 252):
        builder = builder.cell(f"c{n}").direct("main", f"c{n}")
    assert problems(builder) == [
        (
            "cells[250]: this is cell number 251 of 251; "
            "a topology has at most 250 cells: each takes one number of the address plan"
        )
    ]
