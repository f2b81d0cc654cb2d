"""Golden pairs: topology in, text out, to the letter.

Set CELLNET_UPDATE_GOLDEN=1 to write the expected files anew, and read the difference before committing it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from topologies import catalogue, codec, draw, fileformat
from topologies.builder import Builder
from topologies.errors import TopologyError
from topologies.model import Topology
from topologies.render import render

HERE = Path(__file__).parent
FORMS: dict[str, Callable[[Topology], str]] = {
    "json": lambda topology: json.dumps(codec.to_dict(topology), indent=1) + "\n",
    "yaml": render,
    "txt": draw.to_text,
    "svg": draw.to_svg,
}
WITH_ROUTERS = (
    Builder("wan")
    .cell("main", gateways=2, hosts=5)
    .cell("east")
    .router("p1", asn=64512)
    .router("p2", asn=64513, daemon="frr")
    .direct("main", "p1")
    .direct("main", "p2")
    .direct("p1", "p2", paths=3)
    .direct("p2", "east")
)


def compare(text: str, file: Path) -> None:
    if os.environ.get("CELLNET_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_two_cells(form: str) -> None:
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    compare(FORMS[form](topology), HERE / "catalogue" / f"two-cells.{form}")


@pytest.mark.parametrize("name", ["main-and-subs", "ring", "full-mesh", "provider"])
@pytest.mark.parametrize("form", ["yaml", "txt"])
def test_catalogue(name: str, form: str) -> None:
    compare(FORMS[form](catalogue.build(name)), HERE / "catalogue" / f"{name}.{form}")


def test_routers_and_states_in_text() -> None:
    states = {"p1": "down", "main-p1": "degraded", "main-gw2": "up"}
    compare(draw.to_text(WITH_ROUTERS.build(), states), HERE / "catalogue" / "with-routers.txt")


@pytest.mark.parametrize("source", sorted((HERE / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_good_files(source: Path) -> None:
    topology = fileformat.load(source.read_text(encoding="utf-8"), source.name)
    compare(FORMS["json"](topology), source.with_suffix(".json"))
    compare(FORMS["yaml"](topology), source.with_suffix(".rendered"))


@pytest.mark.parametrize("source", sorted((HERE / "bad").glob("*.yaml")), ids=lambda path: path.stem)
def test_bad_files(source: Path) -> None:
    with pytest.raises(TopologyError) as caught:
        fileformat.load(source.read_text(encoding="utf-8"), source.name)
    compare(f"{caught.value}\n", source.with_suffix(".txt"))
