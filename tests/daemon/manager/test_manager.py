"""The real process: ready, two ways in, agents to ONLINE and back, kill -9 at any moment."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnet_core.client import ApiError, Client, ConflictError, UnreachableError
from tests.daemon.manager.process import ManagerProcess, agent
from tests.unit.manager.world import EAST, MAIN

pytestmark = pytest.mark.daemon


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    made = ManagerProcess(tmp_path)
    yield made
    made.close()


def test_two_agents_to_online_over_a_kill_and_to_deletion(manager: ManagerProcess) -> None:
    manager.start()
    port = manager.port
    with manager.client() as client, agent(port, "main", MAIN) as main, agent(port, "east", EAST) as east:
        make_endpoints(client)
        client.create_connection("main-east", "main-ep", "east-ep")
        connection = client.wait_for_status("main-east", timeout=30)
        assert connection.provisioning_status == "ACTIVE"
        assert {s.bgp_state for s in client.sessions("main-east")} == {"ESTABLISHED"}
        told = [list(main.generations), list(east.generations)]
        manager.kill()
        with pytest.raises(UnreachableError, match="no manager answers"):
            client.cells()
        manager.start()
        client.wait_for_status("main-east", timeout=30)
        assert [main.generations, east.generations] == told, "a restart changes nobody's intent"
        client.delete_connection("main-east")
        client.wait_until_gone("main-east", timeout=30)
        client.delete_endpoint("main-ep")
        types = [event.type for event in client.events()]
        assert types.count("connection.operating_status") >= 1
        assert "connection.deleted" in types
        assert "agent.silent" not in types
    assert manager.stop() == 0
    assert not manager.socket.exists()
    lines = (manager.directory / "journal" / "manager.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds.count("manager.started") == 2
    assert "connection.deleted" in kinds


def make_endpoints(client: Client) -> None:
    """As soon as the agents have reported (until then the manager says to try later)."""
    for cell in ("main", "east"):
        for _ in range(600):
            try:
                client.create_endpoint(f"{cell}-ep", cell)
                break
            except ConflictError as error:
                if error.code != "cell-network.endpoint.agent_unknown":
                    raise
                threading.Event().wait(0.05)
        else:
            pytest.fail(f"the agent of {cell} did not report")


def test_twenty_kills_lose_no_acknowledged_write(manager: ManagerProcess) -> None:
    """A writer that never rests, and kill -9 at twenty random moments."""
    seed = 20260101
    chosen = random.Random(seed)
    acknowledged: set[str] = set()
    attempted = 0
    manager.start()
    for life in range(20):
        died = threading.Event()
        wanted = chosen.randint(0, 25)
        delay = chosen.uniform(0, 0.01)
        reached = threading.Event()

        def killer(reached: threading.Event = reached, delay: float = delay) -> None:
            reached.wait(30)
            threading.Event().wait(delay)  # somewhere within a request
            manager.kill()

        thread = threading.Thread(target=killer)
        thread.start()
        with manager.client() as client:
            written = 0
            while not died.is_set():
                if written >= wanted:
                    reached.set()
                name = f"cell-{life}-{written}"
                attempted += 1
                try:
                    client.create_cell(name, 70_000 + attempted)
                except (UnreachableError, ApiError):
                    died.set()
                else:
                    acknowledged.add(name)
                written += 1
        thread.join(30)
        manager.start()
        with manager.client() as client:
            present = {cell.name for cell in client.cells()}
            events = {e.resource_name for e in _all_events(client) if e.type == "cell.created"}
        missing = acknowledged - present
        assert not missing, f"seed {seed}, life {life}: lost {missing}"
        assert events == present, "a row and its event are written together or not at all"
    assert len(acknowledged) > 20
    assert manager.stop() == 0


def _all_events(client: Client):
    last = 0
    while True:
        page = client.events(after=last)
        if not page:
            return
        yield from page
        last = page[-1].id


def test_a_second_manager_does_not_take_the_socket_of_a_living_one(manager: ManagerProcess) -> None:
    manager.start()
    found = _run(manager.config)
    assert found.returncode == 1
    assert f"another process is listening on {manager.socket}" in found.stderr
    with manager.client() as client:
        assert [cell.name for cell in client.cells()] == ["east", "main"]


def test_stopping_does_not_wait_for_those_who_wait(manager: ManagerProcess) -> None:
    manager.start()
    with socket.create_connection(("127.0.0.1", manager.port), 10) as waiting:
        waiting.sendall(b"GET /v1/agents/main/main-gw1/intent?after=0&wait=60 HTTP/1.1\r\nHost: x\r\n\r\n")
        with manager.client() as client:
            for _ in range(600):  # until that request is known to wait
                if client.agents():
                    break
                threading.Event().wait(0.05)
        assert manager.stop() == 0
        waiting.settimeout(10)
        assert b" 204 " in waiting.recv(1000)


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"listen": "nowhere"}, 2, "listen: 'nowhere' is no address"),
        ({"colour": "red"}, 2, "unknown 'colour'"),
        ({"unix_socket": "/x" * 60}, 2, "longer than the 107 bytes"),
        ({"cells": [{"name": "x"}]}, 2, "cells.0.asn"),
        ({"cells": "missing.yaml"}, 2, "missing.yaml: cannot be read"),
        (
            {
                "cells": [{"name": "a", "asn": 1, "prefixes": ["10.0.0.0/8"]}] * 1
                + [{"name": "b", "asn": 2, "prefixes": ["10.1.0.0/16"]}]
            },
            2,
            "prefix 10.1.0.0/16 overlaps 10.0.0.0/8 of cell a",
        ),
        ({"listen": "192.0.2.1:9790"}, 1, "cannot listen on 192.0.2.1:9790"),
        ({"database": "/dev/null/x.db"}, 1, "cannot make the directory of the database"),
    ],
)
def test_a_configuration_that_cannot_be(tmp_path: Path, changes: dict, status: int, says: str) -> None:
    found = _run(ManagerProcess(tmp_path, **changes).config)
    assert (found.returncode, "Traceback" in found.stderr) == (status, False), found.stderr
    assert says in found.stderr


def _run(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cellnet_core.northbound", "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
