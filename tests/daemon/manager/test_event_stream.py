"""The stream of events from the real process: at once, filtered, resumed over kill -9, never in the way."""

from __future__ import annotations

import itertools
import queue
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cellnet_core.client import ApiError, UnreachableError
from cellnet_core.northbound.event_stream import MAX_STREAMS
from tests.daemon.manager.process import ManagerProcess

pytestmark = pytest.mark.daemon


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    made = ManagerProcess(tmp_path)
    made.start()
    yield made
    made.close()


class Follower(threading.Thread):
    """Follows like `cellnet event list --follow`: after a break it goes on behind the last event it saw."""

    def __init__(self, manager: ManagerProcess, after: int) -> None:
        super().__init__(daemon=True)
        self.seen: queue.Queue[int] = queue.Queue()
        self.breaks = 0
        self.stop = threading.Event()
        self._manager = manager
        self._last = after

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                with self._manager.client() as client:
                    for event in client.follow_events(self._last, type="cell.created"):
                        self._last = event.id
                        self.seen.put(event.id)
            except UnreachableError:
                self.breaks += 1
                self.stop.wait(0.05)


def test_no_event_is_missed_or_repeated_over_three_kills(manager: ManagerProcess) -> None:
    with manager.client() as client:
        start = client.last_events(1)[0].id
    follower = Follower(manager, start)
    follower.start()
    wanted = []
    for life in range(4):
        with manager.client() as client:
            for number in range(30):
                client.create_cell(f"cell-{life}-{number}", 70_000 + 100 * life + number)
                # Noise that the filter keeps away:
                client.delete_cell(f"cell-{life}-{number}")
        if life < 3:
            manager.kill()  # wherever the follower is with its reading
            manager.start()
    with manager.client() as client:
        wanted = [e.id for e in client.events(start, 1000, type="cell.created")]
    assert len(wanted) == 120
    assert [follower.seen.get(timeout=30) for _ in wanted] == wanted
    assert follower.breaks >= 3
    follower.stop.set()
    assert manager.stop() == 0
    follower.join(30)
    assert follower.seen.empty()


def test_only_what_is_new_without_a_number_and_last_event_id_wins(manager: ManagerProcess) -> None:
    base = f"http://127.0.0.1:{manager.port}/v1/events/stream"
    with httpx.Client(timeout=20, trust_env=False) as http, manager.client() as client:
        with http.stream("GET", base) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert next(lines) == ": events"
            client.create_cell("new", 70_000)
            found = list(itertools.islice((line for line in lines if line), 4))
        assert [line.partition(":")[0] for line in found] == ["retry", "id", "event", "data"]
        assert found[2] == "event: cell.created"
        last = int(found[1].removeprefix("id: "))
        with http.stream(
            "GET", base, params={"after": 0}, headers={"Last-Event-ID": str(last - 1)}
        ) as answer:
            first = next(line for line in answer.iter_lines() if line.startswith("id: "))
        assert first == f"id: {last}"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"after": "-1"}, {}, 400),
        ({"colour": "red"}, {}, 400),
        ({"sort": "id"}, {}, 400),
        ({}, {"Last-Event-ID": "x"}, 400),
        ({}, {"Accept": "application/json"}, 406),
    ],
)
def test_what_is_no_stream(
    manager: ManagerProcess, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{manager.port}/v1/events/stream", params=query, headers=headers, trust_env=False
    )
    assert answer.status_code == status, answer.text


def test_who_comes_back_for_events_that_are_gone_is_told(manager: ManagerProcess) -> None:
    """Pruned past the running manager's back; it answers from what is there."""
    with sqlite3.connect(manager.database) as database:
        database.execute("delete from events where id < 3")
    address = f"http://127.0.0.1:{manager.port}/v1/events/stream"
    answer = httpx.get(address, headers={"Last-Event-ID": "1"}, trust_env=False)
    assert answer.status_code == 410, answer.text
    (said,) = answer.json()["errors"]
    assert said["code"] == "cell-network.event.marker_gone"
    assert "events 2 to 2 are kept no longer" in said["detail"]


def test_listeners_that_never_read_hold_nobody_up_and_are_bounded(manager: ManagerProcess) -> None:
    """Each asks for everything from the start and takes none of it."""
    request = b"GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n\r\n"
    listeners = []
    try:
        for _ in range(MAX_STREAMS):
            listener = socket.create_connection(("127.0.0.1", manager.port), 20)
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            listener.sendall(request)
        for listener in listeners:
            assert listener.recv(12) == b"HTTP/1.1 200"
        with manager.client() as client:
            with pytest.raises(ApiError, match="streams are open already") as caught:
                next(client.follow_events(0))
            assert caught.value.status == 503
            for number in range(50):
                client.create_cell(f"cell-{number}", 70_000 + number, description="x" * 200)
            assert len(client.cells()) == 52
    finally:
        for listener in listeners:
            listener.close()
    with manager.client() as client:
        for _ in range(600):  # until the manager has noticed that they are gone
            try:
                assert next(client.follow_events(0)).id == 1
                break
            except ApiError:
                threading.Event().wait(0.05)
        else:
            pytest.fail("streams that were closed are still counted")


def test_the_command_follows_over_a_restart(manager: ManagerProcess) -> None:
    command = [sys.executable, "-m", "cellnet_core.cli.main", "--url", f"unix://{manager.socket}"]
    with subprocess.Popen(
        [*command, "event", "list", "--follow", "--type", "cell.created"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert "cell main" in process.stdout.readline()
            assert "cell east" in process.stdout.readline()
            manager.kill()
            manager.start()
            with manager.client() as client:
                client.create_cell("later", 70_000)
            assert "cell later" in process.stdout.readline()
        finally:
            process.terminate()
