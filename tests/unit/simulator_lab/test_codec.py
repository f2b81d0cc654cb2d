"""Values survive the way to JSON and back; what does not fit is refused with its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from simulator import codec
from topologies import catalogue
from topologies.model import Topology


@dataclass(frozen=True)
class Inner:
    count: int
    ratio: float = 1.0
    word: Literal["yes", "no"] = "yes"


@dataclass(frozen=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...] = ()
    pair: tuple[int, str] = (1, "a")
    maybe: int | None = None
    named: dict[str, Inner] = field(default_factory=dict)
    anything: Any = None


@pytest.mark.parametrize("name", catalogue.names())
def test_every_topology_of_the_catalogue_survives(name: str) -> None:
    topology = catalogue.build(name)
    text = json.dumps(codec.to_document(topology))
    assert codec.from_document(Topology, json.loads(text)) == topology


def test_nested_values_survive() -> None:
    value = Outer(Inner(1), (Inner(2, 0.5, "no"),), (3, "x"), 4, {"k": Inner(5)}, [{"free": "form"}])
    assert codec.from_document(Outer, json.loads(json.dumps(codec.to_document(value)))) == value


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "document: expected an object, got list"),
        ({}, "document: field 'inner' is missing"),
        ({"inner": {"count": "3"}}, "document.inner.count: expected int, got '3'"),
        ({"inner": {"count": True}}, "document.inner.count: expected int, got True"),
        (
            {"inner": {"count": 1, "cuont": 1}},
            "document.inner: unknown field 'cuont'; known: count, ratio, word",
        ),
        ({"inner": {"count": 1, "word": "maybe"}}, "document.inner.word: 'maybe' is none of 'yes', 'no'"),
        ({"inner": {"count": 1}, "many": [{}]}, "document.many[0]: field 'count' is missing"),
        ({"inner": {"count": 1}, "many": {}}, "document.many: expected a list, got dict"),
        ({"inner": {"count": 1}, "pair": [1]}, "document.pair: expected 2 items, got 1"),
        ({"inner": {"count": 1}, "named": {"k": 1}}, "document.named.k: expected an object, got int"),
        ({"inner": {"count": 1}, "maybe": "x"}, "document.maybe: expected int, got 'x'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(document: object, message: str) -> None:
    with pytest.raises(codec.CodecError) as refused:
        codec.from_document(Outer, document)
    assert str(refused.value) == message


def test_a_bad_address_is_refused_with_its_place() -> None:
    document = codec.to_document(catalogue.build("two-cells"))
    document["cells"][0]["prefixes"][0] = "10.0.0.0/99"
    with pytest.raises(
        codec.CodecError, match=r"topology.cells\[0\].prefixes\[0\]: '10.0.0.0/99' is no IPv4"
    ):
        codec.from_document(Topology, document, place="topology")
