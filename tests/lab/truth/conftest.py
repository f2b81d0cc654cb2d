"""One lab for the tests of a file; each test leaves the connection ONLINE and the policy at repair."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cellnet_core.client import Client
from simulator import lab
from tests.lab.truth.setting import PATIENCE, Setting
from topologies import catalogue


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        machine = lab.up(catalogue.build("two-cells", {"hosts": 1}), bfd_ms=100)
        try:
            machine.wait_ready()
            with Client.unix(str(machine.manager_socket)) as client:
                client.create_endpoint("a", cell="main")
                client.create_endpoint("b", cell="east")
                client.create_connection("ab", "a", "b")
                client.wait_for_status("ab", timeout=60)
                yield Setting(machine, client)
        finally:
            machine.down()


@pytest.fixture(autouse=True)
def _online_afterwards(setting: Setting) -> Iterator[None]:
    yield
    setting.client.wait_for_status("ab", timeout=PATIENCE)
