"""One lab for these tests: two connected cells whose path detection is slow enough for a busy machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cellnet_core.client import Client
from simulator import lab
from simulator.client import LabClient

BFD_MS = 500
"""A false alarm reorders groups, rightly; at the lab's own 10 ms a busy machine makes several a minute."""
GATEWAYS = ("main-gw1", "east-gw1")
CONNECTION = "captured"


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    """The lab, with the connection online."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = lab.up("two-cells")
        try:
            for gateway in GATEWAYS:
                slow_down(client, gateway)
            with Client.unix(str(client.manager_socket)) as api:
                api.create_endpoint("main-end", "main")
                api.create_endpoint("east-end", "east")
                api.create_connection(CONNECTION, "main-end", "east-end")
                api.wait_for_status(CONNECTION, timeout=30)
            yield client
        finally:
            client.down()


@pytest.fixture(scope="package")
def api(client: LabClient) -> Iterator[Client]:
    with Client.unix(str(client.manager_socket)) as api:
        yield api


@pytest.fixture(autouse=True)
def _here(client: LabClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(client.run_directory.parent))


def slow_down(client: LabClient, gateway: str) -> None:
    path = client.run_directory / "nodes" / gateway / "site.json"
    site = json.loads(path.read_text(encoding="utf-8"))
    for port in site["wan"]:
        port["bfd"] = {"min_tx_ms": BFD_MS, "min_rx_ms": BFD_MS, "multiplier": 3}
    path.write_text(json.dumps(site), encoding="utf-8")
    client.restart_service(f"agent@{gateway}")
