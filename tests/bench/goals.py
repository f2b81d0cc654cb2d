"""What was measured against what was wanted of it, as rows for the JSON. Measures nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypedDict


class Row(TypedDict):
    """One goal: the figure found, the bound, and whether the figure keeps it."""

    what: str
    found: float
    goal: str
    met: bool


BELOW, AT_LEAST = "below", "at least"
KEEPS: dict[str, Callable[[float, float], bool]] = {BELOW: operator.lt, AT_LEAST: operator.ge}
LISTED_MS = 10.0
CREATED_MS = 10.0
PART_OF_BARE = 0.5
MEMORY_MIB = 250.0
RESYNC_S = 5.0
CHANGE_MS = 50.0
MEMORIES = ("memory_mib", "memory_after_resync_mib")


def manager(found: dict[str, Any]) -> list[Row]:
    """Of the largest size that was measured: lists and creates, rates beside the bare one, memory, resync."""
    largest = found[max(found, key=int)]
    medians = {
        "list 100 endpoints": LISTED_MS,
        "list 100 connections": LISTED_MS,
        "create endpoint": CREATED_MS,
        "create connection": CREATED_MS,
    }
    return [
        *(_row(f"{what}, median ms", largest[what]["median_ms"], BELOW, ms) for what, ms in medians.items()),
        *(_row(f"{w}, rate / bare", part, AT_LEAST, PART_OF_BARE) for w, part in largest["ratios"].items()),
        *(_row(w.replace("_", " "), largest[w], BELOW, MEMORY_MIB) for w in MEMORIES),
        _row("full resync, s", largest["resync"]["together_s"], BELOW, RESYNC_S),
    ]


def change(found: dict[str, Any]) -> list[Row]:
    """A change on its way: the last step is the whole of it."""
    whole = list(found)[-1]
    return [_row(f"{whole}, median ms", found[whole]["median_ms"], BELOW, CHANGE_MS)]


def _row(what: str, found: float, word: str, bound: float) -> Row:
    return Row(what=what, found=found, goal=f"{word} {bound:g}", met=KEEPS[word](found, bound))
