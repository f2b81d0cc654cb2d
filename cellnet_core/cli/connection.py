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
        _add_profile(parser)
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


class Set(ShowOne):
    """Change a connection; what is not named stays as it is."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("connection", help="id or name")
        parser.add_argument("--name", help="its new name")
        parser.add_argument("--family", action="append", choices=("ipv4", "ipv6"), help="repeatable")
        _add_profile(parser)
        wanted = parser.add_mutually_exclusive_group()
        wanted.add_argument("--enable", dest="enabled", action="store_const", const=True)
        wanted.add_argument("--disable", dest="enabled", action="store_const", const=False)
        parser.add_argument("--description")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        changes = {
            "name": parsed_args.name,
            "families": parsed_args.family,
            "hold_time": parsed_args.hold_time,
            "graceful_restart_time": parsed_args.graceful_restart_time,
            "hold_down": parsed_args.hold_down,
            "enabled": parsed_args.enabled,
            "description": parsed_args.description,
        }
        with base.client_of(self) as client:
            before = client.connection(parsed_args.connection)
            fields = base.changed(before.document, (*changes, "local_endpoint", "remote_endpoint"), changes)
            return base.show(client.replace_connection(before.id, fields, before.revision_number))


class Delete(Command):
    """Delete connections: agents take them down, then they are forgotten."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("connection", nargs="+", help="id or name")
        parser.add_argument(
            "--force",
            action="store_true",
            help="forget them at once, for agents that are gone for good. DANGER: an agent that is only out "
            "of reach keeps sessions and flows that nobody knows of until it asks again",
        )
        _add_wait(parser, "wait until they are gone on both sides")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            # By id from here on: a name may be given to another connection while we wait.
            ids = [client.connection(reference).id for reference in parsed_args.connection]
            for connection in ids:
                client.delete_connection(connection, force=parsed_args.force)
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


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hold-time", type=int, metavar="SECONDS", help="BGP hold time (9 if never said)")
    parser.add_argument(
        "--graceful-restart-time", type=int, metavar="SECONDS", help="RFC 4724 (30 if never said)"
    )
    parser.add_argument(
        "--hold-down",
        type=float,
        metavar="SECONDS",
        help="how long a path must be up again before traffic returns to it (3 if never said)",
    )
