"""kill -9 of manager and agents, and a database that was put back, on a real lab with packets all the time.

The bursts of writes without a lab are in tests/daemon/manager/test_durability.py; hundreds of kills are the
business of `make soak`.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cellnet_core.client import Client
from cellnet_core.client.errors import ClientError
from cellnet_core.store import backup, checks
from cellnet_core.store.database import open_database
from simulator import lab
from tests.soak.world import World
from topologies import sources

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]
SEED = 20260103
KILLS = 6
PAIR = ("main", "east")
EVERY_MS = 10


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(tmp_path / "run"))
    made = World.of(lab.up(sources.resolve("two-cells", {"paths": 2}), name="durability", bfd_ms=100))
    yield made
    made.lab.down()


class Pings:
    """An echo every EVERY_MS from a host of one cell to one of the other; `lost` after it was ended."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._end = threading.Event()
        self._host = world.cell("main").hosts[0].name
        self._target = str(world.cell("east").hosts[0].addresses[0].ip)
        self.sent = self.received = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        # A second at a time, one after the other without a pause.
        command = ["ping", "-n", "-q", "-i", f"{EVERY_MS / 1000}", "-c", "100", "-W", "2", self._target]
        while not self._end.is_set():
            said = self._world.lab.exec(self._host, command, timeout=30.0).stdout
            (line,) = [each for each in said.splitlines() if "packets transmitted" in each]
            words = line.split()
            self.sent += int(words[0])
            self.received += int(words[3])

    def end(self) -> tuple[int, int]:
        """Sent and lost."""
        self._end.set()
        self._thread.join(60)
        return self.sent, self.sent - self.received


def database(world: World) -> Path:
    """The manager's, as this side of the sandbox sees it."""
    (found,) = world.lab.run_directory.glob("nodes/*/manager.db")
    return found


def whole(world: World) -> None:
    """Nothing half-applied in the database."""
    opened = open_database(str(database(world)), upgrade_it=False)
    try:
        assert checks.problems(opened) == ()
    finally:
        opened.close()


def settled(world: World) -> None:
    world.until(lambda: world.settled() == "", 60.0, "everything is as ordered")


def describe(world: World, text: str, acknowledged: list[str]) -> None:
    """Order another description, which no packet depends on. The answer may be lost."""
    try:
        with Client.unix(str(world.lab.manager_socket), timeout=5.0) as api:
            fields = api.connection("main-east").document
            kept = {name: fields[name] for name in ("name", "local_endpoint", "remote_endpoint")}
            api.replace_connection("main-east", kept | {"description": text})
            acknowledged.append(text)
    except ClientError:
        return


def test_kills_at_random_moments_cost_no_packet(world: World) -> None:
    chosen = random.Random(SEED)
    world.connect(PAIR)
    settled(world)
    services = ["manager@main-mgr", "agent@main-gw1", "agent@east-gw1"]
    assert set(services) <= {service.name for service in world.lab.services()}
    pings = Pings(world)
    for number in range(KILLS):
        acknowledged: list[str] = []
        text = f"kill {number}"
        writing = threading.Thread(target=describe, args=(world, text, acknowledged))
        writing.start()
        time.sleep(chosen.uniform(0, 0.05))
        world.lab.kill_service(services[number % len(services)], signal.SIGKILL)
        writing.join(20)
        settled(world)
        if acknowledged:
            found = world.ask(lambda api: api.connection("main-east").document["description"])
            assert found == acknowledged[0], f"seed {SEED}, kill {number}"
        whole(world)
    sent, lost = pings.end()
    assert sent > 300
    assert lost == 0, f"seed {SEED}: {lost} of {sent}"


def test_a_database_that_was_put_back_costs_no_packet_until_confirmed(world: World) -> None:
    copy = database(world).with_name("before.db")
    backup.copy(database(world), copy)
    world.connect(PAIR)
    settled(world)
    pings = Pings(world)
    put_back(world, copy)
    astray = lambda: [a for a in world.ask(lambda api: api.agents()) if a.document["astray"]]  # noqa: E731
    world.until(lambda: len(astray()) == 2, 60.0, "both agents are seen astray")
    assert world.ask(lambda api: api.connections()) == ()
    # The database goes its own way, and its numbers pass those of the agents.
    for _ in range(3):
        world.ask(lambda api: api.create_connection("other", "main-ep", "east-ep"))
        world.ask(lambda api: api.delete_connection("other", force=True))
    time.sleep(3.0)
    sent, lost = pings.end()
    assert sent > 300
    assert lost == 0, f"{lost} of {sent} before anybody confirmed"
    for gateway, cell in (("main-gw1", "main"), ("east-gw1", "east")):
        world.ask(lambda api, c=cell, g=gateway: api.confirm_agent(c, g))
    world.until(lambda: astray() == [], 30.0, "both agents follow")
    host, target = world.cell("main").hosts[0].name, str(world.cell("east").hosts[0].addresses[0].ip)
    gone: Callable[[], bool] = lambda: (  # noqa: E731
        world.lab.exec(host, ["ping", "-n", "-q", "-c", "1", "-W", "1", target]).returncode != 0
    )
    world.until(gone, 30.0, "what this database does not know of is taken down")
    whole(world)


def put_back(world: World, copy: Path) -> None:
    """Freeze the manager, put the copy in place of its database, kill it: it comes back over the copy."""
    frozen = world.lab.inject({"kind": "freeze", "service": "manager@main-mgr"})
    for file in database(world).parent.glob("manager.db*"):
        file.unlink()
    copy.replace(copy.with_name("manager.db"))
    world.lab.kill_service("manager@main-mgr", signal.SIGKILL)
    if frozen in {fault.id for fault in world.lab.faults()}:
        world.lab.clear(frozen)
