"""`cellnet connection ...`: what is wanted of connections. What is done to them once is in `action`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from cliff.show import ShowOne

from cellnet_core.cli import base, progress
from cellnet_core.cli.resource import (
    ChangeOf,
    DeleteOf,
    ListOf,
    Resource,
    ShowOf,
    add_tags,
    add_wait,
    fewer_tags,
    more_tags,
    said,
)

CONNECTION = Resource(
    "connection",
    "connections",
    (
        *("id", "name", "local_endpoint", "remote_endpoint", "families"),
        *("provisioning_status", "operating_status"),
    ),
)
OWN = ("hold_time", "graceful_restart_time", "hold_down")


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--family",
        action="append",
        choices=("ipv4", "ipv6"),
        help="repeatable, names all. Default for a new one: all that both endpoints have",
    )
    parser.add_argument("--profile", help="id or name. Default for a new one: the default profile")
    parser.add_argument(
        "--hold-time", type=int, metavar="SECONDS", help="BGP hold time, in place of the profile's"
    )
    parser.add_argument(
        "--graceful-restart-time", type=int, metavar="SECONDS", help="RFC 4724, in place of the profile's"
    )
    parser.add_argument(
        "--hold-down",
        type=float,
        metavar="SECONDS",
        help="how long a path must be up again before traffic returns to it, in place of the profile's",
    )
    parser.add_argument("--description")
    add_tags(parser)


def _said(parsed_args: argparse.Namespace) -> dict[str, Any]:
    return said(
        families=parsed_args.family,
        profile=parsed_args.profile,
        hold_time=parsed_args.hold_time,
        graceful_restart_time=parsed_args.graceful_restart_time,
        hold_down=parsed_args.hold_down,
        description=parsed_args.description,
    )


class Create(ShowOne):
    """Connect two endpoints."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("--local", required=True, metavar="ENDPOINT", help="id or name")
        parser.add_argument("--remote", required=True, metavar="ENDPOINT", help="id or name")
        _add_fields(parser)
        parser.add_argument("--disabled", action="store_true", help="do not make it so yet")
        add_wait(parser, "wait until it is ONLINE")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        fields = _said(parsed_args) | said(
            tags=parsed_args.tag, enabled=False if parsed_args.disabled else None
        )
        with base.client_of(self) as client:
            connection = client.create_connection(
                parsed_args.name, parsed_args.local, parsed_args.remote, **fields
            )
            if parsed_args.wait and not parsed_args.disabled:
                connection = client.wait_for_status(
                    connection.id,
                    timeout=parsed_args.timeout,
                    on_change=lambda now: progress.connection(self, now),
                )
            return base.show(connection)


class List(ListOf):
    """List connections and how they stand."""

    resource = CONNECTION


class Show(ShowOf):
    """Show a connection and the conditions it is in."""

    resource = CONNECTION


class Set(ChangeOf):
    """Change a connection; what is not named stays as it is."""

    resource = CONNECTION

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", help="its new name")
        _add_fields(parser)
        wanted = parser.add_mutually_exclusive_group()
        wanted.add_argument("--enable", dest="enabled", action="store_const", const=True)
        wanted.add_argument("--disable", dest="enabled", action="store_const", const=False)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        return _said(parsed_args) | said(
            name=parsed_args.name, enabled=parsed_args.enabled, tags=more_tags(now, parsed_args.tag)
        )


class Unset(ChangeOf):
    """Take something away from a connection: timers of its own are the profile's again."""

    resource = CONNECTION

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        for name in OWN:
            parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", help="the profile's")
        parser.add_argument("--description", action="store_const", const="")
        add_tags(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        own = {name: None for name in OWN if getattr(parsed_args, name)}
        return own | said(description=parsed_args.description, tags=fewer_tags(now, parsed_args.tag))


class Delete(DeleteOf):
    """Delete connections: agents take them down, then they are forgotten."""

    resource = CONNECTION

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--force",
            action="store_true",
            help="forget them at once, for agents that are gone for good. DANGER: an agent that is only out "
            "of reach keeps sessions and flows that nobody knows of until it asks again",
        )
        add_wait(parser, "wait until they are gone on both sides")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            # By id from here on: a name may be given to another connection while we wait.
            ids = [client.connection(reference).id for reference in parsed_args.object]
            started = [client.delete_connection(connection, force=parsed_args.force) for connection in ids]
            for operation in started:
                if parsed_args.wait and operation is not None:
                    progress.wait(self, client, operation, parsed_args.timeout)
