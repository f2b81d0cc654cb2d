"""The API over a world of two cells, asked in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cellnet_core.northbound.app import create_app
from tests.unit.manager.world import World

NEW = {"OpenStack-API-Version": "cell-network 1.2"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "manager.db")
    yield made
    made.manager.context.database.close()


@pytest.fixture
def api(world: World) -> TestClient:
    """Without the monitor: a test moves time itself."""
    return TestClient(create_app(world.manager), raise_server_exceptions=False)


@pytest.fixture
def new(world: World, api: TestClient) -> TestClient:
    """Speaks 1.2, over a connection that is ONLINE."""
    world.online()
    api.headers.update(NEW)
    return api
