"""What strangers send, generated from the API's description and by hand: the service goes on answering."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from cellnet_core.client import Client
from tests.daemon.manager.process import ManagerProcess, agent
from tests.daemon.manager.test_manager import make_endpoints
from tests.unit.manager.world import EAST, MAIN

pytestmark = pytest.mark.daemon
BUDGET = 25
"""Seconds of generated requests."""
# A wait that is over at once: the long poll is meant to take its time, the generator is not.
SETTINGS = """
[phases.fuzzing]
enabled = true
[[operations]]
include-name = "GET /v1/agents/{cell}/{gateway}/intent"
parameters = { "query.wait" = 0 }
[[operations]]
include-name = "GET /v1/events/stream"
enabled = false
"""
# Left out is "positive_data_acceptance": whether prefixes overlap or a marker exists is beyond a schema.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance"
)


def _schemathesis(url: str, directory: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    (directory / "schemathesis.toml").write_text(SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", url]
    options = ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-time", str(seconds), "--seed", "1"]
    quiet = ["--suppress-health-check", "all", "--warnings", "off", "--no-shrink", "--continue-on-failure"]
    spoken = ["-H", "OpenStack-API-Version: cell-network latest"]
    return subprocess.run(
        [*command, *options, *quiet, *spoken],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    made = ManagerProcess(tmp_path)
    made.start()
    yield made
    made.close()


def test_generated_requests_find_no_fault(manager: ManagerProcess, tmp_path: Path) -> None:
    port = manager.port
    with agent(port, "main", MAIN), agent(port, "east", EAST):
        with manager.client() as client:
            make_endpoints(client)
            client.create_connection("main-east", "main-ep", "east-ep")
            client.wait_for_status("main-east", timeout=30)
        found = _schemathesis(f"http://127.0.0.1:{port}/v1/openapi.json", tmp_path, BUDGET)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    assert "Traceback" not in manager.log()
    assert manager.stop() == 0


def test_generated_requests_find_a_planted_fault(tmp_path: Path) -> None:
    """A service that says more than its description: an undocumented 500, and a body of another form."""
    (tmp_path / "liar.py").write_text(
        "from fastapi import FastAPI, Response\n"
        "app = FastAPI()\n"
        "@app.get('/fails')\n"
        "def fails(n: int) -> int:\n"
        "    return Response(status_code=500)\n"
        "@app.get('/lies')\n"
        "def lies() -> int:\n"
        "    return Response('\"text\"', media_type='application/json')\n"
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", "liar:app", "--fd", str(listener.fileno())]
        with subprocess.Popen(command, cwd=tmp_path, pass_fds=[listener.fileno()]) as server:
            try:
                found = _schemathesis(f"http://127.0.0.1:{port}/openapi.json", tmp_path, 5)
            finally:
                server.terminate()
    assert found.returncode == 1
    assert "Server error" in found.stdout
    assert "Response violates schema" in found.stdout


def _answers(manager: ManagerProcess) -> bool:
    with manager.client() as client:
        return {cell.name for cell in client.cells()} >= {"main", "east"}


def _deep(opening: str, closing: str) -> bytes:
    return (opening * 20_000 + closing * 20_000).encode()


BODIES = {
    "deep lists": (_deep("[", "]"), 400),
    "deep objects": (_deep('{"cell":', "}"), 400),
    "invalid UTF-8": (b'{"cell": {"name": "\xc3\x28", "asn": 1}}', 400),
    "UTF-16": ('{"cell": {"name": "x", "asn": 1}}'.encode("utf-16"), 400),
    "a name twice": (b'{"cell": {"name": "x", "asn": 1, "asn": 2}}', 400),
    "NaN": (b'{"cell": {"name": "x", "asn": NaN}}', 400),
    "Infinity": (b'{"cell": {"name": "x", "asn": -Infinity}}', 400),
    "an int of 4000 digits": (b'{"cell": {"name": "x", "asn": %s}}' % (b"9" * 4000), 400),
    "an int of 900,000 digits": (b'{"cell": {"name": "x", "asn": %s}}' % (b"9" * 900_000), 400),
    "1e400": (b'{"cell": {"name": "x", "asn": 1e400}}', 400),
    "NUL in a name": (b'{"cell": {"name": "x\\u0000", "asn": 1}}', 400),
    "NUL in a text": (b'{"cell": {"name": "x", "asn": 1, "description": "\\u0000"}}', 400),
    "half a character": (b'{"cell": {"name": "x", "asn": 1, "description": "\\ud800"}}', 400),
    "half a character as field": (b'{"cell": {"name": "x", "asn": 1, "\\udfff": 1}}', 400),
    "many unknown fields": (json.dumps({"cell": {f"f{n}": n for n in range(50_000)}}).encode(), 400),
    "many prefixes": (
        json.dumps({"cell": {"name": "x", "asn": 1, "prefixes": ["::/128"] * 60_000}}).encode(),
        400,
    ),
    "10 MB": (b'{"cell": {"name": "%s"}}' % (b"x" * 10_000_000), 413),
}


def test_bodies_of_strangers(manager: ManagerProcess) -> None:
    """Each with a length and in pieces without one."""
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{manager.port}", timeout=30, trust_env=False) as http:
        for what, (body, status) in BODIES.items():
            pieces = [body[start : start + 65_536] for start in range(0, len(body), 65_536)]
            for content in (body, iter(pieces)):
                try:
                    answer = http.post("/v1/cells", content=content, headers=headers)
                except (httpx.WriteError, httpx.RemoteProtocolError):
                    assert status == 413, what  # hung up on while still sending
                    continue
                assert answer.status_code == status, f"{what}: {answer.text[:300]}"
                assert len(answer.content) < 1_500_000
        assert http.get("/v1/cells").json()["cells_links"] == []
    assert _answers(manager)
    assert "Traceback" not in manager.log()


def test_fifty_who_never_finish_their_requests(manager: ManagerProcess) -> None:
    starts = (
        b"GET /v1/cel",
        b"POST /v1/cells HTTP/1.1\r\nHost: x\r\nContent-Ty",
        (
            b"POST /v1/cells HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        ),
    )
    lingering = []
    try:
        for number in range(50):
            connection = socket.create_connection(("127.0.0.1", manager.port), 10)
            connection.sendall(starts[number % len(starts)])
            lingering.append(connection)
        pause = threading.Event()
        for _ in range(10):
            for connection in lingering:
                connection.sendall(b" ")
            assert _answers(manager)
            pause.wait(1)
    finally:
        for connection in lingering:
            connection.close()
    assert _answers(manager)
    assert "Traceback" not in manager.log()


def test_two_hundred_at_once(manager: ManagerProcess) -> None:
    """Reads and writes: every one is answered, and each that was acknowledged is there."""
    together = threading.Barrier(200, timeout=60)

    def one(number: int) -> tuple[int, str]:
        # That all of them are answered is meant, not how soon.
        with Client.unix(str(manager.socket), timeout=60) as client:
            together.wait()
            if number % 4:
                return len(client.cells(limit="1000")) and 200, ""
            return 201, client.create_cell(f"cell-{number}", 70_000 + number).name

    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(one, range(200)))
    assert Counter(status for status, _ in answers) == {200: 150, 201: 50}
    with manager.client() as client:
        assert {cell.name for cell in client.cells()} >= {name for _, name in answers if name}


def test_reports_of_broken_agents(manager: ManagerProcess) -> None:
    """Bytes flipped in a good report, thousands of times shorter or longer: 2xx or 4xx, and no fault."""
    chosen = random.Random(7)
    inventory = MAIN.model_dump(mode="json")
    good = json.dumps({"agent_id": "a", "sequence": 1, "generation": 0, "inventory": inventory}).encode()
    learned = {"ipv6": [f"fdce:{n // 65536:x}:{n % 65536:x}::/48" for n in range(100_000)]}
    wide = {"id": "c", "revision": 1, "phase": "applied", "learned": learned}
    document = {**json.loads(good), "sequence": 2**40, "connections": [wide]}
    path = "/v1/agents/main/main-gw1/report"
    headers = {"Content-Type": "application/json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{manager.port}", timeout=30, trust_env=False) as http:
        for _ in range(120):
            broken = bytearray(good)
            for _ in range(chosen.randint(1, 4)):
                broken[chosen.randrange(len(broken))] = chosen.randrange(256)
            answer = http.put(
                path, content=bytes(broken[: chosen.randint(1, 2 * len(good))]), headers=headers
            )
            assert answer.status_code == 204 or 400 <= answer.status_code < 500, answer.text
        assert http.put(path, json=document).status_code == 204
    assert _answers(manager)
    assert "Traceback" not in manager.log()
