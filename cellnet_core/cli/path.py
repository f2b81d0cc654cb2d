"""`cellnet path ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.lister import Lister

from cellnet_core.cli import base


class Show(Lister):
    """Show the paths between two cells, and how many of them survive."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("origin", metavar="FROM", help="a cell: id, name or Nova cell uuid")
        parser.add_argument("target", metavar="TO", help="another cell")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        with base.client_of(self) as client:
            found = client.paths(parsed_args.origin, parsed_args.target)
        unknown = f", {found['unknown_paths']} unknown" if found["unknown_paths"] else ""
        # On standard error: the output stays the list, for programs too.
        self.app.stderr.write(
            f"{found['from_cell']} - {found['to_cell']}: {found['surviving_paths']} of "
            f"{len(found['paths'])} paths survive{unknown}\n"
        )
        names = (
            "name",
            "connection",
            "local_interface",
            "via",
            "remote_interface",
            "operating_status",
            "reason",
        )
        rows = [{**path, "via": base.Joined(path.get("via", ()))} for path in found["paths"]]
        return names, [[row[name] for name in names] for row in rows]
