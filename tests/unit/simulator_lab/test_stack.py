"""Every topology becomes the command lines and files that the other packages expect."""

from __future__ import annotations

import json

import pytest

from cellnet_core.model.site import Site
from simulator import stack
from simulator.services import Notified
from topologies import catalogue

CATALOGUE = catalogue.names()


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_site_file_is_one_that_an_agent_takes(name: str) -> None:
    topology = catalogue.build(name)
    files = stack.expand(topology, "ryu").files
    for cell in topology.cells:
        for gateway in cell.gateways:
            site = Site.model_validate_json(json.dumps(files[stack.site_file(gateway)]))
            assert (site.cell, site.gateway, site.asn) == (cell.name, gateway.name, cell.asn)
            assert site.prefixes == cell.prefixes
            assert site.lan.health_addresses == gateway.health_addresses
            names = {link.name for link in topology.links_of(gateway.name)}
            assert len(site.wan) + len(site.lan.interfaces) + 2 == len(names)  # and management, and control


def test_the_site_of_the_main_gateway_in_full() -> None:
    topology = catalogue.build("two-cells")
    main = topology.cell("main")
    site = stack.site_document(topology, main, main.gateways[0])
    assert site["manager_url"] == "http://100.64.0.1:9790"
    assert site["controller"] == {
        "target": "tcp:192.168.254.2:6653",
        "socket": "/run/lab/nodes/main-ctl1/controller-main-gw1.sock",
    }
    assert site["wan"][0] == {
        "interface": "wan1",
        "l3_port": "ip-wan1",
        "mac": "02:ce:30:00:00:01",
        "addresses": ["172.16.0.1/30", "fdce:11:ffff:1::1/64"],
        "bfd": {"min_tx_ms": 10, "min_rx_ms": 10, "multiplier": 3},
    }
    assert site["lan"]["interfaces"] == ["lan1"]


@pytest.mark.parametrize(("cells", "interval"), [(2, 10), (3, 10), (8, 50), (16, 100)])
def test_bfd_slows_down_with_the_size_of_the_lab(cells: int, interval: int) -> None:
    topology = catalogue.build("main-and-subs", {"cells": cells})
    assert stack.bfd_interval_ms(topology) == interval


def test_bfd_may_be_slower_than_the_size_asks() -> None:
    files = stack.expand(catalogue.build("two-cells"), "ryu", bfd_ms=100).files
    intervals = [port["bfd"]["min_tx_ms"] for path in files if "site" in path for port in files[path]["wan"]]
    assert intervals == [100] * 4


def test_each_cell_has_its_own_processes_and_the_main_cell_the_manager() -> None:
    services = stack.expand(catalogue.build("main-and-subs", {"cells": 3}), "os-ken").services
    names = {service.name for service in services}
    assert len(names) == len(services) == 3 * 5 + 1
    assert {name for name in names if name.endswith(("@sub1-gw1", "@sub1-ctl1"))} == {
        "ovsdb@sub1-gw1",
        "switch@sub1-gw1",
        "agent@sub1-gw1",
        "speaker@sub1-gw1",
        "controller@sub1-ctl1",
    }
    assert "manager@main-mgr" in names
    for service in services:
        assert set(service.after) <= names, service


def test_command_lines_are_the_contract() -> None:
    services = {
        service.name: service for service in stack.expand(catalogue.build("two-cells"), "os-ken").services
    }

    def line(name: str) -> list[str]:
        argv = services[name].argv
        return list(argv[argv.index("-m") + 1 :])

    assert line("agent@east-gw1") == [
        "cellnet_core.agent",
        "--site",
        "/run/lab/nodes/east-gw1/site.json",
    ]
    assert line("speaker@east-gw1") == ["bgp.speaker", "--directory", "/run/lab/nodes/east-gw1/speaker"]
    assert line("manager@main-mgr") == [
        "cellnet_core.northbound",
        "--config",
        "/run/lab/nodes/main-mgr/manager.json",
    ]
    assert line("controller@east-ctl1") == [
        "cellnet_core.openflow.controller_app",
        *("--library", "os-ken"),
        *("--listen", "192.168.254.2:6653"),
        *("--socket", "/run/lab/nodes/east-ctl1/controller-east-gw1.sock"),
        *("--journal", "/run/lab/journal/controller-east-ctl1.jsonl"),
    ]
    ours = [service for service in services.values() if "-m" in service.argv]
    assert all(isinstance(service.ready, Notified) for service in ours)


@pytest.mark.parametrize("name", CATALOGUE)
def test_socket_paths_fit(name: str) -> None:
    """unix(7): 107 bytes."""
    sites = [
        value for path, value in stack.expand(catalogue.build(name), "ryu").files.items() if "site" in path
    ]
    for site in sites:
        paths = (site["controller"]["socket"], f"{site['speaker']['directory']}/api.sock")
        assert all(len(path) <= 107 for path in paths)


def test_the_manager_knows_every_cell() -> None:
    topology = catalogue.build("ring", {"cells": 4})
    document = stack.manager_document(topology, topology.cell("main"))
    assert document["listen"] == "100.64.0.1:9790"
    assert document["unix_socket"] == "/run/lab/manager.sock"
    assert [cell["name"] for cell in document["cells"]] == ["main", "cell2", "cell3", "cell4"]
    assert document["cells"][0]["id"] == str(topology.cells[0].uuid)


def test_every_agent_enrols_by_itself() -> None:
    topology = catalogue.build("ring", {"cells": 4})
    document = stack.manager_document(topology, topology.cell("main"))
    files = stack.expand(topology, "ryu").files
    sites = {site["gateway"]: site for path, site in files.items() if "site" in path}
    assert document["agents"] == "enrolled"
    assert {entry["gateway"]: entry["file"] for entry in document["enrol"]} == {
        gateway: site["enrolment_file"] for gateway, site in sites.items()
    }
