"""`cellnet event ...`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister

from cellnet_core.cli import base
from cellnet_core.cli.resource import Resource, ShowOf, said
from cellnet_core.client import Client, Event, UnreachableError

FIRST_RETRY = 0.5
LONGEST_RETRY = 8.0
"""Seconds before a manager that went away is asked again: doubling, and from the start after it answered."""

EVENT = Resource("event", "events", ("id", "time", "severity", "type", "resource_name", "message"), help="id")


class List(Lister):
    """List what happened, or follow what happens."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--limit", type=int, default=100, help="how many of the newest (default %(default)s)"
        )
        _add_filters(parser)
        parser.add_argument(
            "--follow",
            action="store_true",
            help="go on with what happens, a line each (-f json: a document each), until interrupted",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        filters = _filters(parsed_args)
        with base.client_of(self) as client:
            events = client.last_events(parsed_args.limit, **filters)
            if parsed_args.follow:
                follow(self, client, events, filters, as_json=parsed_args.formatter == "json")
            return base.listing(EVENT.columns, events)


class Show(ShowOf):
    """Show an event."""

    resource = EVENT


class Watch(Command):
    """Show what happens as it happens, until interrupted; a manager that restarts is waited for."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_filters(parser)
        parser.add_argument("--after", type=int, metavar="ID", help="begin behind this event, not with now")
        parser.add_argument("-f", "--format", choices=("text", "json"), default="text")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        filters = _filters(parsed_args)
        with base.client_of(self) as client:
            after = parsed_args.after
            follow(self, client, (), filters, after=after, as_json=parsed_args.format == "json")


def follow(
    command: Command,
    client: Client,
    before: Sequence[Event],
    filters: dict[str, str],
    *,
    after: int | None = None,
    as_json: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Print events as they come, until interrupted; none is missed and none comes twice over a restart."""
    last = after
    pause = FIRST_RETRY

    def write(event: Event) -> None:
        nonlocal last, pause
        last, pause = event.id, FIRST_RETRY
        line = f"{event.time} {event.severity:<7} {event.type} {event.message}"
        command.app.stdout.write((json.dumps(event.document) if as_json else line) + "\n")
        command.app.stdout.flush()

    for event in before:
        write(event)
    if last is None:
        # From the newest event on, whatever it is about: a restart before the first that fits loses none.
        newest = client.last_events(1)
        last = newest[0].id if newest else 0
    while True:
        try:
            for event in client.follow_events(last, **filters):
                write(event)
        except UnreachableError as error:
            command.app.LOG.warning("%s; asking again in %g s", error, pause)
        sleep(pause)
        pause = min(pause * 2, LONGEST_RETRY)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", help='only this type, such as "connection.operating_status"')
    parser.add_argument("--severity", help='only these, such as "in:warning,error"')
    parser.add_argument("--resource", metavar="NAME", help="only what is about this object")


def _filters(parsed_args: argparse.Namespace) -> dict[str, str]:
    return said(type=parsed_args.type, severity=parsed_args.severity, resource_name=parsed_args.resource)
