"""`cellnet cell import`: against the API, twice, and with what cannot be imported."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest

from cellnet_core.cli.cell_import import Import
from cellnet_core.cli.errors import UsageError
from tests.unit.manager.world import World

GOLDEN = Path(__file__).parents[2] / "golden" / "nova_cells"
EAST = "5d0f9c9e-6f0c-4c51-9a4e-0f6a5d1c0002"


class _App:
    """What cliff gives a command."""

    def __init__(self, url: str) -> None:
        self.options = argparse.Namespace(url=url, lab=None, token_file=None, os_cacert=None)
        self.stdout = io.StringIO()


@pytest.fixture
def imported(lab: World, tmp_path: Path):
    """Run the command; returns its exit status and its rows by name (or uuid)."""

    def run(*argv: str) -> tuple[int, dict[str, dict]]:
        app = _App(f"unix://{tmp_path}/run/demo/manager.sock")
        command = Import(app, None)
        status = command.run(command.get_parser("import").parse_args([*argv, "-f", "json"]))
        rows = json.loads(app.stdout.getvalue())
        return status, {row["name"] or row["nova_cell_uuid"]: row for row in rows}

    return run


def test_nova_s_list_is_imported_once(lab: World, imported) -> None:
    table = ("--from-nova-manage", str(GOLDEN / "verbose.txt"), "--first-asn", "65001", "--main", "cell1")
    status, rows = imported(*table)
    assert status == 0
    assert {name: row["result"] for name, row in rows.items()} == {
        "cell0": "refused",
        "cell1": "created",
        "east": "created",
    }
    assert "no site of the network" in rows["cell0"]["reason"]
    assert rows["east"]["reason"] == "disabled in Nova"
    cell = lab.manager.cells.get(EAST).record
    assert (cell.id, cell.nova_cell_uuid, cell.asn, cell.kind) == (EAST, EAST, 65002, "sub")
    assert lab.manager.cells.get("cell1").record.kind == "main"
    before = lab.event_types()
    status, rows = imported(*table)
    assert (status, rows["cell1"]["result"], rows["east"]["result"]) == (0, "unchanged", "unchanged")
    assert lab.event_types() == before


def test_a_file_adds_what_nova_does_not_know(lab: World, imported, tmp_path: Path) -> None:
    facts = tmp_path / "cells.yaml"
    facts.write_text(
        "- {name: cell1, kind: main, asn: 65001, prefixes: [10.0.1.0/24]}\n"
        f"- {{name: renamed, nova_cell_uuid: {EAST.upper()}, asn: 65002}}\n"
    )
    status, rows = imported(str(facts), "--from-nova-manage", str(GOLDEN / "masked.txt"))
    assert (status, rows["renamed"]["result"]) == (0, "created")
    assert lab.manager.cells.get("cell1").record.prefixes == ("10.0.1.0/24",)
    facts.write_text("- {name: cell1, prefixes: [10.0.1.0/24, 10.0.9.0/24]}\n")
    status, rows = imported(str(facts))
    assert (status, rows["cell1"]["result"]) == (0, "updated")
    assert lab.manager.cells.get("cell1").record.kind == "main"


def test_a_cell_that_is_there_gets_its_nova_uuid_and_keeps_the_rest(lab: World, imported) -> None:
    lab.add_cells()
    lab.add_endpoints()
    before = lab.manager.cells.get("east").record
    status, rows = imported("--from-nova-manage", str(GOLDEN / "masked.txt"), "--first-asn", "65001")
    assert (status, rows["east"]["result"], rows["cell1"]["asn"]) == (0, "updated", 65003)
    after = lab.manager.cells.get(EAST).record
    assert (after.id, after.asn, after.prefixes) == (before.id, before.asn, before.prefixes)


def test_what_cannot_be_imported_does_not_stop_the_rest(lab: World, imported) -> None:
    status, rows = imported("--from-nova-manage", str(GOLDEN / "odd-names.txt"), "--first-asn", "1")
    assert status == 2
    assert rows["cell1"]["result"] == "created"
    assert "name it in the YAML file" in rows["7a1a3f0e-0b43-4b40-9a86-3a37c1a5d003"]["reason"]
    assert "is no name" in rows["ost|süd"]["reason"]
    status, rows = imported("--from-nova-manage", str(GOLDEN / "queens.txt"))
    assert (status, rows["east"]["reason"][:24]) == (2, "no AS number is known: g")
    assert rows["cell1"]["result"] == "unchanged"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("5", "not a list of cells"),
        ("- {name: a, colour: red}", "cell 0: unknown colour"),
        ("- [", "is no YAML"),
        (None, "cannot be read"),
    ],
)
def test_files_that_are_none(imported, tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "x.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=says):
        imported(str(file))
