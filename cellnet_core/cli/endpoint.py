"""`cellnet endpoint ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from cellnet_core.cli import base


class Create(ShowOne):
    """Create an endpoint; what is not said is taken from its agent's report."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("--cell", required=True, help="id, name or Nova cell uuid")
        parser.add_argument("--gateway", help="needed when the cell has several")
        parser.add_argument(
            "--interface",
            action="append",
            metavar="PORT[=ADDRESS,...]",
            help="a WAN port, with its addresses if they are not to be taken from the report; repeatable. "
            "Default: all that the agent reports",
        )
        parser.add_argument("--asn", type=int, help="AS number")
        parser.add_argument(
            "--announce", action="append", metavar="PREFIX", help="a prefix to announce; repeatable"
        )
        parser.add_argument(
            "--health-check-address", action="append", metavar="ADDRESS", help="one per family; repeatable"
        )
        parser.add_argument("--description")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        fields = {
            "gateway": parsed_args.gateway,
            "asn": parsed_args.asn,
            "prefixes": parsed_args.announce,
            "health_check_addresses": parsed_args.health_check_address,
            "description": parsed_args.description,
            "interfaces": [_interface(text) for text in parsed_args.interface or ()] or None,
        }
        said = {name: value for name, value in fields.items() if value is not None}
        with base.client_of(self) as client:
            return base.show(client.create_endpoint(parsed_args.name, parsed_args.cell, **said))


class List(Lister):
    """List endpoints."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--cell", help="only those of the cell of that name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        filters = {"cell": parsed_args.cell} if parsed_args.cell else {}
        with base.client_of(self) as client:
            return base.listing(
                ("id", "name", "cell", "gateway", "asn", "prefixes", "operating_status"),
                client.endpoints(**filters),
            )


class Show(ShowOne):
    """Show an endpoint."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("endpoint", help="id or name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        with base.client_of(self) as client:
            return base.show(client.endpoint(parsed_args.endpoint))


class Set(ShowOne):
    """Change an endpoint; what is not named stays as it is."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("endpoint", help="id or name")
        parser.add_argument("--name", help="its new name")
        parser.add_argument(
            "--interface", action="append", metavar="PORT[=ADDRESS,...]", help="repeatable; replaces all"
        )
        parser.add_argument("--announce", action="append", metavar="PREFIX", help="repeatable; replaces all")
        parser.add_argument(
            "--health-check-address", action="append", metavar="ADDRESS", help="repeatable; replaces all"
        )
        parser.add_argument("--description")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        changes = {
            "name": parsed_args.name,
            "interfaces": [_interface(text) for text in parsed_args.interface or ()] or None,
            "prefixes": parsed_args.announce,
            "health_check_addresses": parsed_args.health_check_address,
            "description": parsed_args.description,
        }
        with base.client_of(self) as client:
            before = client.endpoint(parsed_args.endpoint)
            fields = base.changed(before.document, (*changes, "cell", "gateway", "asn"), changes)
            return base.show(client.replace_endpoint(before.id, fields, before.revision_number))


class Delete(Command):
    """Delete endpoints that no connection uses."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("endpoint", nargs="+", help="id or name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            for reference in parsed_args.endpoint:
                client.delete_endpoint(reference)


def _interface(text: str) -> dict[str, Any]:
    """ "wan1" or "wan1=172.16.0.1/30,fdce:11:ffff:1::1/64" as the API takes it."""
    name, separator, addresses = text.partition("=")
    port: dict[str, Any] = {"interface": name}
    if separator:
        port["addresses"] = [address.strip() for address in addresses.split(",")]
    return port
