"""`cellnet cell import`: cells from Nova's own list, from a YAML file, or both. Safe to repeat."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cliff.lister import Lister

from cellnet_core.cli import base, nova_cells
from cellnet_core.cli.errors import UsageError
from cellnet_core.cli.nova_cells import NovaCell
from cellnet_core.client import ApiError, Cell, Client

FIELDS = ("name", "id", "nova_cell_uuid", "kind", "asn", "prefixes", "description")
Facts = dict[str, Any]


class Import(Lister):
    """Import cells from `nova-manage cell_v2 list_cells`, a YAML file, or both."""

    _failed = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "file",
            nargs="?",
            help="YAML: a list of cells (name, nova_cell_uuid, kind, asn, prefixes, description). With "
            "--from-nova-manage it adds what Nova does not know, found by nova_cell_uuid or name",
        )
        parser.add_argument(
            "--from-nova-manage",
            metavar="FILE",
            help="what `nova-manage cell_v2 list_cells` printed, - for standard input; passwords in it "
            "(--verbose) are neither kept nor sent",
        )
        parser.add_argument(
            "--first-asn", type=int, metavar="N", help="number cells without AS number from here on"
        )
        parser.add_argument("--main", metavar="NAME", help="the cell that is the main one; others are subs")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:
        if parsed_args.file is None and parsed_args.from_nova_manage is None:
            raise UsageError("name a YAML file, or --from-nova-manage FILE, or both")
        listed = read_yaml(parsed_args.file) if parsed_args.file else []
        known = _nova(parsed_args.from_nova_manage) if parsed_args.from_nova_manage else None
        rows: list[list[Any]] = []
        with base.client_of(self) as client:
            existing = client.cells()
            numbers = _numbers(parsed_args.first_asn, listed, existing)
            for cell, said in _merged(known, listed):
                facts = {**said}
                present = _find(existing, facts)
                if present is not None:
                    facts = {name: present.document[name] for name in FIELDS} | facts
                elif "asn" not in facts and numbers is not None and cell.uuid != nova_cells.CELL0:
                    facts["asn"] = next(numbers)
                if parsed_args.main is not None:
                    facts["kind"] = "main" if facts.get("name") == parsed_args.main else "sub"
                done, why = _one(client, cell, facts, present)
                if done == "refused" and cell.uuid != nova_cells.CELL0:
                    self._failed = True
                shown = [facts.get(name) for name in ("name", "nova_cell_uuid", "asn")]
                rows.append([*shown, done, why])
        return ("name", "nova_cell_uuid", "asn", "result", "reason"), rows

    def run(self, parsed_args: argparse.Namespace) -> int:
        """2 when a cell but cell0 was refused; the others are imported all the same."""
        status = int(super().run(parsed_args))
        return 2 if self._failed else status


def _one(client: Client, cell: NovaCell, facts: Facts, present: Cell | None) -> tuple[str, str]:
    """What became of it, and why."""
    why = nova_cells.refusal(cell, facts)
    if why is not None:
        return "refused", why
    note = "disabled in Nova" if cell.disabled else ""
    try:
        if present is None:
            reference = facts.get("id") or facts.get("nova_cell_uuid")
            if reference is None:
                client.create_cell(**facts)
            else:
                # The address is the identifier, so that a repeated import cannot make a second one.
                client.replace_cell(reference, facts)
            return "created", note
        taken = present.document["nova_cell_uuid"]
        if cell.uuid and taken not in (None, cell.uuid):
            why = f"there is a cell {present.name} with nova_cell_uuid {taken}: rename one of them"
            return "refused", why
        after = client.replace_cell(present.id, facts, present.revision_number)
    except ApiError as error:
        return "refused", str(error)
    return ("unchanged" if after.revision_number == present.revision_number else "updated"), note


def _nova(name: str) -> tuple[NovaCell, ...]:
    text = sys.stdin.read() if name == "-" else _read(name)
    try:
        return nova_cells.parse(text)
    except nova_cells.NotATableError as error:
        raise UsageError(f"{name}: {error}") from error


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}") from error


def read_yaml(name: str) -> list[Facts]:
    """The list of cells of a YAML file; checked for its form only, the API checks the rest.

    Raises UsageError.
    """
    from ruamel.yaml import YAML  # loaded by the commands that need it
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe", pure=True).load(_read(name))
    except YAMLError as error:
        raise UsageError(f"{name} is no YAML: {error}") from error
    if isinstance(content, dict):
        content = content.get("cells")
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise UsageError(f"{name}: not a list of cells; write `- {{name: east, asn: 65002}}` for each")
    for number, entry in enumerate(content):
        unknown = [str(key) for key in entry if key not in FIELDS]
        if unknown:
            raise UsageError(
                f"{name}: cell {number}: unknown {', '.join(unknown)}; known are {', '.join(FIELDS)}"
            )
    return [_canonical(entry) for entry in content]


def _canonical(entry: Facts) -> Facts:
    """UUIDs as the manager has them."""
    uuids = {key: str(entry[key]).lower() for key in ("id", "nova_cell_uuid") if entry.get(key) is not None}
    return {**entry, **uuids}


def _merged(known: Iterable[NovaCell] | None, listed: Sequence[Facts]) -> Iterator[tuple[NovaCell, Facts]]:
    """Each cell of Nova with what the file says of it; without Nova's list, the file's cells."""
    if known is None:
        for entry in listed:
            uuid = str(entry.get("nova_cell_uuid") or "")
            yield NovaCell(str(entry.get("name", "")), uuid), entry
        return
    for cell in known:
        said = next((e for e in listed if e.get("nova_cell_uuid") == cell.uuid), None)
        if said is None:
            said = next((e for e in listed if cell.name and e.get("name") == cell.name), {})
        named: Facts = {"name": cell.name} if cell.name else {}
        yield cell, {**named, **said, "nova_cell_uuid": cell.uuid}


def _find(existing: Sequence[Cell], facts: Mapping[str, Any]) -> Cell | None:
    """The manager's cell: by its Nova uuid or id, else by name."""
    uuids = {facts.get("nova_cell_uuid"), facts.get("id")} - {None}
    for cell in existing:
        if uuids & {cell.id, cell.document["nova_cell_uuid"]}:
            return cell
    return next((cell for cell in existing if cell.name == facts.get("name")), None)


def _numbers(first: int | None, listed: Sequence[Facts], existing: Sequence[Cell]) -> Iterator[int] | None:
    """AS numbers from `first` on that no cell has."""
    if first is None:
        return None
    taken = {cell.document["asn"] for cell in existing} | {entry.get("asn") for entry in listed}
    return (number for number in range(first, 2**32) if number not in taken)
