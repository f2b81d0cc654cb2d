"""What the manager costs at 100, 1,000 and 10,000 endpoints, beside a bare application in the same run.

Both are processes of their own, asked over the loopback with the same client and the same token, in turn:
first one round of each, then the next, so that a busy moment meets both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from cellnet_core.model.wire import IntentDocument
from cellnet_core.northbound.access import tokens
from tests.bench.asking import Asker, Taken, at_once, request
from tests.daemon.manager.process import ManagerProcess, _free_port
from tests.population import Shape, identity, inventory, populate, port
from tests.unit.manager.world import World, obey

SIZES = (100, 1_000, 10_000)
AT_ONCE = 4
"""Connections of the client where a rate is measured."""
SPARE = 400
"""Endpoints beyond the size, in pairs, for the connections that are created."""


@contextmanager
def bare(directory: Path, token_file: Path, count: int) -> Iterator[int]:
    """The bare application with that many rows, on the port that is yielded."""
    number = _free_port()
    command = [sys.executable, "-m", "tests.bench.bare", "--database", str(directory / "bare.db")]
    options = ["--tokens", str(token_file), "--port", str(number), "--fill", str(count)]
    process = subprocess.Popen([*command, *options])
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                Asker(number).close()
            except OSError:
                assert process.poll() is None, "the bare application ended"
                assert time.monotonic() < deadline, "the bare application does not listen"
                time.sleep(0.1)
            else:
                break
        yield number
    finally:
        process.terminate()
        process.wait(30)


def run(*, quick: bool) -> dict[str, Any]:
    """Every size; the largest also has the memory and the full resync."""
    rounds, requests = (2, 40) if quick else (5, 150)
    found: dict[str, Any] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="cellnet-bench-") as name:
            found[str(size)] = _size(Path(name), size, rounds, requests)
    return found


def _size(directory: Path, size: int, rounds: int, requests: int) -> dict[str, Any]:
    shape = Shape(size + SPARE, size // 2)
    world = World(directory / "manager.db")
    populate(world.manager.context.database, shape)
    world.manager.context.database.close()
    token = tokens.create()
    token_file = directory / "tokens"
    token_file.touch(0o600)
    token_file.write_text(tokens.line("bench", ("admin",), token) + "\n")
    manager = ManagerProcess(directory, cells=[], tokens=str(token_file), agents="open")
    manager.start()
    try:
        _settled(manager.port, token)
        with bare(directory, token_file, size) as bare_port:
            figures = _beside(manager.port, bare_port, token, shape, size, rounds, requests)
        figures["memory_mib"] = round(psutil.Process(manager.pid).memory_info().rss / 2**20, 1)
        figures["resync"] = _resync(manager, token, shape)
        figures["memory_after_resync_mib"] = round(psutil.Process(manager.pid).memory_info().rss / 2**20, 1)
    finally:
        manager.close()
    return figures


def _settled(number: int, token: str) -> None:
    """The manager has written down that no agent reports: that is work of its start, and not of requests."""
    asker = Asker(number)
    other = request("GET", "/v1/connections?operating_status=neq:UNKNOWN&limit=1", token)
    deadline = time.monotonic() + 60
    while json.loads(asker.ask(other)[1])["connections"]:
        assert time.monotonic() < deadline, "the manager does not see that no agent reports"
        time.sleep(0.2)
    asker.close()


def _beside(
    ours: int, bares: int, token: str, shape: Shape, size: int, rounds: int, requests: int
) -> dict[str, Any]:
    """All kinds of requests, some rounds of each, ours and the bare application's in turn."""
    spare = iter(range(size // 2, size // 2 + SPARE // 2))
    counter = iter(range(1_000_000))

    def endpoint(number: int) -> dict[str, Any]:
        base = number % size
        cell = shape.home(base)
        return {
            "name": f"made{number}",
            "cell": f"c{cell}",
            "gateway": f"c{cell}-gw1",
            "interfaces": [port(base)],
            "description": "made by the benchmark",
        }

    def thing(number: int) -> dict[str, Any]:
        base = number % size
        return {
            "name": f"made{number}",
            "cell": "c0",
            "gateway": "c0-gw1",
            "asn": 100_000,
            "prefixes": ["10.0.0.0/24", "fdce:11::/64"],
            "interfaces": [port(base)],
            "description": "made by the benchmark",
        }

    def joined(number: int) -> dict[str, Any]:
        return {
            "name": f"joined{number}",
            "local_endpoint": f"e{2 * number}",
            "remote_endpoint": f"e{2 * number + 1}",
        }

    kept: dict[str, list[Taken]] = {}

    def measure(what: str, number: int, wires: list[bytes], expected: int, connections: int = 1) -> None:
        taken = at_once(number, wires, expected, connections)
        kept.setdefault(what, []).append(taken)

    for _ in range(rounds):
        some = [next(counter) for _ in range(requests)]
        measure(
            "create endpoint",
            ours,
            [request("POST", "/v1/endpoints", token, {"endpoint": endpoint(n)}) for n in some],
            201,
        )
        measure("bare create", bares, [request("POST", "/things", token, thing(n)) for n in some], 201)
        pairs = [n for _, n in zip(range(SPARE // 2 // rounds), spare, strict=False)]
        measure(
            "create connection",
            ours,
            [request("POST", "/v1/connections", token, {"connection": joined(n)}) for n in pairs],
            201,
        )
        reads = [n * 7919 % size for n in some] * 2
        measure(
            "read endpoint",
            ours,
            [request("GET", f"/v1/endpoints/{identity(2, n)}", token) for n in reads],
            200,
            AT_ONCE,
        )
        measure(
            "read connection",
            ours,
            [request("GET", f"/v1/connections/{identity(3, n % (size // 2))}", token) for n in reads],
            200,
            AT_ONCE,
        )
        measure(
            "bare read",
            bares,
            [request("GET", f"/things/{identity(0, n)}", token) for n in reads],
            200,
            AT_ONCE,
        )
        lists = max(5, requests // 8)
        for what, number, path in (
            ("list 100 endpoints", ours, "/v1/endpoints?limit=100"),
            ("list 100 connections", ours, "/v1/connections?limit=100"),
            ("bare list 100", bares, "/things?limit=100"),
        ):
            measure(what, number, [request("GET", path, token)] * lists, 200)
    figures: dict[str, Any] = {what: _together(taken).figures for what, taken in kept.items()}
    figures["ratios"] = {
        "create endpoint": _ratio(kept["create endpoint"], kept["bare create"]),
        "create connection": _ratio(kept["create connection"], kept["bare create"]),
        "read endpoint": _ratio(kept["read endpoint"], kept["bare read"]),
        "read connection": _ratio(kept["read connection"], kept["bare read"]),
    }
    return figures


def _together(taken: list[Taken]) -> Taken:
    return Taken(tuple(s for one in taken for s in one.each), sum(one.together for one in taken))


def _ratio(ours: list[Taken], bares: list[Taken]) -> float:
    """Our rate as a part of the bare one's: the median over the rounds."""
    pairs = zip(ours, bares, strict=True)
    return round(
        median((len(one.each) / one.together) / (len(other.each) / other.together) for one, other in pairs),
        2,
    )


def _resync(manager: ManagerProcess, token: str, shape: Shape) -> dict[str, float]:
    """The manager is new, and every agent asks for all it should have and reports all it has.

    What they report is made beforehand: else they would fall silent while this process makes it.
    """
    cells = range(shape.cells)
    asks = [request("GET", f"/v1/agents/c{n}/c{n}-gw1/intent?after=-1&wait=0", token) for n in cells]
    reports = []
    for n in cells:
        asker = Asker(manager.port)
        _, body = asker.ask(asks[n])
        asker.close()
        report = obey(IntentDocument.model_validate_json(body), inventory(shape, n), 1, f"bench {n}")
        path = f"/v1/agents/c{n}/c{n}-gw1/report"
        reports.append(request("PUT", path, token, report.model_dump(mode="json")))
    manager.kill()
    manager.start()
    asked = at_once(manager.port, asks, 200, AT_ONCE)
    reported = at_once(manager.port, reports, 204, AT_ONCE)
    again = at_once(
        manager.port, [r.replace(b'"sequence": 1,', b'"sequence": 2,') for r in reports], 204, AT_ONCE
    )
    return {
        "agents": len(cells),
        "connections": shape.connections,
        "intents_s": round(asked.together, 2),
        "reports_s": round(reported.together, 2),
        "together_s": round(asked.together + reported.together, 2),
        "the_same_reports_again_s": round(again.together, 2),
    }
