"""`cellnet cell ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.lister import Lister
from cliff.show import ShowOne

from cellnet_core.cli import base


class List(Lister):
    """List cells and whether their agents report."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:  # noqa: ARG002
        with base.client_of(self) as client:
            return base.listing(
                ("id", "name", "kind", "asn", "prefixes", "gateways", "operating_status"), client.cells()
            )


class Show(ShowOne):
    """Show a cell."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("cell", help="id, name or Nova cell uuid")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        with base.client_of(self) as client:
            return base.show(client.cell(parsed_args.cell))
