"""Tables of `nova-manage cell_v2 list_cells`, as PrettyTable prints them, and what is read of each.

masked: a release with the column "Disabled". queens: one before it. verbose: with --verbose, passwords with a
"|" in them. odd-names: a nameless cell, a name with a "|" and one that is not ASCII, between other output.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cellnet_core.cli.nova_cells import CELL0, NotATableError, NovaCell, parse

HERE = Path(__file__).parent
FIRST = NovaCell("cell0", CELL0)
CELL1 = NovaCell("cell1", "1fcd7fb4-9fd0-4d4a-8c1c-1d0b6b1f2a01")
EAST = "5d0f9c9e-6f0c-4c51-9a4e-0f6a5d1c0002"


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("masked", (FIRST, CELL1, NovaCell("east", EAST, disabled=True))),
        ("verbose", (FIRST, CELL1, NovaCell("east", EAST, disabled=True))),
        ("queens", (FIRST, CELL1, NovaCell("east", EAST))),
        (
            "odd-names",
            (
                NovaCell("", "7a1a3f0e-0b43-4b40-9a86-3a37c1a5d003"),
                FIRST,
                CELL1,
                NovaCell("ost|süd", "7a1a3f0e-0b43-4b40-9a86-3a37c1a5d004"),
            ),
        ),
        ("none", ()),
    ],
)
def test_what_is_read(name: str, cells: tuple[NovaCell, ...]) -> None:
    found = parse((HERE / f"{name}.txt").read_text(encoding="utf-8"))
    assert found == cells
    assert "s3" not in repr(found)


def _lines() -> list[str]:
    return (HERE / "verbose.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "here are 0"),
        ("cell1 1fcd7fb4-9fd0-4d4a-8c1c-1d0b6b1f2a01", "here are 0"),
        ("\n".join(_lines()[:-1]), "here are 2"),
        ("\n".join(_lines() * 2), "here are 6"),
        ("\n".join(_lines()).replace("1fcd7fb4", "1fcd7f", 1), "line 5: no UUID"),
        ("\n".join([*_lines()[:5], _lines()[4], *_lines()[5:]]), "twice"),
    ],
)
def test_what_is_no_such_table(text: str, says: str) -> None:
    with pytest.raises(NotATableError, match=says) as caught:
        parse(text)
    assert "s3" not in str(caught.value)
