"""The controller's socket without any controller: garbage, order, parts, events."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cellnet_core.openflow import protocol
from cellnet_core.openflow.protocol import RequestError
from cellnet_core.openflow.server import Events, Server
from cellnet_core.openflow.values import Flow, FlowMod, Match, Mod, mod_to_json


class Shelf:
    """A back end that has two flows and takes everything."""

    def __init__(self) -> None:
        self.taken: list[Mod] = []

    def status(self) -> Mapping[str, Any]:
        return {"library": "none", "switches": []}

    def observe(self, dpid: int) -> tuple[Iterable[Mapping[str, Any]], Mapping[str, Any]]:
        if dpid != 1:
            raise RequestError(protocol.NO_SWITCH, "no such switch")
        return iter([{"flows": [1]}, {"flows": [2]}]), {"groups": []}

    def apply(self, dpid: int, mods: tuple[Mod, ...]) -> Mapping[str, Any]:
        self.taken += mods
        return {"count": len(mods), "failed": {}}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def client(tmp_path: Path, shelf: Shelf, events: Events) -> Iterator[socket.socket]:
    server = Server(tmp_path / "s", shelf, events)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(tmp_path / "s"))
        yield connection


def replies(client: socket.socket, count: int) -> list[Any]:
    lines = client.makefile("rb")
    return [json.loads(lines.readline()) for _ in range(count)]


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"id":1}',
        b'{"id":1,"op":"flush"}',
        b'{"id":1,"op":"observe"}',
        b'{"id":1,"op":"apply","dpid":1,"mods":[{"command":"burn"}]}',
        b'{"id":"one","op":"status"}',
        b'{"id":1,"op":"apply","dpid":1,"mods":' + b"[" * 20_000,
    ],
)
def test_a_bad_line_gets_a_typed_answer_and_the_next_one_is_served(
    client: socket.socket, line: bytes
) -> None:
    client.sendall(line + b'\n{"id":7,"op":"status"}\n')
    bad, good = replies(client, 2)
    assert bad["ok"] is False
    assert bad["error"]["code"] == protocol.BAD_REQUEST
    assert bad["error"]["message"]
    assert (good["id"], good["ok"]) == (7, True)


def test_a_refusal_carries_the_id_of_its_request(client: socket.socket) -> None:
    client.sendall(b'{"id":5,"op":"observe","dpid":9}\n{"id":6,"op":"observe"}\n')
    first, second = replies(client, 2)
    assert (first["id"], first["error"]["code"]) == (5, protocol.NO_SWITCH)
    assert (second["id"], second["error"]["code"]) == (6, protocol.BAD_REQUEST)


def test_parts_come_before_the_result(client: socket.socket) -> None:
    client.sendall(protocol.request_line(3, "observe", dpid=1))
    assert replies(client, 3) == [
        {"id": 3, "part": {"flows": [1]}},
        {"id": 3, "part": {"flows": [2]}},
        {"id": 3, "ok": True, "result": {"groups": []}},
    ]


def test_mods_arrive_in_order_and_too_many_are_refused(client: socket.socket, shelf: Shelf) -> None:
    mods = [FlowMod("set", Flow(10, n, Match())) for n in range(protocol.MAX_MODS + 1)]
    documents = [mod_to_json(mod) for mod in mods]
    client.sendall(protocol.request_line(1, "apply", dpid=1, mods=documents))
    client.sendall(protocol.request_line(2, "apply", dpid=1, mods=documents[:-1]))
    refused, taken = replies(client, 2)
    assert refused["error"]["code"] == protocol.BAD_REQUEST
    assert str(protocol.MAX_MODS) in refused["error"]["message"]
    assert taken["result"]["count"] == protocol.MAX_MODS
    assert shelf.taken == mods[:-1]
    assert [len(chunk) for chunk in protocol.split(mods)] == [protocol.MAX_MODS, 1]


def test_a_line_without_end_is_refused_and_the_connection_ends(client: socket.socket) -> None:
    chunk = b"x" * (1 << 20)
    try:
        for _ in range(12):
            client.sendall(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        data = client.recv(4096)
    except ConnectionResetError:
        return
    assert b"bad-request" in data


def test_a_watcher_gets_events_and_one_that_left_gets_none(client: socket.socket, events: Events) -> None:
    client.sendall(protocol.request_line(1, "watch"))
    lines = client.makefile("rb")
    assert json.loads(lines.readline())["ok"] is True
    events.publish("port", name="wan1")
    assert json.loads(lines.readline()) == {"event": {"about": "port", "name": "wan1"}}


def test_a_watcher_that_reads_nothing_holds_nobody_up() -> None:
    events = Events()
    watcher = events.subscribe()
    for number in range(20_000):
        events.publish("flow-removed", number=number)
    assert watcher.get_nowait()["number"] == 0
    events.unsubscribe(watcher)
    left = watcher.qsize()
    events.publish("port")
    assert watcher.qsize() == left < 20_000
