"""The lab daemon's life: settle in, build the network, start the services, answer clients, end.

It reads lab.json, topology.json and options.json from the run directory. When it ends, however it ends, the
kernel ends everything in the sandbox.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator import codec, ovs, relay, routers, sandbox, stack
from simulator.mininet_backend import Network, start_sleeper
from simulator.processes import Reaper
from simulator.realtime import RealtimeThread
from simulator.routers import frr
from simulator.running import RunningLab
from simulator.server import Server
from topologies.model import Topology

_BACKLOG = 64


def build(topology: Topology) -> Network:
    """Make every node and link of the topology. Before the event loop runs: it blocks."""
    network = Network(start_sleeper)
    for node in stack.node_names(topology):
        network.add_node(node)
    for link in topology.links:
        network.add_link(link)
    for router in topology.routers:
        network.write_settings(router.name, routers.FORWARDING)
    for host in stack.hosts(topology):
        network.add_default_routes(host.name, host.routes_via)
    return network


def prepare(topology: Topology, expanded: stack.Stack) -> None:
    """Directories, configuration files and empty databases of the services."""
    for node in stack.node_names(topology):
        Path(stack.node_directory(node)).mkdir(parents=True, exist_ok=True)
    gateways = tuple(gateway for cell in topology.cells for gateway in cell.gateways)
    for gateway in gateways:
        Path(stack.speaker_directory(gateway)).mkdir(exist_ok=True)
    for path, document in expanded.files.items():
        Path(path).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for path, text in expanded.texts.items():
        Path(path).write_text(text, encoding="utf-8")
    if any(router.daemon == "frr" for router in topology.routers):
        frr.prepare_users()
    ovs.make_databases(tuple(gateway.name for gateway in gateways))


@dataclass(frozen=True, slots=True)
class Setting:
    """What the daemon was told, and what it holds from before the lab was built."""

    name: str
    topology: Topology
    options: dict[str, Any]
    own: socket.socket
    published: socket.socket | None
    realtime: RealtimeThread


async def serve(setting: Setting, network: Network) -> None:
    """Run the lab until it is asked to end. Does not return."""
    reaper = Reaper(setting.realtime)
    reaper.install()
    lab = RunningLab(setting.name, setting.topology, network, reaper)
    server = Server(lab)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.ended.set)
    options = setting.options
    expanded = stack.expand(setting.topology, options["controller"], options["datapath"], options["bfd_ms"])
    prepare(setting.topology, expanded)
    if setting.options["services"]:
        lab.supervisor.begin(expanded.services)
    await server.listen(setting.own)
    if setting.published is not None:
        await relay.serve(setting.published, sandbox.LAB / "manager.sock")
    lab.record(
        "lab-up", name=setting.name, topology=setting.topology.name, realtime=setting.realtime.available
    )
    await server.ended.wait()
    lab.record("lab-down")
    os._exit(0)  # nothing to clean up: the namespaces end with this process


def run(run_directory: Path, listener: int | None, realtime: RealtimeThread) -> None:
    """Be the first process of a sandbox. Does not return."""
    sandbox.settle(run_directory)
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    own.bind(str(sandbox.LAB / "daemon.sock"))
    own.listen(_BACKLOG)  # clients may connect from here on; they are answered when the network is built
    setting = Setting(
        name=_read("lab.json")["name"],
        topology=codec.from_document(Topology, _read("topology.json"), place="topology.json"),
        options=_read("options.json"),
        own=own,
        published=None if listener is None else socket.socket(fileno=listener),
        realtime=realtime,
    )
    network = build(setting.topology)
    asyncio.run(serve(setting, network))


def _read(name: str) -> Any:
    return json.loads((sandbox.LAB / name).read_text(encoding="utf-8"))
