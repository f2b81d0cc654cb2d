"""Event lines: an event or a typed error, whatever the line; ends of sessions in RFC 4724's terms."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgp.events import MalformedEventError, SessionDown, parse
from tests.unit.bgp.samples import PEER

RECORDED = (Path(__file__).parents[2] / "golden/bgp/events.jsonl").read_text().splitlines()

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def parses_or_says_why(line: str) -> None:
    with contextlib.suppress(MalformedEventError):
        parse(line)


@given(st.text())
def test_any_text(line: str) -> None:
    parses_or_says_why(line)


@given(TREES)
def test_any_json(tree: object) -> None:
    parses_or_says_why(json.dumps(tree))


@given(st.sampled_from(RECORDED), st.integers(min_value=0), TREES)
def test_a_recorded_line_with_one_wrong_part(line: str, which: int, wrong: object) -> None:
    document = json.loads(line)
    places = list(spots(document))
    container, key = places[which % len(places)]
    container[key] = wrong
    parses_or_says_why(json.dumps(document))


@given(st.sampled_from(RECORDED), st.integers(min_value=0))
def test_a_line_that_was_cut(line: str, length: int) -> None:
    parses_or_says_why(line[: length % len(line)])


def test_deep_nesting_is_no_traceback() -> None:
    with pytest.raises(MalformedEventError):
        parse("[" * 100_000)


@pytest.mark.parametrize(
    ("reason", "restart"),
    [
        ("closing connection", True),
        ("graceful restarted negotiated, closing without sending any notification", True),
        ("stop, message [shutting down]", True),
        ("", True),
        ("notification received (6,2)", False),
        ("notification sent (4,0)", False),
        ("stop, message [removed]", False),
    ],
)
def test_which_ends_count_as_restarts(reason: str, restart: bool) -> None:
    assert SessionDown(PEER, reason).restart is restart


def spots(tree: Any) -> Any:
    """Every place in a document that can be replaced."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from spots(value)
