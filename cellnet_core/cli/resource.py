"""What the commands of all resources have in common: list, show, delete, and how fields are said.

A resource is a value; a command names it and adds what is its own. The classes load under the `openstack`
command too: all they ask of the application is `base.client_of`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from cellnet_core.cli import base
from cellnet_core.cli.errors import UsageError
from cellnet_core.client import Client
from cellnet_core.client.values import Value

TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection of the API. `columns`: what a list shows; `help`: how an object of it is named."""

    name: str
    plural: str
    columns: tuple[str, ...]
    help: str = "id or name"


class ListOf(Lister):
    """Base of `... list`."""

    resource: ClassVar[Resource]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--filter",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="only these; with operators as in the API (asn=gte:65003, name=in:a,b); repeatable",
        )
        parser.add_argument("--sort", metavar="FIELD[:desc],...", help="as in the API")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        with base.client_of(self) as client:
            return base.listing(self.resource.columns, self.find(client, self.query(parsed_args)))

    def query(self, parsed_args: argparse.Namespace) -> dict[str, str]:
        """What the API is asked. Raises UsageError."""
        query = {"sort": parsed_args.sort} if parsed_args.sort else {}
        for said in parsed_args.filter:
            field, separator, value = said.partition("=")
            if not separator:
                raise UsageError(f"--filter {said}: write FIELD=VALUE")
            query[field] = value
        return query

    def find(self, client: Client, query: Mapping[str, str]) -> Iterable[Value]:
        """The objects."""
        return client.objects(self.resource.plural, **query)


class ShowOf(ShowOne):
    """Base of `... show`."""

    resource: ClassVar[Resource]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("object", metavar=self.resource.name, help=self.resource.help)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        with base.client_of(self) as client:
            return base.show(client.object(self.resource.plural, self.resource.name, parsed_args.object))


class DeleteOf(Command):
    """Base of `... delete`."""

    resource: ClassVar[Resource]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("object", metavar=self.resource.name, nargs="+", help=self.resource.help)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        with base.client_of(self) as client:
            for reference in parsed_args.object:
                client.delete(self.resource.plural, reference)


class ChangeOf(ShowOne):
    """Base of `... set` and `... unset`: some fields become others, if nobody changed it meanwhile."""

    resource: ClassVar[Resource]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("object", metavar=self.resource.name, help=self.resource.help)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        resource = self.resource
        with base.client_of(self) as client:
            before = client.object(resource.plural, resource.name, parsed_args.object)
            changes = self.changes(parsed_args, before.document)
            if not changes:
                raise UsageError("nothing to change was named; see --help")
            identifier, revision = before.document["id"], before.document["revision_number"]
            return base.show(client.modify(resource.plural, resource.name, identifier, changes, revision))

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that become others, as the API takes them."""
        raise NotImplementedError


def said(**fields: Any) -> dict[str, Any]:
    """Those that were said on the command line."""
    return {name: value for name, value in fields.items() if value is not None}


def add_tags(parser: argparse.ArgumentParser, text: str = "a tag; repeatable") -> None:
    """--tag."""
    parser.add_argument("--tag", action="append", metavar="TAG", help=text)


def more_tags(now: Mapping[str, Any], tags: Sequence[str] | None) -> list[str] | None:
    """The tags there are and these; None when none were said."""
    return None if tags is None else sorted({*now["tags"], *tags})


def fewer_tags(now: Mapping[str, Any], tags: Sequence[str] | None) -> list[str] | None:
    """The tags there are without these; None when none were said. Raises UsageError for a strange one."""
    if tags is None:
        return None
    if strange := sorted(set(tags) - set(now["tags"])):
        raise UsageError(f"it has no tag {', '.join(strange)}; it has {', '.join(now['tags']) or 'none'}")
    return sorted(set(now["tags"]) - set(tags))


def add_wait(parser: argparse.ArgumentParser, text: str) -> None:
    """--wait and --timeout."""
    parser.add_argument("--wait", action="store_true", help=text)
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long --wait waits (default %(default)g)",
    )
