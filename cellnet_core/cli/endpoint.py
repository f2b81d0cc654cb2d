"""`cellnet endpoint ...`."""

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

ENDPOINT = Resource(
    "endpoint",
    "endpoints",
    ("id", "name", "cell", "gateway", "asn", "prefixes", "operating_status"),
)


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interface",
        action="append",
        metavar="PORT[=ADDRESS,...]",
        help="a WAN port, with its addresses if they are not to be taken from the report; repeatable, names "
        "all. Default for a new one: all that the agent reports",
    )
    parser.add_argument(
        "--announce", action="append", metavar="PREFIX", help="a prefix to announce; repeatable, names all"
    )
    parser.add_argument(
        "--health-check-address", action="append", metavar="ADDRESS", help="one per family; names all"
    )
    parser.add_argument("--description")
    add_tags(parser)


def _said(parsed_args: argparse.Namespace) -> dict[str, Any]:
    return said(
        interfaces=[_interface(text) for text in parsed_args.interface or ()] or None,
        prefixes=parsed_args.announce,
        health_check_addresses=parsed_args.health_check_address,
        description=parsed_args.description,
    )


class Create(ShowOne):
    """Create an endpoint; what is not said is taken from its agent's report."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("--cell", required=True, help="id, name or Nova cell uuid")
        parser.add_argument("--gateway", help="needed when the cell has several")
        parser.add_argument("--asn", type=int, help="AS number")
        _add_fields(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        fields = {
            "name": parsed_args.name,
            "cell": parsed_args.cell,
            **_said(parsed_args),
            **said(gateway=parsed_args.gateway, asn=parsed_args.asn, tags=parsed_args.tag),
        }
        with base.client_of(self) as client:
            return base.show(client.create("endpoints", "endpoint", fields))


class List(ListOf):
    """List endpoints."""

    resource = ENDPOINT

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--cell", help="only those of the cell of that name")
        return parser

    def query(self, parsed_args: argparse.Namespace) -> dict[str, str]:
        return super().query(parsed_args) | said(cell=parsed_args.cell)


class Show(ShowOf):
    """Show an endpoint."""

    resource = ENDPOINT


class Set(ChangeOf):
    """Change an endpoint; what is not named stays as it is."""

    resource = ENDPOINT

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", help="its new name")
        _add_fields(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        return _said(parsed_args) | said(name=parsed_args.name, tags=more_tags(now, parsed_args.tag))


class Unset(ChangeOf):
    """Take something away from an endpoint."""

    resource = ENDPOINT

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--description", action="store_const", const="")
        add_tags(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        return said(description=parsed_args.description, tags=fewer_tags(now, parsed_args.tag))


class Delete(DeleteOf):
    """Delete endpoints that no connection uses."""

    resource = ENDPOINT


def _interface(text: str) -> dict[str, Any]:
    """ "wan1" or "wan1=172.16.0.1/30,fdce:11:ffff:1::1/64" as the API takes it."""
    name, separator, addresses = text.partition("=")
    port: dict[str, Any] = {"interface": name}
    if separator:
        port["addresses"] = [address.strip() for address in addresses.split(",")]
    return port
