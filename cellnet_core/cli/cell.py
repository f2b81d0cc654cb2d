"""`cellnet cell ...`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from cliff.show import ShowOne

from cellnet_core.cli import base
from cellnet_core.cli.resource import (
    ChangeOf,
    DeleteOf,
    ListOf,
    Resource,
    ShowOf,
    add_tags,
    fewer_tags,
    more_tags,
    said,
)

CELL = Resource(
    "cell",
    "cells",
    ("id", "name", "kind", "asn", "prefixes", "gateways", "operating_status"),
    "id, name or Nova cell uuid",
)
POLICIES = ("repair", "ignore", "adopt")


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=("main", "sub"))
    parser.add_argument("--nova-cell-uuid", metavar="UUID")
    parser.add_argument("--announce", action="append", metavar="PREFIX", help="repeatable, names all")
    parser.add_argument(
        "--drift-policy", choices=POLICIES, help="what agents do about what somebody else changed"
    )
    parser.add_argument("--description")
    add_tags(parser)


def _said(parsed_args: argparse.Namespace) -> dict[str, Any]:
    return said(
        asn=parsed_args.asn,
        kind=parsed_args.kind,
        nova_cell_uuid=parsed_args.nova_cell_uuid,
        prefixes=parsed_args.announce,
        drift_policy=parsed_args.drift_policy,
        description=parsed_args.description,
    )


class Create(ShowOne):
    """Declare a cell."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("--asn", type=int, required=True, help="AS number")
        _add_fields(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        fields = {"name": parsed_args.name, **_said(parsed_args), **said(tags=parsed_args.tag)}
        with base.client_of(self) as client:
            return base.show(client.create("cells", "cell", fields))


class List(ListOf):
    """List cells and whether their agents report."""

    resource = CELL


class Show(ShowOf):
    """Show a cell."""

    resource = CELL


class Set(ChangeOf):
    """Change a cell; what is not named stays as it is."""

    resource = CELL

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", help="its new name")
        parser.add_argument("--asn", type=int, help="AS number")
        _add_fields(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        return _said(parsed_args) | said(name=parsed_args.name, tags=more_tags(now, parsed_args.tag))


class Unset(ChangeOf):
    """Take something away from a cell."""

    resource = CELL

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--nova-cell-uuid", action="store_const", const=True)
        parser.add_argument("--description", action="store_const", const="")
        add_tags(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        found = said(description=parsed_args.description, tags=fewer_tags(now, parsed_args.tag))
        return found | ({"nova_cell_uuid": None} if parsed_args.nova_cell_uuid else {})


class Delete(DeleteOf):
    """Forget cells that have no endpoints."""

    resource = CELL
