"""Three cells, two routers with BIRD: connected, broken and repaired; two connections share each session."""

from __future__ import annotations

import shutil

import pytest

from tests.lab.provider.cloud import Cloud, eventually

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("bird") is None, reason="BIRD 2 is not installed (package bird2)"),
]
SETTINGS = {"cells": 3}


@pytest.fixture(scope="module")
def connected(cloud: Cloud) -> Cloud:
    """main joined to both other cells."""
    for cell in ("cell2", "cell3"):
        cloud.connect("main", cell)
    return cloud


def test_two_connections_share_the_sessions_of_the_uplinks(connected: Cloud) -> None:
    assert connected.reaches("main", "cell2")
    assert connected.reaches("main", "cell3")
    assert not connected.reaches("cell2", "cell3", within=1), "nobody has connected these two"
    assert connected.bgp_sessions("main-gw1") == 2
    for router in ("p1", "p2"):
        prefixes = {str(prefix) for cell in connected.topology.cells for prefix in cell.prefixes}
        assert connected.routes(router) == prefixes


def test_the_router_on_the_way_is_seen(connected: Cloud) -> None:
    paths = connected.api.paths("main", "cell2")
    assert [(path["via"], path["operating_status"]) for path in paths["paths"]] == [
        (["p1"], "ONLINE"),
        (["p2"], "ONLINE"),
    ]
    router_end = connected.topology.link("main-p1").b.addresses
    # A gateway keeps silent about a packet whose time is over; a router does not.
    assert connected.hops("main", "cell2", 4) == ["", str(router_end[0].ip), ""]
    assert connected.hops("main", "cell2", 6) == ["", str(router_end[1].ip), ""]


def test_a_cut_uplink_and_a_silent_one_keep_delivering(connected: Cloud) -> None:
    for fault in ({"kind": "cut", "link": "main-p1"}, {"kind": "blackhole", "link": "cell2-p1"}):
        traffic = connected.traffic("main", "cell2", 3.0)
        connected.lab.inject(fault)
        assert connected.lost(traffic) < 75, f"{fault} took more than 1.5 s"
        assert connected.reaches("main", "cell2")
        assert connected.reaches("cell3", "main")
        connected.heal()


def test_a_crash_of_the_speaker_costs_no_packet(connected: Cloud) -> None:
    traffic = connected.traffic("main", "cell2", 6.0)
    connected.lab.inject({"kind": "crash", "service": "speaker@main-gw1"})
    assert connected.lost(traffic) == 0
    eventually(lambda: connected.bgp_sessions("main-gw1") == 2, "the sessions are back")


def test_a_router_dies_and_the_other_uplink_carries(connected: Cloud) -> None:
    traffic = connected.traffic("main", "cell2", 3.0)
    connected.lab.inject({"kind": "crash", "service": "router@p1"})
    assert connected.lost(traffic) < 75
    connected.heal()
    connected.lab.inject({"kind": "freeze", "service": "router@p1"})
    eventually(lambda: connected.reaches("main", "cell2"), "delivery beside a frozen router")


def test_a_router_takes_from_a_cell_what_is_the_cells(connected: Cloud) -> None:
    """The cell announces a prefix that the provider knows nothing of."""
    foreign = "192.168.77.0/24"
    own = [str(prefix) for prefix in connected.topology.cell("cell3").prefixes]
    connected.api.create_endpoint("leaky", "cell3", prefixes=[*own, foreign])
    connected.api.create_endpoint("other", "cell2")
    connection = connected.api.create_connection("leak", "leaky", "other", families=["ipv4"])
    try:
        eventually(
            lambda: (
                f"no route to {foreign}" in connected.api.connection(connection.id).explain()
                and f"no route to {own[0]}" not in connected.api.connection(connection.id).explain()
            ),
            "the own prefix passes and the foreign one does not",
        )
        assert foreign not in connected.routes("p1") | connected.routes("p2")
    finally:
        connected.api.delete_connection(connection.id)
        connected.api.wait_until_gone(connection.id, 20)


def test_one_connection_goes_and_the_other_loses_nothing(connected: Cloud) -> None:
    (leaving,) = [each for each in connected.api.connections() if each.name == "main-cell3"]
    traffic = connected.traffic("main", "cell2", 3.0)
    connected.api.delete_connection(leaving.id)
    connected.api.wait_until_gone(leaving.id, 20)
    assert connected.lost(traffic) == 0
    assert connected.bgp_sessions("main-gw1") == 2
    assert connected.bgp_sessions("cell3-gw1") == 0
    assert not connected.reaches("main", "cell3", within=1)
