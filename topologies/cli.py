"""The commands `cellnet topology list|show|validate|draw`.

Thin: they read arguments, call the package and print. Bad input leaves as TopologyError, whose `exit_code`
the main command returns. What reads files or draws is imported inside the functions that need it: this
module is loaded on every start of `cellnet`, which must not wait for YAML and JSON Schema.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from topologies import catalogue
from topologies.errors import Problem, TopologyError
from topologies.model import Cell, LinkKind, Port, Topology
from topologies.sources import parse_settings, resolve


def _add_topology(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topology", metavar="NAME|FILE", help="name in the catalogue, or a topology file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        dest="settings",
        help="settings of a topology of the catalogue, such as cells=4,paths=2 (see: topology list)",
    )


def _resolve(arguments: argparse.Namespace) -> Topology:
    return resolve(arguments.topology, parse_settings(arguments.settings))


class List(Lister):
    """List the topologies of the catalogue and what may be set in each."""

    def take_action(self, _parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
        """One row for each topology; settings as KEY=DEFAULT (RANGE)."""
        rows = (
            (
                design.name,
                design.summary,
                ", ".join(
                    f"{setting.name}={setting.default} ({setting.range})" for setting in design.settings
                ),
            )
            for design in catalogue.DESIGNS
        )
        return ("Name", "Summary", "Settings"), rows


class Show(Command):
    """Show a topology: as tables, as JSON with every address in it, or as a topology file (YAML)."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Arguments: which topology, its settings, the format."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_topology(parser)
        parser.add_argument("-f", "--format", choices=("table", "json", "yaml"), default="table")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the topology in the format asked for."""
        topology = _resolve(parsed_args)
        if parsed_args.format == "json":
            from topologies import codec  # not at the top: see the module's docstring

            text = json.dumps(codec.to_dict(topology), indent=2) + "\n"
        elif parsed_args.format == "yaml":
            from topologies.render import render  # not at the top: see the module's docstring

            text = render(topology)
        else:
            text = _tables(topology)
        self.app.stdout.write(text)


class Validate(Command):
    """Check a topology file and report everything that is wrong with it, with lines; exit status 0 or 2."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Arguments: the file."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("file", metavar="FILE", help="topology file")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Say that the file is valid, or raise TopologyError."""
        from topologies import fileformat  # not at the top: see the module's docstring

        topology = fileformat.read(Path(parsed_args.file))
        self.app.stdout.write(f"{parsed_args.file}: valid ({summary(topology)})\n")


class Draw(Command):
    """Draw a topology: as text in the terminal, or as SVG in a file."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Arguments: which topology, its settings, where the SVG goes."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_topology(parser)
        parser.add_argument("--svg", metavar="FILE", help="write an SVG there (- for standard output)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the text, or write the SVG."""
        from topologies import draw  # not at the top: see the module's docstring

        topology = _resolve(parsed_args)
        if parsed_args.svg is None:
            self.app.stdout.write(draw.to_text(topology))
        elif parsed_args.svg == "-":
            self.app.stdout.write(draw.to_svg(topology))
        else:
            _write(Path(parsed_args.svg), draw.to_svg(topology))
            self.app.stdout.write(f"{parsed_args.svg}: drawn ({summary(topology)})\n")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = Problem(f"cannot be written: {error.strerror}; choose another file", file=str(path))
        raise TopologyError([problem]) from error


def summary(topology: Topology) -> str:
    """How large the topology is, in a few words."""
    paths = sum(link.kind is LinkKind.WAN for link in topology.links)
    hosts = sum(len(cell.hosts) for cell in topology.cells)
    routers = ((len(topology.routers), "router"),) if topology.routers else ()
    counts = ((len(topology.cells), "cell"), *routers, (paths, "WAN path"), (hosts, "host"))
    return ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for number, what in counts)


def _tables(topology: Topology) -> str:
    cells = [
        (
            cell.name,
            cell.kind.value,
            str(cell.asn),
            _joined(cell.prefixes),
            " ".join(gateway.name for gateway in cell.gateways),
            _hosts(cell),
        )
        for cell in topology.cells
    ]
    routers = [(router.name, router.daemon, str(router.asn), router.router_id) for router in topology.routers]
    paths = [
        (link.name, _port(link.a), _port(link.b), _joined(link.a.addresses), _joined(link.b.addresses))
        for link in topology.links
        if link.kind is LinkKind.WAN
    ]
    parts = [
        f"{topology.name}: {summary(topology)}\n",
        _columns(("Cell", "Kind", "AS", "Prefixes", "Gateways", "Hosts"), cells),
    ]
    if routers:
        parts.append(_columns(("Router", "Daemon", "AS", "Router id"), routers))
    if paths:
        parts.append(_columns(("Path", "From", "To", "Addresses from", "Addresses to"), paths))
    return "\n".join(parts)


def _joined(values: Iterable[Any]) -> str:
    return " ".join(str(value) for value in values)


def _hosts(cell: Cell) -> str:
    """Those that have a role by themselves, with it."""
    plain = _span([host.name for host in cell.hosts if host.role is None])
    special = [f"{host.name} ({host.role.words})" for host in cell.hosts if host.role is not None]
    return " ".join([plain, *special]).strip()


def _span(names: Sequence[str]) -> str:
    return " ".join(names) if len(names) <= 3 else f"{names[0]} .. {names[-1]}"


def _port(port: Port) -> str:
    return f"{port.node} {port.name}"


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in table
    )
