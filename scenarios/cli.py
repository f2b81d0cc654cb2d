"""The commands `cellnet demo` and `cellnet scenario list|show|run`.

Thin: they read arguments, play and print. Exit status 0: all passed; 1: one failed; 2: wrong arguments;
3: nothing failed, something was inconclusive. What needs the lab is imported when it is needed.
"""

from __future__ import annotations

import argparse
import random
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType

from cliff.command import Command
from cliff.lister import Lister


class UsageError(Exception):
    """The command line asks for something that cannot be. Exit status 2."""

    exit_code = 2


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="LAB", help="name of the lab (default: a free one)")
    parser.add_argument(
        "--report", metavar="DIR", type=Path, help="write report.json, report.html, junit.xml"
    )
    parser.add_argument("--controller", choices=("ryu", "os-ken"), default="ryu", help="OpenFlow library")
    parser.add_argument("--seed", type=int, help="for everything random, such as the phase of faults")
    parser.add_argument("--keep", action="store_true", help="leave the lab running afterwards")


class Demo(Command):
    """Connect two cells, break everything between them, and prove that it recovers."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        return _play("provision-and-recover", None, [], parsed_args, "demo")


class Run(Command):
    """Play a scenario on a lab of its own."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("scenario", metavar="NAME", help="see: scenario list")
        parser.add_argument("--topology", metavar="NAME|FILE", help="default: the scenario's own")
        parser.add_argument(
            "--set", dest="settings", metavar="KEY=VALUE", action="append", default=[], help="of the topology"
        )
        parser.add_argument(
            "--repeat", metavar="N", type=int, default=1, help="play it N times; worst counts"
        )
        _add_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.repeat < 1:
            raise UsageError(f"--repeat {parsed_args.repeat}: choose 1 or more")
        name = parsed_args.scenario
        statuses = [
            _play(name, parsed_args.topology, parsed_args.settings, parsed_args, name, number)
            for number in range(1, parsed_args.repeat + 1)
        ]
        return 1 if 1 in statuses else max(statuses)


class List(Lister):
    """List the scenarios."""

    def take_action(self, _parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
        from scenarios import catalogue

        rows = ((story.name, story.topology, story.summary) for story in catalogue.STORIES)
        return ("Name", "Topology", "Summary"), rows


class Show(Lister):
    """Show the steps of a scenario, with their budgets and why those."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("scenario", metavar="NAME", help="see: scenario list")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
        from scenarios import catalogue

        scenario = catalogue.scenario(catalogue.find(parsed_args.scenario), None, {}, 0)
        rows = (
            (step.name, step.title, step.expect, _limits(step.budget), step.budget.why if step.budget else "")
            for step in scenario.steps
        )
        return ("Step", "Title", "Expected", "Budget", "Why"), rows


def _limits(budget: object) -> str:
    from scenarios.values import Budget

    if not isinstance(budget, Budget):
        return ""
    limits = (("outage ms", budget.outage_ms), ("lost", budget.lost), ("outages", budget.outages))
    return ", ".join(f"{name} <= {value:g}" for name, value in limits if value is not None)


def _play(
    name: str,
    topology: str | None,
    settings: Sequence[str],
    options: argparse.Namespace,
    lab: str,
    number: int = 1,
) -> int:
    from scenarios import catalogue
    from scenarios.lab_stage import Wish
    from scenarios.playing import Order, play
    from scenarios.report.terminal import Terminal
    from topologies import sources

    story = catalogue.find(name)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed + number - 1
    parsed = sources.parse_settings(settings)
    chosen = None if topology is None else sources.resolve(topology, parsed)
    scenario = catalogue.scenario(story, chosen, parsed, seed)
    wish = Wish(options.name or lab, exact=options.name is not None, controller=options.controller)
    report = options.report
    if report is not None and getattr(options, "repeat", 1) > 1:
        report = report / str(number)
    for number_of in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number_of, _interrupt)
    run = play(Order(scenario, wish, report, options.keep), Terminal())
    return run.verdict.exit_status


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM and a closed terminal end a run as Ctrl-C does: the lab is taken down on the way out."""
    raise KeyboardInterrupt
