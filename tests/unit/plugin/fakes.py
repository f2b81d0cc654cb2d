"""A lab and a manager in memory, honest enough for the plugin: what was added is seen until it is taken away.

Fault documents are checked by the real parser. Each start and end is a line in `starts.txt`, so that a test
can tell from outside what a run did.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from cellnet_core.client import Client
from scenarios.plugin import looking
from scenarios.plugin.traces import Traces
from scenarios.plugin.wishes import Wish
from simulator import faults, stack
from simulator.captures import Capture
from simulator.client import LabClient
from simulator.context import Completed
from simulator.doctor import NotCapableError
from simulator.errors import LabUsageError, UnknownTargetError
from simulator.rundir import RunDirectory
from simulator.timeline import Recorder
from simulator.view import FaultView, LabView, NodeView, ProcessView, ServiceView
from topologies.model import Link, Topology

BASE_FLOW = " cookie=0xce11000100000000, send_flow_rem priority=200,arp,in_port=wan1 actions=output:9"


class FakeLab(LabClient):
    """Everything the plugin asks of a lab. `flows`, `strangers` and `stubborn` are for a test to spoil it."""

    def __init__(self, path: Path, topology: Topology) -> None:
        super().__init__(RunDirectory(path))
        (path / "logs").mkdir(parents=True)
        (path / "journal").mkdir()
        self._recorder = Recorder(path / "journal" / "lab.jsonl", "lab")
        self.flows = {"main-gw1": BASE_FLOW}
        self.strangers: set[str] = set()
        self.stubborn = False
        self._number = 0
        self._view = LabView(
            name=path.name,
            pid=os.getpid(),
            run_directory=str(path),
            topology=topology,
            nodes=tuple(NodeView(name, 100 + i, ()) for i, name in enumerate(stack.node_names(topology))),
            links=topology.links,
            faults=(),
            services=tuple(
                ServiceView(spec.name, spec.node, "ready", 200, 0, f"logs/{spec.role}-{spec.node}.log")
                for spec in stack.expand(topology, "ryu").services
            ),
            processes=(),
        )

    def show(self) -> LabView:
        return self._view

    def daemon_pid(self) -> int:
        return os.getpid()

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        self._recorder.record(kind, detail)

    def wait_ready(self, timeout: float = 60.0, progress: object = None) -> None:
        return

    def exec(
        self,
        node: str,
        argv: Sequence[str],
        timeout: float = 30.0,
        input: str | None = None,  # noqa: A002
    ) -> Completed:
        if looking._END not in argv[-1]:
            return Completed(0, "lo UP\n", "")
        end = f"{looking._END}\n"
        bfd = "wan1\nforwarding=true state=up\n"
        return Completed(0, end.join(["lo UP\n", self.flows.get(node, BASE_FLOW) + "\n", "", bfd, ""]), "")

    def spawn(
        self,
        node: str,
        argv: Sequence[str],
        name: str,
        env: Mapping[str, str] | None = None,
        *,
        realtime: bool = False,
    ) -> str:
        process = ProcessView(name, node, tuple(argv), 300, None, f"logs/run-{name}.log")
        self._view = replace(self._view, processes=(*self._view.processes, process))
        return name

    def stop(self, process: str) -> int:
        self._view = replace(
            self._view,
            processes=tuple(
                replace(one, returncode=-15) if one.id == process else one for one in self._view.processes
            ),
        )
        return -15

    def inject(self, fault: Mapping[str, Any]) -> str:
        try:
            faults.parse(fault, self._view.inventory)
        except faults.FaultError as error:
            raise LabUsageError(str(error)) from error  # as it comes out of the daemon's socket
        self.record("fault", {"fault": dict(fault)})
        if fault["kind"] in ("crash", "restart"):
            return ""
        self._number += 1
        view = FaultView(f"f{self._number}", dict(fault), time.monotonic())
        self._view = replace(self._view, faults=(*self._view.faults, view))
        return view.id

    def clear(self, fault: str) -> None:
        kept = tuple(one for one in self._view.faults if one.id != fault)
        if len(kept) == len(self._view.faults):
            raise UnknownTargetError(f"there is no fault {fault!r} in force")
        self.record("fault-cleared", {"id": fault})
        self._view = replace(self._view, faults=kept)

    def clear_all(self) -> None:
        if not self.stubborn:
            self._view = replace(self._view, faults=())

    def add_node(self, name: str) -> NodeView:
        node = NodeView(name, 400, ())
        self._view = replace(self._view, nodes=(*self._view.nodes, node))
        return node

    def remove_node(self, name: str) -> None:
        self._view = replace(self._view, nodes=tuple(n for n in self._view.nodes if n.name != name))

    def add_link(self, link: Link) -> None:
        self._view = replace(self._view, links=(*self._view.links, link))

    def remove_link(self, name: str) -> None:
        self._view = replace(self._view, links=tuple(one for one in self._view.links if one.name != name))

    def down(self, *, keep_logs: bool = False) -> None:
        shutil.rmtree(self.run_directory)
        _note(self.run_directory.parent, f"end {self.name}")


class FakeManager:
    """The parts of the API that a reset uses, over a dictionary."""

    def __init__(self, topology: Topology) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {
            "cells": {
                cell.name: {
                    "id": cell.name,
                    "name": cell.name,
                    "kind": cell.kind.value,
                    "asn": cell.asn,
                    "nova_cell_uuid": None,
                    "prefixes": [],
                    "gateways": [],
                    "operating_status": "ONLINE",
                    "revision_number": 1,
                }
                for cell in topology.cells
            },
            "endpoints": {},
            "connections": {},
            "agents": {},
        }

    def client(self) -> Client:
        return Client(
            httpx.Client(transport=httpx.MockTransport(self._answer), base_url="http://manager"), "memory"
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        collection, _, name = request.url.path.removeprefix("/v1/").partition("/")
        table, one = self.tables[collection], collection[:-1]
        if request.method == "GET" and not name:
            return httpx.Response(200, json={collection: list(table.values()), f"{collection}_links": []})
        if request.method == "POST":
            given = json.loads(request.content)[one]
            table[given["name"]] = _complete(one, given)
            return httpx.Response(201, json={one: table[given["name"]]})
        if name not in table:
            return httpx.Response(404, json={"errors": [{"detail": f"no {one} {name}"}]})
        if request.method == "DELETE":
            del table[name]
            return httpx.Response(204)
        return httpx.Response(200, json={one: table[name]})


def _complete(one: str, given: Mapping[str, Any]) -> dict[str, Any]:
    common = {"id": given["name"], "operating_status": "ONLINE", "conditions": [], "revision_number": 1}
    if one == "cell":
        more: dict[str, Any] = {"kind": "sub", "nova_cell_uuid": None, "prefixes": [], "gateways": []}
        return {**common, **more, **given}
    if one == "endpoint":
        empty: dict[str, Any] = {"gateway": "gw1", "interfaces": [], "asn": 1, "prefixes": []}
        return {**common, **empty, "health_check_addresses": [], **given}
    more = {"local_cell": "main", "remote_cell": "east", "families": [], "enabled": True, "paths": []}
    return {**common, **more, "provisioning_status": "ACTIVE", "health": [], "observed_revision": 1, **given}


class Fakes:
    """A factory that makes these. `base` is where run directories and `starts.txt` are."""

    def __init__(
        self, base: Path, refused: Mapping[str, str] | None = None, *, no_lab: str | None = None
    ) -> None:
        self._base = base
        self._refused = dict(refused or {})
        self._no_lab = no_lab
        self._managers: dict[str, FakeManager] = {}

    def refusals(self) -> Mapping[str, str]:
        _note(self._base, "doctor")
        return self._refused

    def start(self, wish: Wish, name: str) -> LabClient:
        if self._no_lab is not None:
            _note(self._base, "refused")
            raise NotCapableError(self._no_lab)
        _note(self._base, f"start {wish.topology.name} {wish.controller}")
        return FakeLab(self._base / name, wish.topology)

    def api(self, client: LabClient) -> Client:
        topology = client.show().topology
        return self._managers.setdefault(client.name, FakeManager(topology)).client()

    def traces(self, client: LabClient) -> Traces:
        assert isinstance(client, FakeLab)
        return Traces(processes=frozenset(client.strangers))

    def record(self, client: LabClient, what: Sequence[str]) -> Capture | None:
        return None


def _note(base: Path, line: str) -> None:
    with (base / "starts.txt").open("a", encoding="utf-8") as notes:
        notes.write(f"{line}\n")
