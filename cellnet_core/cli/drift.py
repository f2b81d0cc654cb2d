"""`cellnet drift ...`."""

from __future__ import annotations

import argparse

from cellnet_core.cli.resource import ListOf, Resource, ShowOf, said

DRIFT = Resource(
    "drift",
    "drifts",
    ("id", "cell", "gateway", "object", "desired", "observed", "action", "state", "found_at"),
    help="id",
)


class List(ListOf):
    """List what somebody else changed at gateways, the newest first."""

    resource = DRIFT

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--cell", help="only at gateways of the cell of that name")
        parser.add_argument("--now", action="store_true", help="only what is there still")
        return parser

    def query(self, parsed_args: argparse.Namespace) -> dict[str, str]:
        there = "neq:over" if parsed_args.now else None
        return super().query(parsed_args) | said(cell=parsed_args.cell, state=there)


class Show(ShowOf):
    """Show a drift: what should be there, what was, and what is done about it."""

    resource = DRIFT
