"""`cellnet agent ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from cellnet_core.cli import base


class Enrol(Command):
    """Print a one-time token, with which the agent of a gateway gets its credential."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("cell")
        parser.add_argument("gateway")
        parser.add_argument(
            "--life", type=int, metavar="SECONDS", help="how long it can be used (default: an hour)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            issued = client.enrol_agent(parsed_args.cell, parsed_args.gateway, parsed_args.life)
        # The token alone, so that it can be sent to a file; what it is goes to people.
        self.app.stdout.write(f"{issued['token']}\n")
        self.app.LOG.warning("for the agent of this gateway only, once, until %s", issued["expires_at"])


class Revoke(Command):
    """Void the credential of an agent, and all tokens for it. Its gateway goes on as it is."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("cell")
        parser.add_argument("gateway")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            client.revoke_agent(parsed_args.cell, parsed_args.gateway)


class List(Lister):
    """List agents, and when each last reported."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:  # noqa: ARG002  # cliff gives it
        names = (
            "cell",
            "gateway",
            "operating_status",
            "last_seen_at",
            "last_seen_age_s",
            "generation",
            "observed_generation",
            "astray",
        )
        with base.client_of(self) as client:
            return base.listing(names, client.agents())


class Confirm(ShowOne):
    """Have an agent leave what it keeps of another history, and follow the manager's database.

    Needed after the database was put back from a copy or replaced. The agent takes down what this database
    does not know of: look at `cellnet agent list` and `cellnet connection list` first.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("cell", help="id, name or Nova cell uuid")
        parser.add_argument("gateway")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        with base.client_of(self) as client:
            return base.show(client.confirm_agent(parsed_args.cell, parsed_args.gateway))
