"""The commands, run in this process with their output caught."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cliff.app import App
from cliff.command import Command
from cliff.commandmanager import CommandManager

from topologies import catalogue, cli, codec, fileformat
from topologies.errors import TopologyError


def run(command: type[Command], *arguments: str) -> str:
    output = io.StringIO()
    app = App("test", "1", CommandManager("cellnet.test.none"), stdout=output)
    instance = command(app, None, cmd_name="topology test")
    assert not instance.run(instance.get_parser("test").parse_args(arguments))
    return output.getvalue()


def test_list() -> None:
    rows = json.loads(run(cli.List, "-f", "json"))
    assert [row["Name"] for row in rows] == list(catalogue.names())
    assert "cells=4 (3 to 250)" in rows[2]["Settings"]


def test_show_json_holds_the_whole_topology() -> None:
    shown = json.loads(run(cli.Show, "ring", "--set", "cells=3", "-f", "json"))
    assert codec.from_dict(shown) == catalogue.build("ring", {"cells": 3})


def test_show_yaml_is_a_topology_file() -> None:
    assert fileformat.load(run(cli.Show, "two-cells", "-f", "yaml")) == catalogue.build("two-cells")


def test_show_table() -> None:
    lines = run(cli.Show, "two-cells").splitlines()
    assert lines[0] == "two-cells: 2 cells, 2 WAN paths, 2 hosts"
    assert any(line.startswith("main-east-2  main-gw1 wan2  east-gw1 wan2") for line in lines)


def test_validate(tmp_path: Path) -> None:
    file = tmp_path / "cloud.yaml"
    file.write_text("name: lab\ncells: [{name: main}]\n")
    assert run(cli.Validate, str(file)) == f"{file}: valid (1 cell, 0 WAN paths, 1 host)\n"
    file.write_text("name: lab\ncells: [{name: main}, {name: main}]\n")
    with pytest.raises(TopologyError) as caught:
        run(cli.Validate, str(file))
    assert caught.value.exit_code == 2


def test_draw(tmp_path: Path) -> None:
    assert run(cli.Draw, "two-cells").startswith("┌─ main ─")
    assert run(cli.Draw, "two-cells", "--svg", "-").startswith("<svg ")
    file = tmp_path / "picture.svg"
    assert run(cli.Draw, "two-cells", "--svg", str(file)) == (
        f"{file}: drawn (2 cells, 2 WAN paths, 2 hosts)\n"
    )
    assert file.read_text().startswith("<svg ")
    with pytest.raises(TopologyError, match="cannot be written: Is a directory; choose another file"):
        run(cli.Draw, "two-cells", "--svg", str(tmp_path))


def test_loading_the_commands_loads_no_file_reader() -> None:
    code = (
        "import sys, topologies.cli; "
        "print([m for m in ('jsonschema', 'ruamel.yaml', 'networkx', 'topologies.draw') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
