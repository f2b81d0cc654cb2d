"""Descriptions of flaps, groups, isolation, faults of BGP and of several as one; and a fuzzer for all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.context import Inventory
from simulator.faults import (
    KINDS,
    All,
    Blackhole,
    Control,
    Cut,
    Delay,
    Direction,
    Fault,
    FaultError,
    Flap,
    Flood,
    Hijack,
    Isolate,
    Leak,
    Malformed,
    Mode,
    Partition,
    ResetSession,
    Sort,
    Withdraw,
    files,
    parse,
    to_document,
)
from simulator.faults.parsing import FIELDS
from simulator.faults.parsing_nodes import bus_links
from simulator.faults.words import document as words
from topologies import catalogue
from topologies.builder import Builder
from topologies.model import HostRole
from topologies.specs import HostSpec

BOTH = ("main-east-1", "main-east-2")
LINK = "main-east-1"


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"kind": "delay", "link": LINK, "milliseconds": 50, "jitter_ms": 5}, Delay(LINK, 50, jitter_ms=5)),
        ({"kind": "flap", "link": LINK}, Flap(LINK)),
        (
            {
                "kind": "flap",
                "link": LINK,
                "mode": "oneway",
                "direction": "main-to-east",
                "period_s": 2,
                "duty": 0.25,
                "count": 3,
                "seed": 7,
            },
            Flap(LINK, Mode.ONEWAY, 2.0, 0.25, 3, 7, Direction.A_TO_B),
        ),
        (
            {"kind": "partition", "groups": [["main", "main-mgr"], ["east"]]},
            Partition((("main-gw1", "main-mgr"), ("east-gw1",))),
        ),
        (
            {"kind": "partition", "groups": [["main"], "east", ["main-mgr"]]},
            Partition((("main-gw1",), ("east-gw1",), ("main-mgr",))),
        ),
        (
            {"kind": "isolate", "target": "controller", "cell": "main"},
            Isolate(Control.CONTROLLER, "main"),
        ),
        ({"kind": "reset-session", "link": LINK}, ResetSession(LINK, "main")),
        ({"kind": "reset-session", "session": LINK, "cell": "east"}, ResetSession(LINK, "east")),
        ({"kind": "withdraw", "cell": "main"}, Withdraw("main", BOTH)),
        ({"kind": "withdraw", "cell": "main", "link": LINK}, Withdraw("main", (LINK,))),
        (
            {"kind": "leak", "cell": "main", "prefix": "10.99.0.0/24"},
            Leak("main", "10.99.0.0/24", BOTH),
        ),
        (
            {"kind": "hijack", "cell": "east", "victim": "main", "links": [LINK]},
            Hijack("east", "main", ("10.0.1.0/25", "fdce:11:0:1::/65"), (LINK,)),
        ),
        (
            {"kind": "hijack", "cell": "east", "victim": "main", "prefix": "10.0.1.64/26"},
            Hijack("east", "main", ("10.0.1.64/26",), BOTH),
        ),
        ({"kind": "flood", "cell": "main"}, Flood("main", BOTH, 100_000)),
        (
            {"kind": "malformed", "link": LINK, "cell": "east", "sort": "nlri"},
            Malformed(LINK, "east", Sort.NLRI),
        ),
        (
            {"kind": "all", "faults": [{"kind": "cut", "link": LINK}, {"kind": "blackhole", "link": LINK}]},
            All((Cut(LINK), Blackhole(LINK))),
        ),
    ],
)
def test_a_document_makes_its_fault(document: dict[str, Any], fault: Fault, inventory: Inventory) -> None:
    assert parse(document, inventory) == fault
    assert parse(json.loads(json.dumps(to_document(fault))), inventory) == fault


CUT = {"kind": "cut", "link": LINK}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"kind": "delay", "link": LINK, "milliseconds": 5, "jitter_ms": 6}, "6 is more than the delay"),
        ({"kind": "delay", "link": LINK, "milliseconds": 10**400}, "is no number"),
        ({"kind": "flap", "link": LINK, "mode": "delay"}, "fault.mode: 'delay' is no mode"),
        ({"kind": "flap", "link": LINK, "mode": "oneway"}, "fault.direction: is missing"),
        ({"kind": "flap", "link": LINK, "direction": "a-to-b"}, "a flap by cut has none; say mode: oneway"),
        ({"kind": "flap", "link": LINK, "period_s": -1}, "fault.period_s: -1 is not above 0"),
        ({"kind": "flap", "link": LINK, "period_s": 0.02, "duty": 0.9}, "each must be at least 5 ms"),
        ({"kind": "flap", "link": LINK, "duty": 1}, "up 0 ms of each period; each must be"),
        ({"kind": "flap", "link": LINK, "count": 2.5}, "fault.count: 2.5 is no whole number"),
        ({"kind": "flap", "link": LINK, "count": 700}, "700 beats take 700 s; keep a train within 600 s"),
        ({"kind": "flap", "link": LINK, "seed": -1}, "fault.seed: -1 is out of range"),
        ({"kind": "flap", "link": LINK, "seconds": 2}, "a flap has no such field"),
        ({"kind": "partition", "groups": [["main"], ["main-gw1"]]}, "main-gw1 is in two groups"),
        ({"kind": "partition", "groups": [["main"], ["esat"]]}, "fault.groups[1][0]: 'esat' is not on"),
        ({"kind": "partition", "groups": [["main"], []]}, "fault.groups: nothing to separate"),
        ({"kind": "partition", "groups": [["main"]], "cells": ["east"]}, "stands beside another list"),
        ({"kind": "isolate", "target": "database", "cell": "main"}, "'database' is no target"),
        (
            {"kind": "isolate", "target": "bus", "cell": "main"},
            "no host of main is its message bus",
        ),
        ({"kind": "isolate", "target": "manager"}, "fault.cell: is missing; known: east, main"),
        ({"kind": "reset-session", "link": "main-h1"}, "no speaker has a session over main-h1"),
        ({"kind": "reset-session", "link": LINK, "session": LINK}, "give one of them"),
        ({"kind": "reset-session", "link": LINK, "cell": "west"}, "there is no cell 'west'"),
        ({"kind": "withdraw", "cell": "main", "link": "main-h1"}, "main has no session 'main-h1'"),
        ({"kind": "withdraw", "cell": "main", "links": "main-east-1"}, "is no list; write [...], or link"),
        ({"kind": "leak", "cell": "main"}, "fault.prefix: is missing"),
        ({"kind": "leak", "cell": "main", "prefix": "10.0.1.128/25"}, "10.0.1.128/25 is main's own"),
        ({"kind": "leak", "cell": "main", "prefix": "10.0.1.1/24"}, "has host bits set"),
        ({"kind": "hijack", "cell": "main", "victim": "main"}, "main cannot hijack itself"),
        (
            {"kind": "hijack", "cell": "main", "victim": "east", "prefix": "10.0.2.0/24"},
            "10.0.2.0/24 is not more specific than east's 10.0.2.0/24",
        ),
        ({"kind": "flood", "cell": "main", "count": 0}, "fault.count: 0 is out of range; give 1 to 1000000"),
        ({"kind": "malformed", "link": LINK, "sort": "nrli"}, "'nrli' is no sort; did you mean 'nlri'?"),
        ({"kind": "all"}, "fault.faults: is missing; write faults: [{kind: cut"),
        ({"kind": "all", "faults": []}, "is no list of faults"),
        ({"kind": "all", "faults": [CUT] * 101}, "101 are too many"),
        ({"kind": "all", "faults": [{"kind": "all", "faults": [CUT]}]}, "an all cannot hold another all"),
        ({"kind": "all", "faults": [CUT | {"seconds": 1}]}, "faults[0].seconds: the faults of an all are"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, Any], says: str, inventory: Inventory) -> None:
    with pytest.raises(FaultError) as caught:
        parse(document, inventory)
    assert says in str(caught.value)


def test_every_problem_of_every_fault_in_an_all_comes_at_once(inventory: Inventory) -> None:
    document = {
        "kind": "all",
        "seconds": -1,
        "faults": [CUT, {"kind": "loss", "link": "x", "percent": -1}, {"kind": "cat"}, 7],
    }
    with pytest.raises(FaultError) as caught:
        parse(document, inventory, "drill.yaml:3")
    assert [problem.place for problem in caught.value.problems] == [
        "drill.yaml:3.seconds",
        "drill.yaml:3.faults[1].link",
        "drill.yaml:3.faults[1].percent",
        "drill.yaml:3.faults[2].kind",
        "drill.yaml:3.faults[3]",
    ]


def test_without_speakers_nothing_of_bgp_can_be_done(inventory: Inventory) -> None:
    bare = Inventory(inventory.topology, inventory.nodes, inventory.links, {})
    for document in ({"kind": "withdraw", "cell": "main"}, {"kind": "reset-session", "link": LINK}):
        with pytest.raises(FaultError, match="no speaker"):
            parse(document, bare)


def test_a_session_with_a_router_may_have_a_name_that_is_no_link() -> None:
    topology = catalogue.build("provider", {})
    lab = Inventory(
        topology,
        frozenset(node for link in topology.links for node in (link.a.node, link.b.node)),
        {link.name: link for link in topology.links},
        {"speaker@main-gw1": "main-gw1"},
    )
    named = {"kind": "reset-session", "session": "p1:wan1", "cell": "main"}
    fault = parse(named, lab)
    assert fault == ResetSession(None, "main", "p1:wan1")
    assert parse(to_document(fault), lab) == fault
    assert parse({"kind": "reset-session", "session": "main-p1"}, lab) == ResetSession("main-p1", "main")
    for document, says in (
        (named | {"session": 7}, "7 is no name of a session"),
        (named | {"cell": "cell2"}, "no speaker of cell2 runs in this lab"),
        ({"kind": "reset-session", "session": "p1:wan1"}, "fault.cell: is missing"),
    ):
        with pytest.raises(FaultError, match=says):
            parse(document, lab)


def test_a_bus_that_is_there_can_be_isolated() -> None:
    built = Builder("lab").cell("main", hosts=[HostSpec(), HostSpec(role=HostRole.MESSAGE_BUS)])
    topology = built.cell("east").direct("main", "east").build()
    links = {link.name: link for link in topology.links}
    nodes = frozenset(end.node for link in topology.links for end in (link.a, link.b))
    there = Inventory(topology, nodes, links, {})
    assert parse({"kind": "isolate", "target": "bus", "cell": "main"}, there) == Isolate(Control.BUS, "main")
    assert [link.name for link in bus_links(there, topology.cell("main"))] == ["main-h2"]
    with pytest.raises(FaultError, match=r"no host of east is its message bus.*--set bus=yes"):
        parse({"kind": "isolate", "target": "bus", "cell": "east"}, there)
    unplugged = Inventory(topology, nodes, {name: links[name] for name in links if name != "main-h2"}, {})
    with pytest.raises(FaultError, match="no host of main is its message bus"):
        parse({"kind": "isolate", "target": "bus", "cell": "main"}, unplugged)


@pytest.mark.parametrize(
    ("kind", "targets", "options", "fault"),
    [
        (
            "partition",
            ["main", "/", "east", "main-mgr"],
            {},
            Partition((("main-gw1",), ("east-gw1", "main-mgr"))),
        ),
        ("flap", [LINK], {"mode": "blackhole", "count": 3}, Flap(LINK, Mode.BLACKHOLE, count=3)),
        ("isolate", ["manager", "east"], {}, Isolate(Control.MANAGER, "east")),
        ("reset-session", [LINK], {}, ResetSession(LINK, "main")),
        ("malformed", [LINK, "east"], {"sort": "origin"}, Malformed(LINK, "east", Sort.ORIGIN)),
        ("leak", ["main", "10.99.0.0/24"], {"link": LINK}, Leak("main", "10.99.0.0/24", (LINK,))),
        ("withdraw", ["main"], {}, Withdraw("main", BOTH)),
    ],
)
def test_words_of_a_command_line(
    kind: str, targets: list[str], options: dict[str, Any], fault: Fault, inventory: Inventory
) -> None:
    assert parse(words(kind, targets, options), inventory) == fault


@pytest.mark.parametrize(
    ("kind", "targets", "options", "says"),
    [
        ("isolate", ["manager"], {}, "TARGET: an isolate needs target and cell; name a cell"),
        ("partition", ["main", "/"], {}, "TARGET: a partition needs one; name a cell or node, or groups"),
        ("flap", [LINK], {"period_s": 1, "percent": 3.0}, "--percent: a flap has no such option"),
        ("cut", [LINK], {"link": "x"}, "--link: a cut has no such option"),
        ("leak", ["main", "10.9.0.0/24", "x"], {}, "a leak takes cell and prefix, got 3"),
    ],
)
def test_wrong_words(kind: str, targets: list[str], options: dict[str, Any], says: str) -> None:
    with pytest.raises(FaultError) as caught:
        words(kind, targets, options)
    assert says in str(caught.value)


def test_a_file_becomes_one_all_that_can_be_sent(inventory: Inventory) -> None:
    text = "- {kind: cut, link: main-east-1}\n- kind: loss\n  link: main-east-2\n  percent: 0.5\n"
    document = files.together(text, "drill.yaml", 2.0)
    assert json.loads(json.dumps(document)) == document
    fault = parse(document, inventory)
    assert isinstance(fault, All)
    assert fault.seconds == 2.0


VALUES = st.recursive(
    st.one_of(
        st.sampled_from([*KINDS, *BOTH, "main-h1", "agent@main-gw1", "a-to-b", "main", "east", "main-mgr"]),
        st.sampled_from(["controller", "manager", "bus", "oneway", "nlri", "10.0.1.0/25", "10.99.0.0/24"]),
        st.none(),
        st.booleans(),
        st.floats(),
        st.integers(),
        st.sampled_from([0.5, 1, 5, 20, 10**400, -1]),
        st.text(max_size=5),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)


@st.composite
def described(draw: st.DrawFn, *, nested: bool = True) -> Any:
    """A document of a kind that exists, with fields that it has and values of any sort."""
    kind = draw(st.sampled_from(KINDS))
    fields = draw(st.lists(st.sampled_from(["x", *FIELDS[kind]]), unique=True))
    document: dict[Any, Any] = {name: draw(VALUES) for name in fields}
    if kind == "all" and nested and draw(st.booleans()):
        document["faults"] = draw(st.lists(described(nested=False), max_size=4))
    if draw(st.integers(0, 9)) == 0:
        document[draw(st.integers() | st.none())] = 1
    return {"kind": kind, **document}


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(described() | VALUES)
def test_no_document_makes_a_traceback_and_what_passes_survives_a_round(
    inventory: Inventory, document: Any
) -> None:
    try:
        fault = parse(document, inventory)
    except FaultError as error:
        wrong = [problem for problem in error.problems if not problem.place.startswith("fault")]
    else:
        wrong = []
        assert parse(json.loads(json.dumps(to_document(fault))), inventory) == fault
    assert not wrong


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_yaml_makes_a_traceback(inventory: Inventory, text: str) -> None:
    try:
        document = files.together(text, "drill.yaml")
    except FaultError:
        return
    try:
        parse(document, inventory)
    except FaultError:
        return
