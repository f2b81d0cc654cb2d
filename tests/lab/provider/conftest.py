"""One lab a module; the module says which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cellnet_core.client import Client
from simulator import lab as labs
from tests.lab.provider.cloud import BFD_MS, Cloud
from topologies import catalogue


@pytest.fixture(scope="module")
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The lab of `SETTINGS` of the module, or of its parameter."""
    settings = getattr(request, "param", None) or request.module.SETTINGS
    topology = catalogue.build("provider", settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = labs.up(topology, name="provider", bfd_ms=BFD_MS)
        try:
            with Client.unix(str(client.manager_socket)) as api:
                yield Cloud(client, api, topology)
        finally:
            client.down()


@pytest.fixture(autouse=True)
def _healed(cloud: Cloud) -> Iterator[None]:
    yield
    cloud.heal()
