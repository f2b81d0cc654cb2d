"""`cellnet connection ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from cellnet_core.cli import base
from cellnet_core.client import Connection

TIMEOUT = 60.0


class Create(ShowOne):
    """Connect two endpoints."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("--local", required=True, metavar="ENDPOINT", help="id or name")
        parser.add_argument("--remote", required=True, metavar="ENDPOINT", help="id or name")
        parser.add_argument(
            "--family",
            action="append",
            choices=("ipv4", "ipv6"),
            help="repeatable. Default: all that both endpoints have",
        )
        parser.add_argument("--hold-time", type=int, metavar="SECONDS", help="BGP hold time (default 9)")
        parser.add_argument(
            "--graceful-restart-time", type=int, metavar="SECONDS", help="RFC 4724 (default 30)"
        )
        parser.add_argument(
            "--hold-down",
            type=float,
            metavar="SECONDS",
            help="how long a path must be up again before traffic returns to it (default 3)",
        )
        parser.add_argument("--disabled", action="store_true", help="do not make it so yet")
        parser.add_argument("--description")
        _add_wait(parser, "wait until it is ONLINE")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        fields = {
            "families": parsed_args.family,
            "hold_time": parsed_args.hold_time,
            "graceful_restart_time": parsed_args.graceful_restart_time,
            "hold_down": parsed_args.hold_down,
            "description": parsed_args.description,
            "enabled": False if parsed_args.disabled else None,
        }
        said = {name: value for name, value in fields.items() if value is not None}
        with base.client_of(self) as client:
            connection = client.create_connection(
                parsed_args.name, parsed_args.local, parsed_args.remote, **said
            )
            if parsed_args.wait and not parsed_args.disabled:
                connection = client.wait_for_status(
                    connection.id, timeout=parsed_args.timeout, on_change=self._progress
                )
            return base.show(connection)

    def _progress(self, connection: Connection) -> None:
        """For who watches: on standard error, so that the output stays the object."""
        why = connection.explain()
        self.app.stderr.write(f"{connection.operating_status}" + (f": {why}" if why else "") + "\n")


class List(Lister):
    """List connections and how they stand."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:  # noqa: ARG002
        names = (
            "id",
            "name",
            "local_endpoint",
            "remote_endpoint",
            "families",
            "provisioning_status",
            "operating_status",
        )
        with base.client_of(self) as client:
            return base.listing(names, client.connections())


class Show(ShowOne):
    """Show a connection and the conditions it is in."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("connection", help="id or name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        with base.client_of(self) as client:
            return base.show(client.connection(parsed_args.connection))


class Delete(Command):
    """Delete connections: agents take them down, then they are forgotten."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("connection", nargs="+", help="id or name")
        _add_wait(parser, "wait until they are gone on both sides")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            # By id from here on: a name may be given to another connection while we wait.
            ids = [client.connection(reference).id for reference in parsed_args.connection]
            for connection in ids:
                client.delete_connection(connection)
            for connection in ids if parsed_args.wait else ():
                client.wait_until_gone(connection, parsed_args.timeout)


def _add_wait(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--wait", action="store_true", help=text)
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long --wait waits (default %(default)g)",
    )
