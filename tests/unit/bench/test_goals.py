"""The goals' table: a figure is on the right side of its bound, and of the largest size."""

from __future__ import annotations

from typing import Any

from tests.bench import goals


def size(**other: Any) -> dict[str, Any]:
    kinds = ("list 100 endpoints", "list 100 connections", "create endpoint", "create connection")
    kept: dict[str, Any] = {kind: {"median_ms": 9.9} for kind in kinds}
    kept["ratios"] = {"create endpoint": 0.5, "read endpoint": 0.6}
    kept |= {"memory_mib": 110.0, "memory_after_resync_mib": 249.9, "resync": {"together_s": 4.9}}
    return kept | other


def missed(found: dict[str, Any]) -> list[str]:
    return [row["what"] for row in goals.manager(found) if not row["met"]]


def test_only_the_largest_size_is_judged() -> None:
    slow = size(memory_mib=400.0)
    assert missed({"100": slow, "1000": slow, "10000": size()}) == []
    assert missed({"100": size(), "1000": size(), "10000": slow}) == ["memory mib"]


def test_each_goal_can_be_missed() -> None:
    found = {"10000": size()}
    assert missed(found) == []
    found["10000"] |= {
        **{kind: {"median_ms": 10.0} for kind in ("list 100 endpoints", "create connection")},
        "ratios": {"create endpoint": 0.49, "read endpoint": 0.5},
        "memory_after_resync_mib": 250.0,
        "resync": {"together_s": 5.0},
    }
    assert missed(found) == [
        "list 100 endpoints, median ms",
        "create connection, median ms",
        "create endpoint, rate / bare",
        "memory after resync mib",
        "full resync, s",
    ]


def test_a_change_is_judged_by_its_last_step() -> None:
    (row,) = goals.change({"stored": {"median_ms": 60.0}, "far flow": {"median_ms": 49.9}})
    assert (row["what"], row["met"]) == ("far flow, median ms", True)
    (row,) = goals.change({"stored": {"median_ms": 1.0}, "far flow": {"median_ms": 50.0}})
    assert not row["met"]
