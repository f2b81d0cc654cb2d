"""The commands `cellnet demo` and `cellnet scenario list|show|validate|run`.

Thin: they read arguments, play and print. Exit status 0: all passed; 1: one failed; 2: wrong arguments;
3: nothing failed, something was inconclusive. What needs the lab is imported when it is needed.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from cliff.command import Command
from cliff.lister import Lister

if TYPE_CHECKING:
    from scenarios.scenario import Scenario


class UsageError(Exception):
    """The command line asks for something that cannot be. Exit status 2."""

    exit_code = 2


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", metavar="NAME|FILE", help="see: scenario list; or a file, x.yaml")
    parser.add_argument("--topology", metavar="NAME|FILE", help="default: the scenario's own")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="of the scenario or of the topology",
    )
    parser.add_argument("--seed", type=int, help="for everything random, such as the phase of faults")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="LAB", help="name of the lab (default: a free one)")
    parser.add_argument(
        "--report", metavar="DIR", type=Path, help="write report.json, report.html, junit.xml"
    )
    parser.add_argument(
        "--capture",
        metavar="WHAT",
        action="append",
        default=[],
        help="packets of the whole run, as pcapng files in the report: bgp, openflow, wan, names of links",
    )
    parser.add_argument(
        "--step", action="store_true", help="wait for Enter before each step; q ends it there"
    )
    parser.add_argument("--controller", choices=("ryu", "os-ken"), default="ryu", help="OpenFlow library")
    parser.add_argument("--keep", action="store_true", help="leave the lab running afterwards")


class Demo(Command):
    """Connect two cells, break everything between them, and prove that it recovers."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--seed", type=int, help="for everything random, such as the phase of faults")
        _add_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        chosen = argparse.Namespace(
            scenario="provision-and-recover", topology=None, settings=[], seed=parsed_args.seed
        )
        return _play([_scenario(chosen)], parsed_args, "demo")


class Run(Command):
    """Play a scenario on a lab of its own."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_choice(parser)
        parser.add_argument(
            "--repeat", metavar="N", type=int, default=1, help="play it N times; the worst counts"
        )
        _add_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        times = parsed_args.repeat
        if times < 1:
            raise UsageError(f"--repeat {times}: choose 1 or more")
        if times > 1 and parsed_args.keep and parsed_args.name is not None:
            raise UsageError("--repeat with --keep needs a name for each lab: leave --name out")
        scenarios = [_scenario(parsed_args, number) for number in range(times)]
        return _play(scenarios, parsed_args, scenarios[0].name)


class Validate(Command):
    """Check a scenario, or a file with one, and start nothing."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_choice(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from scenarios import checks

        scenario = _scenario(parsed_args)
        checks.check(scenario)
        size = f"{len(scenario.steps)} steps on topology {scenario.topology.name}"
        self.app.stdout.write(f"{parsed_args.scenario} is valid: {size}\n")
        return 0


class List(Lister):
    """List the scenarios."""

    def take_action(self, _parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
        from scenarios import catalogue

        rows = (
            (
                story.name,
                story.topology,
                " ".join(f"{k.name}={k.default:g}" for k in story.knobs),
                story.summary,
            )
            for story in catalogue.STORIES
        )
        return ("Name", "Topology", "Settings", "Summary"), rows


class Show(Lister):
    """Show the steps of a scenario, with their budgets and why those."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        _add_choice(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
        from scenarios import explaining

        if parsed_args.seed is None:
            parsed_args.seed = 0  # the same words each time
        rows = (
            (
                step.name,
                step.title,
                explaining.expect(step),
                explaining.budget(step.budget) if step.budget else "",
                explaining.why(step.budget) if step.budget else "",
            )
            for step in _scenario(parsed_args).steps
        )
        return ("Step", "Title", "Expected", "Budget", "Why"), rows


def _scenario(options: argparse.Namespace, number: int = 0) -> Scenario:
    """The scenario that was asked for; `number` counts repetitions from 0, each with a seed of its own."""
    from scenarios import catalogue, files
    from topologies import sources

    given = sources.parse_settings(options.settings)
    seed = None if options.seed is None else options.seed + number
    if catalogue.is_file(options.scenario):
        if given:
            raise UsageError(f"a file takes no settings; edit {options.scenario}")
        return files.read(Path(options.scenario), options.topology, seed)
    story = catalogue.find(options.scenario)
    if seed is None:
        seed = random.SystemRandom().randrange(1_000_000)
    if options.topology is None:
        return catalogue.scenario(story, None, given, seed)
    _, others = catalogue.divide(story, given)
    return catalogue.scenario(story, sources.resolve(options.topology, others), given, seed)


def _play(scenarios: Sequence[Scenario], options: argparse.Namespace, lab: str) -> int:
    """Play one after the other; several have a report each and an index over all."""
    from scenarios import capturing
    from scenarios.lab_stage import Wish
    from scenarios.playing import Order, play, play_again
    from scenarios.report.terminal import Terminal
    from scenarios.stepping import Stepper, always

    capture = capturing.wanted(options.capture, scenarios[0].topology)
    if capture and options.report is None:
        raise UsageError("--capture needs --report DIR: the files go there")
    if options.step and not sys.stdin.isatty():
        raise UsageError("--step waits for Enter, and standard input is no terminal: leave --step out")
    wish = Wish(options.name or lab, options.name is not None, options.controller, capture)
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _interrupt)
    gate = Stepper(keys=sys.stdin) if options.step else always
    orders = [Order(scenario, wish, options.report, options.keep, gate) for scenario in scenarios]
    if len(orders) == 1:
        return play(orders[0], Terminal()).verdict.exit_status
    return play_again(orders, Terminal()).exit_status


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM and a closed terminal end a run as Ctrl-C does: the lab is taken down on the way out."""
    raise KeyboardInterrupt
