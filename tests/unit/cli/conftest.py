"""The `cellnet` command in this process, against a manager served on a unix socket of a run directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from cellnet_core.northbound.app import create_app
from cellnet_core.northbound.server import unix_socket
from tests.unit.manager.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "manager.db")
    yield made
    made.manager.context.database.close()


@pytest.fixture
def lab(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A lab called "demo", as far as the command line can see one."""
    directory = tmp_path / "run"
    monkeypatch.setenv("CELLNET_RUN_DIR", str(directory))
    for name in ("CELLNET_URL", "CELLNET_LAB"):
        monkeypatch.delenv(name, raising=False)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(world.manager),
            log_config=None,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    with unix_socket(directory / "demo" / "manager.sock") as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield world
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()
