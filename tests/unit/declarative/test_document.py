"""Files as people write them: every mistake is named, each with its line."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellnet_core.declarative import document, fields
from cellnet_core.declarative.source import DocumentError
from cellnet_core.northbound import fields as api

GOOD = """\
cellnet: 1
managed_by: site-a
endpoints:
  - name: main-ep
    cell: main
  - {name: east-ep, cell: east, interfaces: [wan1, {interface: wan2, addresses: [172.16.2.2/30]}]}
connections:
  - name: main-east
    local_endpoint: main-ep
    remote_endpoint: east-ep
    hold_time: 6
"""


def test_values_and_lines() -> None:
    read = document.read(GOOD, "f")
    assert [(w.kind, w.name, w.line) for w in read.objects] == [
        ("endpoint", "main-ep", 4),
        ("endpoint", "east-ep", 6),
        ("connection", "main-east", 8),
    ]
    assert read.objects[1].fields["interfaces"] == [
        {"interface": "wan1"},
        {"interface": "wan2", "addresses": ("172.16.2.2/30",)},
    ]
    assert read.objects[2].fields == {
        "local_endpoint": "main-ep",
        "remote_endpoint": "east-ep",
        "hold_time": 6,
    }


def test_json_is_read_as_well() -> None:
    text = json.dumps({"cellnet": 1, "managed_by": "a", "endpoints": [{"name": "e", "cell": "c"}]}, indent=1)
    assert document.read(text, "f").objects[0].name == "e"


BAD = """\
cellnet: 2
colour: red
endpoints:
  - name: a
    cell: main
    prefixes: [10.0.1.1/24]
    asn: many
  - name: a
    cell: main
    name: b
  - name: c d
connections:
  - {name: x, local_endpoint: a, remote_endpoint: a}
  - {name: y, local_endpoint: a, remote_endpoint: b, hold_time: 1, enabled: 1}
"""


def test_every_problem_at_once_with_its_line() -> None:
    with pytest.raises(DocumentError) as refused:
        document.read(BAD, "bad.yaml")
    text = str(refused.value)
    for line, part in [
        (1, "write `cellnet: 1`"),
        (1, "managed_by"),
        (2, "unknown 'colour'"),
        (6, "has host bits set; write 10.0.1.0/24"),
        (7, "'many' is no whole number"),
        (8, "endpoint a is on line 4 already"),
        (10, "'name' is said twice"),
        (11, "'c d' is no name"),
        (11, "cell is missing"),
        (13, "joins a to itself"),
        (14, "hold_time: 1 is no whole number from 3"),
        (14, "enabled: 1 is neither true nor false"),
    ]:
        assert any(row.startswith(f"bad.yaml:{line}: ") and part in row for row in text.splitlines()), (
            line,
            part,
            text,
        )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no document"),
        ("- a", "no document"),
        ("a: [", "f:1: no YAML"),
        ("a: &a [*a]", "too many values"),
        ("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [" + ",".join(["*a"] * 9) + "]", "unknown 'a'"),
        ("a: !!python/object:os.system x", "has no place here"),
        ("cellnet: .inf", "has no place here"),
        ("a: \0", "no YAML"),
    ],
)
def test_what_is_no_document(text: str, part: str) -> None:
    with pytest.raises(DocumentError, match="f") as refused:
        document.read(text, "f")
    assert part in str(refused.value)


def test_a_bomb_of_aliases_is_refused_before_it_unfolds() -> None:
    lines = ["a0: &a0 [x, x]"] + [
        f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 11)
    ]
    with pytest.raises(DocumentError, match="too many values"):
        document.read("\n".join(lines), "f")


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_a_typed_refusal(text: str) -> None:
    with contextlib.suppress(DocumentError):  # and nothing else
        document.read(text, "f")


@given(st.text(max_size=70) | st.uuids().map(str))
def test_names_are_those_of_the_api(text: str) -> None:
    def takes(check) -> bool:
        try:
            check(text)
        except ValueError:
            return False
        return True

    assert takes(fields.name) == takes(api._check_name)
