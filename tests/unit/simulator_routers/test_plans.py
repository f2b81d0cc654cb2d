"""What a provider's router does, whichever daemon it runs: who calls whom, and what is taken from whom."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from simulator import doctor, lab, stack
from simulator.doctor import programs
from simulator.doctor.findings import Finding, missing_for_lab
from simulator.routers import bird, frr, plans
from topologies import catalogue
from topologies.model import Topology


@pytest.fixture
def topology() -> Topology:
    return catalogue.build("provider", {"cells": 3, "daemon": "mixed"})


def test_of_each_session_exactly_one_end_calls(topology: Topology) -> None:
    one, other = (plans.plan(topology, router, 10) for router in topology.routers)
    between = [n for plan in (one, other) for n in plan.neighbors if n.customer is None]
    assert sorted(n.waits for n in between) == [False, True]
    assert between[0].local_v4 == between[1].peer_v4
    # A cell's speaker calls (its site file says so), so the router waits.
    assert all(n.waits for plan in (one, other) for n in plan.neighbors if n.customer is not None)


def test_a_router_has_a_session_with_each_cell_and_each_other_router(topology: Topology) -> None:
    plan = plans.plan(topology, topology.router("p1"), 10)
    assert [(n.name, n.asn) for n in plan.neighbors] == [
        ("p1_p2", 64602),
        ("main_p1", 65001),
        ("cell2_p1", 65002),
        ("cell3_p1", 65003),
    ]


def test_from_a_cell_only_its_own_is_taken(topology: Topology) -> None:
    plan = plans.plan(topology, topology.router("p1"), 10)
    text = bird.render(plan)
    filter_ = text[text.index("filter from_cell2") : text.index("filter from_cell3")]
    assert "10.0.2.0/24{24,28}" in filter_
    assert "10.0.1.0/24" not in filter_
    assert filter_.rstrip().endswith("reject;\n}")
    lines = frr.render_bgpd(plan).splitlines()
    start = lines.index("route-map from-cell2 permit 10")
    assert lines[start + 1 : start + 3] == [
        " match ip address prefix-list of-cell2",
        " match as-path only-cell2",
    ]
    assert not any("import all" in line for line in text.splitlines())


def test_parts_of_a_prefix_are_bounded() -> None:
    assert plans.longest(ip_network("10.0.0.0/24")) == 28
    assert plans.longest(ip_network("10.0.0.0/30")) == 32
    assert plans.longest(ip_network("fd00::/126")) == 128


def test_a_lab_runs_the_daemon_that_the_topology_names(topology: Topology) -> None:
    expanded = stack.expand(topology, "ryu", bfd_ms=50)
    routers = {service.name: service for service in expanded.services if service.role == "router"}
    assert set(routers) == {"router@p1", "router@p2"}
    assert routers["router@p1"].argv[0] == "bird"
    assert "simulator.routers.frr_process" in routers["router@p2"].argv
    assert "interval 50 ms" in expanded.texts["/run/lab/nodes/p1/bird.conf"]
    assert "receive-interval 50" in expanded.texts["/run/lab/nodes/p2/bfdd.conf"]


def test_bfd_is_as_quick_as_on_fibres() -> None:
    assert stack.bfd_interval_ms(catalogue.build("provider")) == 10
    assert stack.bfd_interval_ms(catalogue.build("two-cells")) == 10
    assert stack.bfd_interval_ms(catalogue.build("provider", {"cells": 9})) == 50


def test_a_site_file_names_the_router_at_the_far_end(topology: Topology) -> None:
    cell = topology.cell("cell2")
    site = stack.site_document(topology, cell, cell.gateways[0])
    router_end = topology.link("cell2-p1").b
    assert site["wan"][0]["peer"] == {
        "name": "p1",
        "asn": 64601,
        "addresses": [str(address) for address in router_end.addresses],
        "mac": router_end.mac,
        "passive": False,
    }
    fibres = catalogue.build("two-cells")
    cell = fibres.cell("main")
    assert "peer" not in stack.site_document(fibres, cell, cell.gateways[0])["wan"][0]


def test_a_missing_daemon_keeps_only_those_labs_from_running_that_need_it() -> None:
    frr_missing = Finding("frr", False, "not found", "daemon:frr", "install it")
    assert missing_for_lab([frr_missing]) == ()
    assert missing_for_lab([frr_missing], {"bird"}) == ()
    assert missing_for_lab([frr_missing], {"frr"}) == (frr_missing,)


def test_lab_up_refuses_in_the_doctor_s_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(tmp_path))
    absent = programs.Program("no-such-bird", "daemon:bird", "bird2")
    others = tuple(each for each in programs.PROGRAMS if each.needed_for != "daemon:bird")
    monkeypatch.setattr(programs, "PROGRAMS", (*others, absent))
    with pytest.raises(doctor.NotCapableError, match=r"no-such-bird: not found; .*bird2"):
        lab.up("provider")
    assert list(tmp_path.iterdir()) == []
