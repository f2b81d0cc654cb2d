"""Words that fit one line."""

from __future__ import annotations

import pytest

from scenarios import wording

REASONS = ("link of a is down", "link of b is down", "no route", "link of a is down")


def test_as_many_reasons_as_fit_and_how_many_more():
    assert wording.fit("DEGRADED", REASONS, 80) == (
        "DEGRADED: link of a is down; link of b is down and 1 more"
    )
    assert wording.fit("DEGRADED", REASONS, 50) == "DEGRADED: link of a is down and 2 more"
    assert wording.fit("DEGRADED", REASONS, 30) == "DEGRADED: link of… and 2 more"


@pytest.mark.parametrize("columns", range(24, 120, 7))
def test_no_line_is_longer_than_asked(columns: int):
    assert len(wording.fit("DEGRADED", ("a long reason " * 9, *REASONS), columns)) <= columns


def test_nothing_to_add():
    assert wording.fit("ONLINE", (), 80) == "ONLINE"
    assert wording.fit("ONLINE", (), 4) == "ONL…"


def test_several():
    assert wording.several([]) == ""
    assert wording.several(["a"]) == "a"
    assert wording.several(["a", "b", "c"]) == "a, b and c"
