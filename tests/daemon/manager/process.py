"""The real manager process in a private directory, and agents that speak the wire protocol to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cellnet_core.client import Client
from cellnet_core.model.wire import IntentDocument, Inventory
from tests.unit.manager.world import EAST, MAIN, obey

READY_TIMEOUT = 60.0
CELLS = [
    {
        "name": "main",
        "id": str(uuid.UUID(int=1)),
        "kind": "main",
        "asn": 65001,
        "prefixes": list(MAIN.prefixes),
    },
    {
        "name": "east",
        "id": str(uuid.UUID(int=2)),
        "kind": "sub",
        "asn": 65002,
        "prefixes": list(EAST.prefixes),
    },
]


class ManagerProcess:
    """Starts, kills and restarts the manager. Files stay in `directory`."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.directory = directory
        self.socket = directory / "m.sock"
        # Held until the end, bound and not listening: the manager alone gets it, in each of its lives.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.port: int = self._holder.getsockname()[1]
        self.config = directory / "manager.json"
        content = {
            "database": str(directory / "manager.db"),
            "unix_socket": str(self.socket),
            "listen": f"127.0.0.1:{self.port}",
            "cells": CELLS,
            "journal": str(directory / "journal" / "manager.jsonl"),
        }
        self.database: str = (content | changes)["database"]
        self.config.write_text(json.dumps(content | changes))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Until it says READY=1 (systemd's protocol)."""
        notify = self.directory / "notify.sock"
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(notify))
            listener.settimeout(READY_TIMEOUT)
            with (self.directory / "manager.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "cellnet_core.northbound", "--config", str(self.config)],
                    env=os.environ | {"NOTIFY_SOCKET": str(notify)},
                    stdout=log,
                    stderr=log,
                )
            assert b"READY=1" in listener.recv(100), self.log()

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> int:
        """SIGTERM; returns its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def close(self) -> None:
        """Whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._holder.close()

    def log(self) -> str:
        return (self.directory / "manager.log").read_text()

    def client(self) -> Client:
        return Client.unix(str(self.socket))


@contextmanager
def agent(port: int, cell: str, offers: Inventory) -> Iterator[WireAgent]:
    """An agent of that cell, until the block ends."""
    made = WireAgent(port, cell, offers)
    made.start()
    try:
        yield made
    finally:
        made.stop.set()
        made.join(30)
        assert not made.is_alive()


class WireAgent(threading.Thread):
    """Long-polls its intent, makes it so at once, reports at least every half second."""

    def __init__(self, port: int, cell: str, offers: Inventory) -> None:
        super().__init__(name=f"agent {cell}", daemon=True)
        self.stop = threading.Event()
        self.generations: list[int] = []
        self._base = f"http://127.0.0.1:{port}/v1/agents/{cell}/{cell}-gw1"
        self._offers = offers

    def run(self) -> None:
        intent: IntentDocument | None = None
        sequence = 0
        identity = str(uuid.uuid4())
        with httpx.Client(timeout=10, trust_env=False) as http:
            while not self.stop.is_set():
                sequence += 1
                report = obey(intent, self._offers, sequence, identity).model_dump_json()
                after = -1 if intent is None else intent.generation
                try:
                    http.put(
                        f"{self._base}/report", content=report, headers={"Content-Type": "application/json"}
                    ).raise_for_status()
                    answer = http.get(f"{self._base}/intent", params={"after": after, "wait": 0.5})
                    answer.raise_for_status()
                except httpx.HTTPStatusError as error:
                    if error.response.status_code != 404:
                        raise
                    self.stop.wait(0.1)  # its cell was deleted
                    continue
                except httpx.TransportError:
                    self.stop.wait(0.1)  # the manager is away; an agent goes on and asks again
                    continue
                if answer.status_code == 200:
                    intent = IntentDocument.model_validate_json(answer.content)
                    self.generations.append(intent.generation)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
