"""Reading files gives a topology or a TopologyError, nothing else; schema and reader agree."""

from __future__ import annotations

import copy
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from topologies import catalogue, fileformat
from topologies.builder import Builder
from topologies.errors import TopologyError
from topologies.render import render

SMALLEST = "name: lab\ncells: [{name: main}]\n"
# Each line says the one before it nine times: a million values in the end.
BOMB = "n0: &n0 x\n" + "".join(f"n{n}: &n{n} [{', '.join([f'*n{n - 1}'] * 9)}]\n" for n in range(1, 8))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(fileformat.schema())


def test_what_render_writes_fits_the_schema() -> None:
    validator = Draft202012Validator(fileformat.schema())
    for name in catalogue.names():
        validator.validate(YAML(typ="safe", pure=True).load(render(catalogue.build(name))))


def test_a_file_and_the_builder_say_the_same() -> None:
    cells, links = "[{name: main, hosts: 2}, {name: east}]", "[{between: [main, east], paths: 2}]"
    text = f"name: lab\ncells: {cells}\nlinks: {links}\n"
    built = Builder("lab").cell("main", hosts=2).cell("east").direct("main", "east", paths=2).build()
    assert fileformat.load(text) == built


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), "My Cloud"),
        (("name",), "n" * 33),
        (("cells",), []),
        (("cells", 0, "name"), "Main"),
        (("cells", 0, "name"), "m" * 25),
        (("cells", 0, "kind"), "boss"),
        (("cells", 0, "asn"), 0),
        (("cells", 0, "asn"), -1),
        (("cells", 0, "asn"), 2**32),
        (("cells", 0, "asn"), True),
        (("cells", 0, "prefixes"), ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"]),
        (("cells", 0, "prefixes"), [7]),
        (("cells", 0, "gateways"), 0),
        (("cells", 0, "gateways"), 9),
        (("cells", 0, "hosts"), -1),
        (("cells", 0, "hosts"), 201),
        (("cells", 0, "hosts"), [{}] * 201),
        (("cells", 0, "hosts"), "many"),
        (("cells", 0, "hosts"), [{"addresses": ["10.0.1.9", "10.0.1.8", "10.0.1.7"]}]),
        (("links", 0, "between"), ["main"]),
        (("links", 0, "between"), ["main", "east", "main"]),
        (("links", 0, "paths"), 0),
        (("links", 0, "paths"), 65),
        (("links", 0, "paths"), 1.5),
        (("links",), None),
        (("parameters",), "none"),
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(path: tuple[Any, ...], value: Any) -> None:
    data: Any = {
        "name": "lab",
        "cells": [{"name": "main", "kind": "main"}, {"name": "east"}],
        "links": [{"between": ["main", "east"], "paths": 1}],
    }
    assert fileformat.load(_dump(data))
    changed = copy.deepcopy(data)
    target = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    assert not Draft202012Validator(fileformat.schema()).is_valid(changed)
    with pytest.raises(TopologyError) as caught:
        fileformat.load(_dump(changed))
    assert all(problem.line for problem in caught.value.problems)


def _dump(data: Any) -> str:
    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.dump(data, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "[" * 1000,
        "a: &a [*a]",
        "name: !!python/object/apply:os.system [id]\ncells: []",
        "x: 2024-13-45",
        "name: .nan\ncells: []",
        "cells: !!set {a, b}",
        "cells: !!binary aGVsbG8=",
        "? [a, b]\n: c",
        "%YAML 9.9\n---\nname: x",
        "name: lab\ncells: &c [*c]",
        BOMB,
        "#" * 2_000_000,
    ],
    ids=range(14),
)
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(TopologyError):
        fileformat.load(text)


@given(st.text(alphabet="name:cells- []{}&*!|>#%'\"\n\t,?<<=0.1e~", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_topology_or_a_typed_error(text: str) -> None:
    with suppress(TopologyError):
        fileformat.load(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name", "cells", "links", "hosts", "between", "prefixes", "addresses", "asn", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_structure_is_a_topology_or_a_typed_error(value: Any) -> None:
    with suppress(TopologyError):
        fileformat.load(_dump(value))


def test_a_date_is_taken_as_the_text_it_looks_like() -> None:
    topology = fileformat.load(SMALLEST + "parameters: {made: 2026-11-22}\n")
    assert topology.parameters == {"made": "2026-11-22"}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="No such file"):
        fileformat.read(tmp_path / "absent.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: caf\xe9")
    with pytest.raises(TopologyError, match="save it as UTF-8"):
        fileformat.read(latin)
    large = tmp_path / "large.yaml"
    large.write_text("#" * 1_000_001)
    with pytest.raises(TopologyError, match="larger than 1000000 bytes"):
        fileformat.read(large)


def test_routers_are_written_and_read() -> None:
    topology = Builder("wan").cell("main").router("p1", daemon="frr").direct("main", "p1").build()
    assert fileformat.load(render(topology)) == topology
