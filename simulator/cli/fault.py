"""`cellnet lab fault inject|list|clear`. Thin shells around the lab's client."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from simulator.client import LabClient
from simulator.faults import KINDS, Direction, FaultError, Problem, words

_EXAMPLES = """
examples:
  cellnet lab fault inject cut main-east-1
  cellnet lab fault inject oneway main-east-1 --direction main-to-east
  cellnet lab fault inject loss main-east-1 --percent 5 --seconds 10
  cellnet lab fault inject partition main
  cellnet lab fault inject crash speaker@main-gw1
  cellnet lab fault inject freeze switch@main-gw1 --seconds 0.1
"""


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="LAB", help="the lab (default: the only one running)")


class Inject(Command):
    """Do something to a running lab; prints the id to clear it with."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = _EXAMPLES
        _add_name(parser)
        parser.add_argument("kind", metavar="KIND", help=", ".join(KINDS))
        parser.add_argument(
            "targets",
            metavar="TARGET",
            nargs="*",
            help="a link; a service (role@node); for a partition, the cells or nodes to separate",
        )
        ways = ", ".join(Direction)
        parser.add_argument("--direction", help=f"of a link: {ways}, or FROM-to-TO with cells or nodes")
        parser.add_argument("--percent", type=float, help="of a loss")
        parser.add_argument("--milliseconds", type=float, help="of a delay")
        parser.add_argument("--mbit", type=float, help="of a rate: megabit per second")
        parser.add_argument(
            "--seconds", type=float, help="wait so long, then take it back (without: until cleared)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        options = {name: getattr(parsed_args, name) for name in words.OPTIONS}
        document = words.document(parsed_args.kind, parsed_args.targets, options)
        lab = LabClient.attach(parsed_args.name)
        began = time.monotonic()
        identity = lab.inject(document)
        if identity:
            self.app.stdout.write(f"{identity}\n")
            self.app.stderr.write(f"in force; cellnet lab fault clear {identity} takes it back\n")
        else:
            self.app.stderr.write(f"done, and over after {time.monotonic() - began:.3f} s\n")
        return 0


class List(Lister):
    """List the faults in force, oldest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_name(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        now = time.monotonic()
        rows = []
        for fault in LabClient.attach(parsed_args.name).faults():
            detail = {key: value for key, value in fault.document.items() if key != "kind"}
            told = " ".join(f"{key}={_text(value)}" for key, value in detail.items())
            rows.append((fault.id, fault.document.get("kind"), told, round(now - fault.since, 1)))
        return ("id", "kind", "detail", "seconds"), rows


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


class Clear(Command):
    """Take faults back: those with the ids, or all."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_name(parser)
        parser.add_argument("ids", metavar="ID", nargs="*", help="as printed by inject and list")
        parser.add_argument("--all", action="store_true", help="every fault, the last one first")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.all == bool(parsed_args.ids):
            raise FaultError(
                Problem("ID", "give the ids of faults, or --all", "`cellnet lab fault list` has them")
            )
        lab = LabClient.attach(parsed_args.name)
        if parsed_args.all:
            lab.clear_all()
        for identity in parsed_args.ids:
            lab.clear(identity)
        return 0
