"""`cellnet event ...`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from cliff.lister import Lister

from cellnet_core.cli import base
from cellnet_core.client import Client, Event, UnreachableError

RETRY = 0.5
"""Seconds before a manager that went away is asked again."""


class List(Lister):
    """List what happened, or follow what happens."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--limit", type=int, default=100, help="how many of the newest (default %(default)s)"
        )
        parser.add_argument("--type", help='only this type, such as "connection.operating_status"')
        parser.add_argument("--resource", metavar="NAME", help="only what is about this object")
        parser.add_argument(
            "--follow",
            action="store_true",
            help="go on with what happens, a line each (-f json: a document each), until interrupted",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        filters = {"type": parsed_args.type, "resource_name": parsed_args.resource}
        said = {name: value for name, value in filters.items() if value is not None}
        with base.client_of(self) as client:
            events = client.last_events(parsed_args.limit, **said)
            if parsed_args.follow:
                self._follow(client, events, said, as_json=parsed_args.formatter == "json")
            names = ("id", "time", "severity", "type", "resource_name", "message")
            return base.listing(names, events)

    def _follow(
        self, client: Client, events: tuple[Event, ...], filters: dict[str, str], *, as_json: bool
    ) -> None:
        """Print events as they come, until interrupted. A manager that restarts is waited for."""
        last = 0

        def write(event: Event) -> None:
            nonlocal last
            last = event.id
            line = f"{event.time} {event.severity:<7} {event.type} {event.message}"
            self.app.stdout.write((json.dumps(event.document) if as_json else line) + "\n")
            self.app.stdout.flush()

        for event in events:
            write(event)
        while True:
            try:
                for event in client.follow_events(last, **filters):
                    write(event)
            except UnreachableError as error:
                self.app.LOG.warning("%s", error)
            time.sleep(RETRY)
