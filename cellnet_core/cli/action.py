"""`cellnet connection reconcile|refresh|reset`: what is done once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, ClassVar

from cliff.show import ShowOne

from cellnet_core.cli import base, progress
from cellnet_core.cli.resource import add_wait, said


class _Action(ShowOne):
    action: ClassVar[str]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("connection", help="id or name")
        add_wait(parser, "wait until agents have done it")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        with base.client_of(self) as client:
            operation = client.act(parsed_args.connection, self.action, **self.fields(parsed_args))
            if parsed_args.wait:
                operation = progress.wait(self, client, operation, parsed_args.timeout)
            return base.show(operation)

    def fields(self, parsed_args: argparse.Namespace) -> dict[str, Any]:  # noqa: ARG002 (for others)
        """What more is to be said."""
        return {}


class Reconcile(_Action):
    """Have both agents look at everything now, and put right what is not as wanted."""

    action = "reconcile"


class Refresh(_Action):
    """Have peers send their routes again (RFC 2918); nothing is interrupted."""

    action = "refresh"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--path", help="only the session of this path")
        return parser

    def fields(self, parsed_args: argparse.Namespace) -> dict[str, Any]:
        return said(path=parsed_args.path)


class Reset(Refresh):
    """End sessions; they come up again by themselves."""

    action = "reset"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--force", action="store_true", help="also when nothing would pass between the cells meanwhile"
        )
        return parser

    def fields(self, parsed_args: argparse.Namespace) -> dict[str, Any]:
        return super().fields(parsed_args) | {"force": parsed_args.force}
