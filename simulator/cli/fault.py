"""`cellnet lab fault inject|list|clear`. Thin shells around the lab's client."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from simulator.client import LabClient
from simulator.faults import KINDS, Direction, FaultError, Mode, Problem, Sort, files, words

_EXAMPLES = """
examples:
  cellnet lab fault inject cut main-east-1
  cellnet lab fault inject oneway main-east-1 --direction main-to-east
  cellnet lab fault inject loss main-east-1 --percent 5 --seconds 10
  cellnet lab fault inject flap main-east-1 --mode blackhole --period-s 2 --duty 0.3 --count 20 --seed 7
  cellnet lab fault inject partition main / east west
  cellnet lab fault inject isolate controller main
  cellnet lab fault inject crash speaker@main-gw1
  cellnet lab fault inject freeze switch@main-gw1 --seconds 0.1
  cellnet lab fault inject reset-session main-east-1 main
  cellnet lab fault inject hijack east main --link main-east-1
  cellnet lab fault inject malformed main-east-1 east --sort nlri
  cellnet lab fault inject all faults.yaml
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
            help="a link; a service (role@node); for a partition, the cells or nodes to separate; "
            "for all, a file of faults (- is standard input); see the examples",
        )
        ways = ", ".join(Direction)
        parser.add_argument("--direction", help=f"of a link: {ways}, or FROM-to-TO with cells or nodes")
        parser.add_argument("--percent", type=float, help="of a loss")
        parser.add_argument("--milliseconds", type=float, help="of a delay")
        parser.add_argument("--jitter-ms", type=float, help="of a delay: up to so much more or less")
        parser.add_argument("--mbit", type=float, help="of a rate: megabit per second")
        parser.add_argument("--mode", help=f"of a flap: {', '.join(Mode)} (default: cut)")
        parser.add_argument(
            "--period-s", type=float, help="of a flap: seconds from beat to beat (default: 1)"
        )
        parser.add_argument("--duty", type=float, help="of a flap: share of it that is down (default: 0.5)")
        parser.add_argument("--count", type=int, help="beats of a flap (default: 10), prefixes of a flood")
        parser.add_argument("--seed", type=int, help="of a flap: uneven beats, the same for the same seed")
        parser.add_argument("--sort", help=f"of a malformed UPDATE: {', '.join(Sort)}")
        parser.add_argument("--link", help="of withdraw, leak, hijack, flood: this path only (default: all)")
        parser.add_argument("--prefix", help="of a hijack (default: the first half of the victim's)")
        parser.add_argument(
            "--seconds", type=float, help="wait so long, then take it back (without: until cleared)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        options = {name: getattr(parsed_args, name) for name in words.OPTIONS}
        document = (
            files.together(*_read(parsed_args.targets), parsed_args.seconds)
            if parsed_args.kind == "all"
            else words.document(parsed_args.kind, parsed_args.targets, options)
        )
        lab = LabClient.attach(parsed_args.name)
        began = time.monotonic()
        identity = lab.inject(document)
        if identity:
            self.app.stdout.write(f"{identity}\n")
            self.app.stderr.write(f"in force; cellnet lab fault clear {identity} takes it back\n")
        else:
            self.app.stderr.write(f"done, and over after {time.monotonic() - began:.3f} s\n")
        return 0


def _read(targets: Sequence[str]) -> tuple[str, str]:
    """The text of the one file, and what messages call it."""
    if len(targets) != 1:
        raise FaultError(Problem("TARGET", "an all needs one file of faults", "write inject all faults.yaml"))
    if targets[0] == "-":
        return sys.stdin.read(), "standard input"
    try:
        return Path(targets[0]).read_text(encoding="utf-8"), targets[0]
    except (OSError, UnicodeDecodeError) as error:
        raise FaultError(Problem(targets[0], f"cannot be read: {error}", "name a YAML file")) from error


class List(Lister):
    """List the faults in force, oldest first."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_name(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        now = time.monotonic()
        rows = [
            (fault.id, fault.document.get("kind"), _detail(fault.document), round(now - fault.since, 1))
            for fault in LabClient.attach(parsed_args.name).faults()
        ]
        return ("id", "kind", "detail", "seconds"), rows


def _detail(document: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={_text(value)}" for key, value in document.items() if key != "kind")


def _text(value: Any) -> str:
    """A list by commas; groups, and the faults of an all, by words between them."""
    if not isinstance(value, list):
        return str(value)
    if any(isinstance(item, Mapping) for item in value):
        return " + ".join(f"{item.get('kind')} {_detail(item)}".strip() for item in value)
    groups = any(isinstance(item, list) for item in value)
    return f" {words.BETWEEN} ".join(map(_text, value)) if groups else ",".join(map(str, value))


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
