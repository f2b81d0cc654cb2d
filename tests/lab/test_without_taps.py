"""Without /dev/net/tun gateways have veth pairs instead of taps, and all else is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnet_core.client import Client
from simulator import lab as labs
from simulator.client import LabClient

pytestmark = pytest.mark.lab


@pytest.fixture
def tapless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabClient]:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(tmp_path))
    client = labs.up("two-cells", name="tapless", datapath="dummy")
    yield client
    client.down()


def reached(client: LabClient, address: str) -> bool:
    """Ten pings, the first of which may go before a route is there."""
    argv = ["ping", "-n", "-c", "3", "-i", "0.1", "-w", "10", address]
    return client.exec("main-h1", argv, timeout=15).returncode == 0


def test_cells_are_connected_without_a_tap_and_survive_the_switch(tapless: LabClient) -> None:
    for gateway in ("main-gw1", "east-gw1"):
        links = json.loads(tapless.exec(gateway, ["ip", "-j", "-d", "link"]).stdout)
        kinds = {link["ifname"]: link.get("linkinfo", {}).get("info_kind") for link in links}
        assert kinds["ip-wan1"] == kinds["ip-lan"] == "veth"
        assert "tun" not in kinds.values()

    with Client.unix(str(tapless.manager_socket)) as api:
        api.create_endpoint("a", "main")
        api.create_endpoint("b", "east")
        connection = api.create_connection("c", "a", "b")
        api.wait_for_status(connection.id, timeout=20)
        far = tapless.show().topology.cell("east").hosts[0]
        for address in far.addresses:
            assert reached(tapless, str(address.ip))
        # A packet with its checksum left to the hardware would die in the far kernel.
        tcp = "exec 3<>/dev/tcp/172.16.0.2/179 && echo open"
        assert "open" in tapless.exec("main-gw1", ["bash", "-c", tcp]).stdout

        tapless.kill_service("switch@main-gw1", 9)
        tapless.wait_ready(20)
        api.wait_for_status(connection.id, timeout=20)
        for address in far.addresses:
            assert reached(tapless, str(address.ip))
