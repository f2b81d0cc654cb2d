"""A lab is up when its agents have reported: who has only enrolled is listed, and has said nothing yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import pytest

from simulator import enrolment
from simulator.errors import NotReadyError
from topologies import catalogue

TWO = catalogue.build("two-cells", {"hosts": 1})
SEEN = "2026-01-01T00:00:00Z"
Answer = dict[str, str | None] | int


class Asked:
    """What the manager answers, one after the other, the last for ever; and how often it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.times = 0

    def next(self) -> Answer:
        self.times += 1
        return self.answers[min(self.times, len(self.answers)) - 1]


@contextmanager
def manager(socket: Path, asked: Asked) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = asked.next()
            agents = [] if isinstance(answer, int) else [_agent(*each) for each in answer.items()]
            body = json.dumps({"agents": agents}).encode()
            self.send_response(answer if isinstance(answer, int) else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "lab"

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    with ThreadingUnixStreamServer(str(socket), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(10)


def _agent(gateway: str, last_seen: str | None) -> dict[str, str | None]:
    return {"gateway": gateway, "last_seen_at": last_seen}


def test_an_agent_that_has_only_enrolled_is_waited_for(tmp_path: Path) -> None:
    asked = Asked(
        503,
        {"main-gw1": None, "east-gw1": None},
        {"main-gw1": SEEN, "east-gw1": None},
        {"main-gw1": None, "east-gw1": SEEN},  # once heard is heard
    )
    with manager(tmp_path / "m.sock", asked):
        enrolment.wait(tmp_path / "m.sock", TWO, 20.0)
    assert asked.times == 4


def test_who_has_not_reported_in_time_is_named(tmp_path: Path) -> None:
    asked = Asked({"main-gw1": SEEN, "east-gw1": None})
    with manager(tmp_path / "m.sock", asked), pytest.raises(NotReadyError) as late:
        enrolment.wait(tmp_path / "m.sock", TWO, 0.1)
    assert "no report from the agent of east-gw1" in str(late.value)
    assert "main-gw1" not in str(late.value)


def test_a_manager_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=r"after 0\.1 s"):
        enrolment.wait(tmp_path / "none.sock", TWO, 0.1)
