"""`cellnet plan`, `cellnet apply` and `cellnet export`: cells, endpoints and connections by a file.

Exit statuses are those of all commands; `plan --detailed-exitcode` ends with 3 when there is something to do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cliff.command import Command

from cellnet_core.cli import base
from cellnet_core.cli.errors import UsageError
from cellnet_core.client import Client
from cellnet_core.declarative import current, document, planning, rendering
from cellnet_core.declarative.execution import Execution
from cellnet_core.declarative.source import DocumentError

CHANGES = 3
TIMEOUT = 60.0
DEFAULT_OWNER = "cellnet"


class Plan(Command):
    """Show what `apply` would do, in order and with reasons; changes nothing."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_file(parser)
        parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
        parser.add_argument(
            "--detailed-exitcode",
            action="store_true",
            help=f"end with {CHANGES} when there is something to do (0: nothing, 2: bad input)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        with base.client_of(self) as client:
            plan = _plan(client, parsed_args)
        as_text = parsed_args.format == "text"
        self.app.stdout.write(rendering.plan_text(plan) if as_text else rendering.plan_document(plan))
        return CHANGES if plan.actions and parsed_args.detailed_exitcode else 0


class Apply(Command):
    """Make it so: carry out the plan of a file, and wait for the result."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_file(parser)
        parser.add_argument(
            "--plan-hash", metavar="HASH", help="carry out only the plan that `plan` showed with this hash"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--no-wait", action="store_true", help="do not wait until connections are ONLINE")
        parser.add_argument(
            "--timeout",
            type=float,
            default=TIMEOUT,
            metavar="SECONDS",
            help="how long all waiting together may take (default %(default)g)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            plan = _plan(client, parsed_args)
            if parsed_args.plan_hash is not None and parsed_args.plan_hash != plan.hash:
                raise UsageError(
                    f"the plan is {plan.hash} now, not {parsed_args.plan_hash}: the file or what is there "
                    "changed, or other options were given; nothing was done. Look at `cellnet plan` again"
                )
            self.app.stdout.write(rendering.plan_text(plan))
            self.app.stdout.flush()
            if not plan.actions:
                return
            if not (parsed_args.yes or parsed_args.plan_hash):
                _confirm(parsed_args.file)
            Execution(client, self._say, parsed_args.timeout).run(plan, wait=not parsed_args.no_wait)
        self.app.stdout.write("done\n")

    def _say(self, line: str) -> None:
        """Progress is for who watches."""
        self.app.stderr.write(line + "\n")
        self.app.stderr.flush()


class Export(Command):
    """Write what is there as a file whose plan is empty."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "-o", "--output", metavar="FILE", help="default: standard output; JSON when it ends in .json"
        )
        parser.add_argument(
            "--managed-by",
            metavar="NAME",
            help="whose objects, beside nobody's. Default: the only owner there is",
        )
        return parser

    def read(self) -> current.Current:
        """What the manager has. Raises ClientError."""
        with base.client_of(self) as client:
            return current.read(client)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        found = self.read()
        owner = parsed_args.managed_by
        if owner is None:
            owners = rendering.owners(found) or (DEFAULT_OWNER,)
            if len(owners) > 1:
                raise UsageError(f"objects are managed by {', '.join(owners)}; say whose with --managed-by")
            owner = owners[0]
        output = parsed_args.output
        text = rendering.export(found, owner, as_json=bool(output and output.endswith(".json")))
        if output is None:
            self.app.stdout.write(text)
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error}") from error


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="YAML or JSON, - for standard input")
    parser.add_argument("--prune", action="store_true", help="delete what is the file's and no longer in it")
    parser.add_argument("--adopt", action="store_true", help="take over objects that are nobody's")


def _plan(client: Client, arguments: argparse.Namespace) -> planning.Plan:
    """The plan of the file for what is there now. Raises DocumentError and UsageError."""
    name = arguments.file
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}") from error
    wanted = document.read(text, name)
    plan = planning.decide(wanted, current.read(client), prune=arguments.prune, adopt=arguments.adopt)
    if plan.problems:
        raise DocumentError(name, plan.problems)
    return plan


def _confirm(file: str) -> None:
    """Raises UsageError unless somebody says yes."""
    if file == "-" or not sys.stdin.isatty():
        raise UsageError("nobody to ask; say --yes, or --plan-hash with the hash that `plan` showed")
    sys.stderr.write("do this? (yes/no) ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        raise UsageError("not confirmed; nothing was done")
