"""kill -9 of the real manager amid bursts of writes: what was acknowledged is there, and all is whole."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from cellnet_core.client import ApiError, Client, NotFoundError, UnreachableError
from cellnet_core.store import checks
from cellnet_core.store.database import open_database
from tests.daemon.manager.process import ManagerProcess
from tests.population import port
from tests.postgresql import running

pytestmark = pytest.mark.daemon
LIVES = 8
WRITERS = 3
SEED = 20260102


@pytest.fixture(params=["sqlite", "postgresql"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ManagerProcess]:
    if request.param == "sqlite":
        made = ManagerProcess(tmp_path)
        yield made
        made.close()
        return
    with running() as server:
        made = ManagerProcess(tmp_path, database=server.create("cellnet"))
        yield made
        made.close()


@dataclass
class Writer:
    """Makes pairs of endpoints, joins them, changes and deletes some, until the manager is gone."""

    number: int
    there: dict[str, str] = field(default_factory=dict)
    """What was acknowledged last: name to description."""
    gone: set[str] = field(default_factory=set)
    """Whose deletion was acknowledged."""
    unsure: set[str] = field(default_factory=set)
    """Whose last order got no answer."""
    pairs: int = 0

    def run(self, client: Client, enough: threading.Event, wanted: int) -> None:
        written = 0
        while True:
            for order in self._orders(client):
                name, description = order[0], order[1]
                self.unsure.add(name)
                try:
                    order[2]()
                except (UnreachableError, ApiError) as error:
                    if isinstance(error, ApiError) and error.status < 500:
                        raise
                    return
                self.unsure.discard(name)
                if description is None:
                    self.there.pop(name, None)
                    self.gone.add(name)
                else:
                    self.there[name] = description
                written += 1
                if written >= wanted:
                    enough.set()

    def _orders(self, client: Client):
        """Name, the description that it has afterwards (None: it is gone), and what orders it."""
        self.pairs += 1
        names = []
        # Writers never share a port.
        base = 2 * (1000 * self.number + self.pairs)
        for end, cell in enumerate(("main", "east")):
            name = f"w{self.number}-{self.pairs}-{cell}"
            names.append(name)
            fields = {
                "gateway": f"{cell}-gw1",
                "interfaces": [port(base + end)],
                "health_check_addresses": [f"10.0.{end + 1}.11", f"fdce:11:0:{end + 1}::11"],
                "description": "first",
            }
            yield name, "first", lambda n=name, c=cell, f=fields: client.create_endpoint(n, c, **f)
        joined = f"w{self.number}-{self.pairs}"
        yield joined, "", lambda: client.create_connection(joined, *names)
        if self.pairs % 3 == 0:
            spare = f"w{self.number}-{self.pairs}-spare"
            fields["interfaces"] = [port(base + 20_000)]
            yield spare, "first", lambda: client.create_endpoint(spare, "east", **fields)
            yield spare, None, lambda: client.delete_endpoint(spare)


def burst(manager: ManagerProcess, writers: list[Writer], chosen: random.Random) -> None:
    """All write at once until the manager is killed, somewhere within a request."""
    enough = threading.Event()
    clients = [manager.client() for _ in writers]
    threads = [
        threading.Thread(target=writer.run, args=(client, enough, chosen.randint(1, 12)))
        for writer, client in zip(writers, clients, strict=True)
    ]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    threading.Event().wait(chosen.uniform(0, 0.03))
    manager.kill()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for client in clients:
        client.close()


def lost(client: Client, writers: list[Writer]) -> list[str]:
    """What was acknowledged and is not so."""
    found = {e.name: e.document["description"] for e in client.endpoints()}
    found |= {c.name: c.document["description"] for c in client.connections()}
    problems = []
    for writer in writers:
        for name, description in writer.there.items():
            if name not in writer.unsure and found.get(name) != description:
                problems.append(f"{name} is {found.get(name)!r}, acknowledged was {description!r}")
        problems += [f"{name} is back" for name in writer.gone - writer.unsure if name in found]
    return problems


def test_bursts_of_writes_and_kills_at_random_moments(manager: ManagerProcess) -> None:
    chosen = random.Random(SEED)
    writers = [Writer(number) for number in range(WRITERS)]
    manager.start()
    for life in range(LIVES):
        burst(manager, writers, chosen)
        database = open_database(manager.database, upgrade_it=False)
        assert checks.problems(database) == (), f"seed {SEED}, life {life}"
        database.close()
        manager.start()
        with manager.client() as client:
            assert lost(client, writers) == [], f"seed {SEED}, life {life}"
    assert sum(len(writer.there) for writer in writers) > LIVES
    assert "Traceback" not in manager.log()
    assert manager.stop() == 0


def test_the_check_sees_a_planted_loss(manager: ManagerProcess) -> None:
    """A row that goes without anybody's order is called lost, and a connection without paths is not whole."""
    writer = Writer(0)
    manager.start()
    with manager.client() as client:
        for name, description, order in list(writer._orders(client))[:3]:
            order()
            writer.there[name] = description
        assert lost(client, [writer]) == []
    manager.kill()
    database = open_database(manager.database, upgrade_it=False)
    with database.write() as session:
        session.execute(text("DELETE FROM paths"))
        session.execute(text("UPDATE endpoints SET description = 'another' WHERE name = 'w0-1-main'"))
    assert "has no path" in " ".join(problem.text for problem in checks.problems(database))
    database.close()
    manager.start()
    with manager.client() as client:
        assert lost(client, [writer]) == ["w0-1-main is 'another', acknowledged was 'first'"]
        with pytest.raises(NotFoundError):
            client.connection("w0-2")
