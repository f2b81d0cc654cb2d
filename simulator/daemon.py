"""The lab daemon: first process of the sandbox. Builds the network, starts the services, answers clients.

    python -m simulator.daemon RUN_DIRECTORY [--listener FD]

Run by the launcher inside fresh namespaces. It reads topology.json and options.json from the run directory.
When it ends, however it ends, the kernel ends everything in the sandbox.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

from simulator import codec, ovs, relay, sandbox, stack
from simulator.mininet_backend import Network, start_sleeper
from simulator.processes import Reaper
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
    ovs.make_databases(tuple(gateway.name for gateway in gateways))


async def serve(
    name: str,
    topology: Topology,
    network: Network,
    sockets: tuple[socket.socket, socket.socket | None],
    options: dict[str, Any],
) -> None:
    """Run the lab until it is asked to end."""
    reaper = Reaper()
    reaper.install()
    lab = RunningLab(name, topology, network, reaper)
    server = Server(lab)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.ended.set)
    expanded = stack.expand(topology, options["controller"])
    prepare(topology, expanded)
    if options["services"]:
        lab.supervisor.begin(expanded.services)
    own, published = sockets
    await server.listen(own)
    if published is not None:
        await relay.serve(published, sandbox.LAB / "manager.sock")
    lab.record("lab-up", name=name, topology=topology.name)
    await server.ended.wait()
    lab.record("lab-down")
    os._exit(0)  # nothing to clean up: the namespaces end with this process


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="simulator.daemon", description=__doc__)
    parser.add_argument("run_directory", type=Path)
    parser.add_argument("--listener", type=int)
    arguments = parser.parse_args()
    sandbox.settle(arguments.run_directory)
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    own.bind(str(sandbox.LAB / "daemon.sock"))
    own.listen(_BACKLOG)  # clients may connect from here on; they are answered when the network is built
    published = None if arguments.listener is None else socket.socket(fileno=arguments.listener)
    name = json.loads((sandbox.LAB / "lab.json").read_text(encoding="utf-8"))["name"]
    options = json.loads((sandbox.LAB / "options.json").read_text(encoding="utf-8"))
    document = json.loads((sandbox.LAB / "topology.json").read_text(encoding="utf-8"))
    topology = codec.from_document(Topology, document, place="topology.json")
    network = build(topology)
    asyncio.run(serve(name, topology, network, (own, published), options))


if __name__ == "__main__":
    main()
