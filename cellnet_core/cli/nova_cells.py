"""Reads what `nova-manage cell_v2 list_cells` prints. Pure.

Takes names, UUIDs and whether a cell is disabled, from the table as it is printed with or without --verbose,
by releases with a column "Disabled" and those before. Transport URLs and database connections are never kept:
with --verbose they hold passwords.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# A name may have a "|" in it, and so may a password: the first lone UUID in a column is the cell's.
_ROW = re.compile(rf"^\|(?P<name>.*?)\|\s*(?P<uuid>{_UUID})\s*\|(?P<rest>.*)\|$")
_BORDER = re.compile(r"^\+(-+\+)+$")
WITH_DISABLED = 5
"""Columns since the Rocky release; four before."""
CELL0 = "00000000-0000-0000-0000-000000000000"
"""Nova keeps instances that were never scheduled there; no host is in it."""


class NotATableError(ValueError):
    """The text is not such a table; the message names the line and the remedy. Repeats no secrets."""


@dataclass(frozen=True, slots=True)
class NovaCell:
    """A cell as Nova knows it. `name` may be empty: Nova lets a cell go without."""

    name: str
    uuid: str
    disabled: bool = False


def parse(text: str) -> tuple[NovaCell, ...]:
    """The cells of the table, in its order; lines before and after it (warnings, a prompt) are passed over.

    Raises NotATableError.
    """
    cells: list[NovaCell] = []
    borders = columns = 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if _BORDER.match(stripped):
            borders += 1
            columns = stripped.count("+") - 1
        elif stripped.startswith("|") and borders == 2:
            cells.append(_row(stripped, number, columns))
    if borders != 3:
        raise NotATableError(
            "this is no output of `nova-manage cell_v2 list_cells`: its table has 3 lines like +---+---+, "
            f"here are {borders}; give all that it printed, as it printed it"
        )
    _refuse_twice(cells)
    return tuple(cells)


def _row(line: str, number: int, columns: int) -> NovaCell:
    found = _ROW.match(line)
    if found is None:
        # Not shown: with --verbose the line has passwords.
        raise NotATableError(
            f"line {number}: no UUID in a column of its own; give the table as it was printed"
        )
    last = found["rest"].rpartition("|")[2].strip()
    disabled = columns >= WITH_DISABLED and last == "True"
    return NovaCell(found["name"].strip(), found["uuid"].lower(), disabled)


def _refuse_twice(cells: list[NovaCell]) -> None:
    seen: dict[str, NovaCell] = {}
    for cell in cells:
        if cell.uuid in seen:
            raise NotATableError(f"the table has {cell.uuid} twice: are two tables in one file?")
        seen[cell.uuid] = cell


def refusal(cell: NovaCell, facts: Mapping[str, object]) -> str | None:
    """Why the cell cannot be a site of the network, or None. `facts`: what is known of it besides."""
    if cell.uuid == CELL0:
        return "cell0 holds what Nova could not schedule: no host is in it, so it is no site of the network"
    if not facts.get("name"):
        return "it has no name in Nova: name it in the YAML file, by nova_cell_uuid"
    if "asn" not in facts:
        return "no AS number is known: give one in the YAML file, or --first-asn"
    return None
