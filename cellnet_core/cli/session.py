"""`cellnet session ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.lister import Lister

from cellnet_core.cli import base


class List(Lister):
    """List the BGP sessions of a connection, each as either side sees it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("connection", help="id or name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        names = (
            "path",
            "cell",
            "gateway",
            "interface",
            "local_address",
            "remote_address",
            "bgp_state",
            "since",
            "bfd",
            "held_down",
            "operating_status",
            "last_error",
        )
        with base.client_of(self) as client:
            return base.listing(names, client.sessions(parsed_args.connection))
