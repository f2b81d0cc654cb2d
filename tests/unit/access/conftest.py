"""The API behind its gate: by TCP with tokens, by the unix socket, and agents that enrol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from cellnet_core.northbound.access import tokens
from cellnet_core.northbound.access.enforcement import Enforcement
from cellnet_core.northbound.access.guard import LISTENER, Access
from cellnet_core.northbound.access.signatures import Signatures
from cellnet_core.northbound.access.tokens import TokenFile
from cellnet_core.northbound.app import create_app
from tests.unit.manager.world import World

ROLES = ("admin", "manager", "member", "reader", "peer")
CONNECTION = "main-east"
"""What the peer's token names."""
Connect = Callable[..., TestClient]


class Door:
    """As the manager's process marks requests with the listener they came by."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[LISTENER] = self._name
        await self._app(scope, receive, send)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "manager.db")
    made.add_cells()
    yield made
    made.manager.context.database.close()


@pytest.fixture
def secrets() -> dict[str, str]:
    """A token for each role."""
    return {role: tokens.create() for role in ROLES}


@pytest.fixture
def token_file(tmp_path: Path, secrets: dict[str, str]) -> Path:
    lines = [
        tokens.line(f"user-{role}", (role,), token, (CONNECTION,) if role == "peer" else ())
        for role, token in secrets.items()
    ]
    path = tmp_path / "tokens"
    path.write_text("\n".join(["# who may what", "", *lines]))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session")
def defaults() -> Enforcement:
    """The defaults, with oslo.policy loaded once."""
    return Enforcement(load=True)


@pytest.fixture
def connect(world: World, token_file: Path, secrets: dict[str, str], defaults: Enforcement) -> Connect:
    """A client by "tcp" or "unix", with the token of a role or none."""
    access = Access(TokenFile(token_file), Signatures(world.manager.enrolment), defaults)
    app = create_app(world.manager, access)

    def client(role: str | None = None, door: str = "tcp", **headers: str) -> TestClient:
        if role is not None:
            headers["X-Auth-Token"] = secrets[role]
        return TestClient(Door(app, door), raise_server_exceptions=False, headers=headers)

    return client
