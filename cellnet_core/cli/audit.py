"""`cellnet audit ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.lister import Lister

from cellnet_core.cli import base


class List(Lister):
    """List who changed what, the newest last."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--limit", type=int, default=100, help="how many of the newest (default %(default)s)"
        )
        parser.add_argument("--user", help="only what this user changed")
        parser.add_argument("--resource", metavar="NAME", help="only changes of this object")
        parser.add_argument("--request", metavar="ID", help="only what this request changed")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        filters = {
            "user": parsed_args.user,
            "resource_name": parsed_args.resource,
            "request_id": parsed_args.request,
        }
        said = {name: value for name, value in filters.items() if value is not None}
        names = (
            *("id", "time", "user", "method", "action", "resource_type", "resource_name"),
            *("revision_before", "revision_after", "changed"),
        )
        with base.client_of(self) as client:
            entries = client.last_audit(parsed_args.limit, **said)
        machine = parsed_args.formatter in ("json", "yaml")
        rows = []
        for entry in entries:
            *row, changed = (entry.document[name] for name in names)
            created = entry.action == "created"
            rows.append([*row, changed if machine else ", ".join(changed) if created else _brief(changed)])
        return names, rows


def _brief(changed: dict[str, Any]) -> str:
    """Each field on a line, as it was and as it is."""
    lines = []
    for name, values in changed.items():
        before, after = (str(values.get(when)) for when in ("before", "after"))
        lines.append(f"{name}: {before[:40]} -> {after[:40]}")
    return "\n".join(lines)
