"""Documents to faults: every problem is named with its place and a remedy, nothing wrong gets through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.context import Inventory
from simulator.faults import (
    KINDS,
    Blackhole,
    Crash,
    Cut,
    Direction,
    Fault,
    FaultError,
    Freeze,
    Loss,
    Partition,
    parse,
    to_document,
)
from simulator.faults.files import parse_yaml
from simulator.faults.words import document as words


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"kind": "cut", "link": "main-east-1"}, Cut("main-east-1")),
        ({"kind": "cut", "link": "main-east-1", "seconds": 2}, Cut("main-east-1", 2.0)),
        ({"kind": "blackhole", "link": "main-east-2"}, Blackhole("main-east-2", Direction.BOTH)),
        (
            {"kind": "blackhole", "link": "main-east-1", "direction": "b-to-a"},
            Blackhole("main-east-1", Direction.B_TO_A),
        ),
        (
            {"kind": "oneway", "link": "main-east-1", "direction": "main-to-east"},
            Blackhole("main-east-1", Direction.A_TO_B),
        ),
        (
            {"kind": "oneway", "link": "main-east-1", "direction": "east-gw1-to-main-gw1"},
            Blackhole("main-east-1", Direction.B_TO_A),
        ),
        ({"kind": "loss", "link": "main-h1", "percent": 0.5}, Loss("main-h1", 0.5)),
        ({"kind": "partition", "cells": ["main"]}, Partition((("main-gw1",),))),
        ({"kind": "partition", "nodes": "main-mgr"}, Partition((("main-mgr",),))),
        ({"kind": "partition", "members": ["main", "main-mgr"]}, Partition((("main-gw1", "main-mgr"),))),
        ({"kind": "crash", "service": "speaker@main-gw1"}, Crash("speaker@main-gw1")),
        ({"kind": "freeze", "service": "agent@east-gw1", "seconds": 0.1}, Freeze("agent@east-gw1", 0.1)),
    ],
)
def test_a_document_makes_its_fault(document: dict[str, Any], fault: Fault, inventory: Inventory) -> None:
    assert parse(document, inventory) == fault
    assert parse(to_document(fault), inventory) == fault


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"kind": "cutt", "link": "main-east-1"}, "fault.kind: unknown fault 'cutt'; did you mean 'cut'?"),
        ({"link": "main-east-1"}, "fault.kind: is missing; known: all, blackhole"),
        (
            {"kind": "cut", "link": "main-est-1"},
            "fault.link: there is no link 'main-est-1' in this lab; did you mean 'main-east-1'?",
        ),
        ({"kind": "cut"}, "fault.link: is missing; known: "),
        (
            {"kind": "cut", "link": "main-east-1", "second": 3},
            "fault.second: a cut has no such field; did you mean 'seconds'?",
        ),
        ({"kind": "cut", "link": "main-east-1", "seconds": -1}, "fault.seconds: -1 is not above 0"),
        ({"kind": "cut", "link": "main-east-1", "seconds": 90}, "fault.seconds: 90 is more than 20"),
        ({"kind": "cut", "link": "main-east-1", "seconds": "2"}, "fault.seconds: '2' is no number"),
        ({"kind": "cut", "link": "main-east-1", "seconds": float("nan")}, "fault.seconds: nan is no number"),
        ({"kind": "cut", "link": ["main-east-1"]}, "fault.link: there is no link ['main-east-1']"),
        ({"kind": "loss", "link": "main-east-1"}, "fault.percent: is missing; give percent"),
        ({"kind": "loss", "link": "main-east-1", "percent": 101}, "fault.percent: 101 is more than 100"),
        ({"kind": "loss", "link": "main-east-1", "percent": True}, "fault.percent: True is no number"),
        ({"kind": "oneway", "link": "main-east-1"}, "fault.direction: is missing; known: a-to-b"),
        (
            {"kind": "oneway", "link": "main-east-1", "direction": "both"},
            "'both' is no direction of main-east-1",
        ),
        (
            {"kind": "blackhole", "link": "main-east-1", "direction": "main-to-west"},
            "fault.direction: 'main-to-west' is no direction of main-east-1; did you mean 'main-to-east'?",
        ),
        (
            {"kind": "crash", "service": "speeker@main-gw1"},
            "there is no service 'speeker@main-gw1' in this lab; did you mean 'speaker@main-gw1'?",
        ),
        ({"kind": "crash", "service": "agent@main-gw1", "seconds": 1}, "a crash has no such field"),
        ({"kind": "partition", "cells": ["mian"]}, "fault.cells[0]: 'mian' is not on the management network"),
        ({"kind": "partition", "nodes": ["main-h1"]}, "fault.nodes[0]: 'main-h1' is not on the management"),
        ({"kind": "partition"}, "fault.members: nothing to separate"),
        ({"kind": "partition", "members": ["main", "east", "main-mgr"]}, "nothing is left to separate from"),
        ({"kind": "partition", "cells": 3}, "fault.cells: 3 is no list of names"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, Any], says: str, inventory: Inventory) -> None:
    with pytest.raises(FaultError) as caught:
        parse(document, inventory)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_problems_come_at_once(inventory: Inventory) -> None:
    with pytest.raises(FaultError) as caught:
        parse({"kind": "loss", "link": "nowhere", "percent": -1, "seconds": 0, "colour": "red"}, inventory)
    assert [problem.place for problem in caught.value.problems] == [
        "fault.colour",
        "fault.link",
        "fault.seconds",
        "fault.percent",
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no defect
@given(
    st.dictionaries(
        st.sampled_from(
            ["kind", "link", "direction", "percent", "seconds", "service", "cells", "nodes", "x"]
        ),
        st.one_of(
            st.sampled_from([*KINDS, "main-east-1", "agent@main-gw1", "a-to-b", "main"]),
            st.none(),
            st.floats(),
            st.integers(),
            st.lists(st.sampled_from(["main", "east", "main-mgr", ""])),
            st.just({"a": "b"}),
        ),
    )
)
def test_no_document_makes_a_traceback_and_what_passes_survives_a_round(
    inventory: Inventory, document: dict[str, Any]
) -> None:
    try:
        fault = parse(document, inventory)
    except FaultError:
        return
    assert parse(to_document(fault), inventory) == fault


def test_words_of_a_command_line(inventory: Inventory) -> None:
    made = words("loss", ["main-east-1"], {"percent": 3.0, "direction": "a-to-b", "seconds": None})
    assert parse(made, inventory) == Loss("main-east-1", 3.0, Direction.A_TO_B)
    assert parse(words("partition", ["main", "main-mgr"], {}), inventory) == Partition(
        (("main-gw1", "main-mgr"),)
    )


@pytest.mark.parametrize(
    ("kind", "targets", "options", "says"),
    [
        ("cat", ["main-east-1"], {}, "KIND: unknown fault 'cat'; did you mean 'cut'?"),
        ("cut", [], {}, "TARGET: a cut needs one; name a link"),
        ("cut", ["a", "b"], {}, "TARGET: a cut takes one link, got 2"),
        ("crash", ["agent@main-gw1"], {"percent": 3.0}, "--percent: a crash has no such option"),
    ],
)
def test_wrong_words(kind: str, targets: list[str], options: dict[str, Any], says: str) -> None:
    with pytest.raises(FaultError) as caught:
        words(kind, targets, options)
    assert says in str(caught.value)


def test_yaml_problems_have_their_line(inventory: Inventory) -> None:
    text = (
        "faults:\n- {kind: cut, link: main-east-1}\n- kind: loss\n  link: main-east-9\n  percent: 3\n- cut\n"
    )
    with pytest.raises(FaultError, match=r"drill\.yaml:6: expected a fault, got 'cut'"):
        parse_yaml(text, inventory, "drill.yaml")
    with pytest.raises(FaultError, match=r"drill\.yaml:3\.link: there is no link 'main-east-9'"):
        parse_yaml(text.replace("- cut\n", ""), inventory, "drill.yaml")
    with pytest.raises(FaultError, match=r"drill\.yaml:2: malformed YAML"):
        parse_yaml("- {kind: cut\n- x: [", inventory, "drill.yaml")
    assert parse_yaml("- {kind: cut, link: main-east-1}", inventory) == (Cut("main-east-1"),)
