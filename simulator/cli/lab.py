"""`cellnet lab up|list|show|exec|down|logs`. Thin shells around `simulator.lab` and the client."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.columns import FormattableColumn
from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from simulator import lab, rundir
from simulator.captures import keeping
from simulator.client import LabClient
from simulator.codec import to_document
from simulator.errors import LabDeadError, LabUsageError, UnknownTargetError
from simulator.rundir import RunDirectory
from topologies import sources


class Table(FormattableColumn[Any]):
    """Values of JSON: one line each for people, the values themselves for machines."""

    def human_readable(self) -> str:
        return "\n".join(_line(item) for item in self._value) or "none"

    def machine_readable(self) -> Any:
        return self._value


_EMPTY: tuple[Any, ...] = (None, "", [], {})


def _line(item: Any) -> str:
    if isinstance(item, dict):
        return "  ".join(f"{key}={_word(value)}" for key, value in item.items() if value not in _EMPTY)
    return _word(item)


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _add_name(parser: argparse.ArgumentParser) -> None:
    """The lab's name, as an argument or an option; not needed while there is only one."""
    parser.add_argument("lab", nargs="?", metavar="LAB", help="the lab (default: the only one running)")
    parser.add_argument("--name", metavar="LAB", help="the same, as in the other commands")


def _directory(arguments: argparse.Namespace) -> RunDirectory:
    return rundir.find(arguments.lab or arguments.name)


class Up(Command):
    """Start a lab and leave it running."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("topology", metavar="TOPOLOGY", help="name in the catalogue, or a YAML file")
        parser.add_argument("--name", help="name of the lab (default: that of the topology)")
        parser.add_argument(
            "--set",
            dest="settings",
            metavar="KEY=VALUE",
            action="append",
            default=[],
            help="a setting of the topology, such as cells=4; may be repeated",
        )
        parser.add_argument(
            "--publish", metavar="PORT", type=int, help="serve the manager on 127.0.0.1:PORT of this machine"
        )
        parser.add_argument("--controller", choices=lab.CONTROLLERS, default="ryu", help="OpenFlow library")
        parser.add_argument(
            "--datapath",
            choices=lab.DATAPATHS,
            help="of the gateways' Open vSwitch: netdev, or dummy, which needs no /dev/net/tun",
        )
        parser.add_argument(
            "--bfd",
            metavar="MS",
            type=int,
            help="interval of BFD on all paths, 10 to 1000 (default: by the size of the lab)",
        )
        parser.add_argument(
            "--no-services", dest="services", action="store_false", help="the network only, no daemons"
        )
        parser.add_argument(
            "--capture",
            metavar="WHAT",
            default="none",
            help="keep the newest 16 MiB of packets of bgp, openflow, wan (all WAN links) or links by name, "
            "joined by commas; always: the first three. They are in captures/ of the run directory",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        began = time.monotonic()

        def progress(line: str) -> None:
            self.app.stderr.write(f"{time.monotonic() - began:6.2f} s  {line}\n")

        topology = sources.resolve(parsed_args.topology, sources.parse_settings(parsed_args.settings))
        captured = keeping.read(parsed_args.capture)
        known = (*keeping.ALWAYS, *(link.name for link in topology.links))
        if unknown := [word for word in captured if word not in known]:
            raise LabUsageError(f"--capture {','.join(unknown)}: choose of always, none, {', '.join(known)}")
        client = lab.up(
            topology,
            name=parsed_args.name,
            publish=parsed_args.publish,
            controller=parsed_args.controller,
            datapath=parsed_args.datapath,
            services=parsed_args.services,
            bfd_ms=parsed_args.bfd,
            progress=progress,
        )
        if captured:
            keeping.keep(client, captured)
        self.app.stdout.write(_summary(client, parsed_args.publish, time.monotonic() - began))
        return 0


def _summary(client: LabClient, published: int | None, seconds: float) -> str:
    view = client.show()
    host = next((cell.hosts[0].name for cell in view.topology.cells if cell.hosts), view.nodes[-1].name)
    counts = f"{len(view.nodes)} nodes, {len(view.links)} links, {len(view.services)} services"
    lines = [
        f"lab {client.name} is up in {seconds:.1f} s: {counts}; files in {client.run_directory}",
        "",
        f"  cellnet lab show --name {client.name}",
        f"  cellnet lab exec --name {client.name} {host} -- ip -brief address",
        f"  cellnet lab logs --name {client.name}",
        f"  cellnet lab down --name {client.name}",
    ]
    if view.services:
        lines.append(f"  cellnet --lab {client.name} cell list")
        lines.append(f"  manager: unix socket {client.manager_socket}")
    if published is not None:
        lines.append(f"  manager: http://127.0.0.1:{published}/")
    return "\n".join(lines) + "\n"


class List(Lister):
    """List the labs, dead ones too."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:  # noqa: ARG002  # cliff gives it
        rows = []
        for directory in rundir.listing():
            alive = directory.alive()
            info = directory.info()
            pid = _daemon_pid(directory) if alive else None
            age = round(time.time() - float(info.get("started", time.time())))
            rows.append(
                (
                    directory.name,
                    "up" if alive else "dead",
                    info.get("topology"),
                    pid,
                    age,
                    info.get("published"),
                    str(directory.path),
                )
            )
        return ("name", "state", "topology", "pid", "age_s", "published", "run_directory"), rows


def _daemon_pid(directory: RunDirectory) -> int | None:
    """None while the lab starts, or when it has just ended."""
    try:
        return LabClient(directory).daemon_pid()
    except LabDeadError:
        return None


class Show(ShowOne):
    """Show a lab: its nodes, links, services and faults."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_name(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        view = LabClient(_directory(parsed_args)).show()
        links = [
            {
                "name": link.name,
                "kind": link.kind.value,
                "a": f"{link.a.node}:{link.a.name}",
                "b": f"{link.b.node}:{link.b.name}",
            }
            for link in view.links
        ]
        nodes = [
            {"name": node.name, "pid": node.pid, "interfaces": list(node.interfaces)} for node in view.nodes
        ]
        faults = [{"id": fault.id, "since": fault.since, "fault": fault.document} for fault in view.faults]
        columns = {
            "name": view.name,
            "pid": view.pid,
            "topology": view.topology.name,
            "parameters": view.topology.parameters,
            "run_directory": view.run_directory,
            "nodes": Table(nodes),
            "links": Table(links),
            "services": Table(to_document(view.services)),
            "faults": Table(faults),
            "processes": Table(to_document(view.processes)),
        }
        return tuple(columns), tuple(columns.values())


class Exec(Command):
    """Run a program in a node, on this terminal; its exit status becomes ours."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="LAB", help="the lab (default: the only one running)")
        parser.add_argument("node", metavar="NODE")
        parser.add_argument("command", metavar="-- CMD", nargs=argparse.REMAINDER)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        command = parsed_args.command[1:] if parsed_args.command[:1] == ["--"] else parsed_args.command
        if not command:
            raise LabUsageError(
                f"which command? For example: cellnet lab exec {parsed_args.node} -- ip address"
            )
        argv = LabClient(rundir.find(parsed_args.name)).enter(parsed_args.node, command)
        sys.stdout.flush()
        sys.stderr.flush()
        os.execvp(argv[0], argv)  # noqa: S606  # no shell is wanted


class Down(Command):
    """End a lab and remove its run directory."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_name(parser)
        parser.add_argument("--all", action="store_true", help="every lab, dead ones too")
        parser.add_argument("--keep-logs", action="store_true", help="leave logs/ and journal/ in place")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.all and (parsed_args.lab or parsed_args.name):
            raise LabUsageError("give a name or --all, not both")
        labs = rundir.listing() if parsed_args.all else (_directory(parsed_args),)
        for directory in labs:
            began = time.monotonic()
            LabClient(directory).down(keep_logs=parsed_args.keep_logs)
            kept = f"; logs are in {directory.logs}" if parsed_args.keep_logs else ""
            self.app.stdout.write(f"lab {directory.name} is down ({time.monotonic() - began:.2f} s){kept}\n")
        return 0


class Logs(Command):
    """Print a log of a lab, or say which there are."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="LAB", help="the lab (default: the only one running)")
        parser.add_argument(
            "log", nargs="?", help="a service (agent@main-gw1) or a log's name; without: list"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        directory = rundir.find(parsed_args.name)
        logs = {path.stem: path for path in sorted(directory.logs.glob("*.log"))}
        if parsed_args.log is None:
            for stem, path in logs.items():
                self.app.stdout.write(f"{stem:32} {path.stat().st_size:>9} bytes  {path}\n")
            return 0
        wanted = parsed_args.log.replace("@", "-").removesuffix(".log")
        if wanted not in logs:
            raise UnknownTargetError(f"there is no log {parsed_args.log!r}; there are: {', '.join(logs)}")
        with logs[wanted].open(encoding="utf-8", errors="replace") as lines:
            shutil.copyfileobj(lines, self.app.stdout)
        return 0
