"""Words that fit: what is said on one line of a terminal, and cut where it is too long. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_REASONS = 2
_CONDITIONS = {
    "delivering": "all flows deliver",
    "path": "traffic takes the path that it used before",
    "service-back": "the service is back",
    "agreed": "desired and observed agree",
    "gone": "nothing of the connection is left",
}


def condition(name: str, of: Mapping[str, Any]) -> str:
    """What an expectation without words of its own is about. `of` are the arguments of its condition."""
    match name:
        case "status" if "is" in of:
            return f"the connection is {of['is']}"
        case "path" if "is" in of:
            return f"traffic takes {of['is']}"
        case "routed" if {"gateway", "prefix"} <= set(of):
            return f"{of['gateway']} routes {of['prefix']}"
        case "delivering" if isinstance(of.get("flows"), list):
            return f"the flows {several([f'{one}...' for one in of['flows']])} deliver"
        case _:
            return _CONDITIONS.get(name, name.replace("-", " "))


def fit(head: str, reasons: Sequence[str], columns: int) -> str:
    """`head: reason; reason and N more` in that many columns, with as many as fit, at most two."""
    distinct = tuple(dict.fromkeys(reasons))
    if not distinct:
        return cut(head, columns)
    for shown in range(min(MOST_REASONS, len(distinct)), 0, -1):
        line = _joined(head, distinct[:shown], len(distinct) - shown)
        if len(line) <= columns:
            return line
    more = _joined("", ("",), len(distinct) - 1)
    return cut(f"{head}: {distinct[0]}", columns - len(more)) + more


def _joined(head: str, reasons: Sequence[str], left: int) -> str:
    start = f"{head}: " if head else ""
    return start + "; ".join(reasons) + (f" and {left} more" if left else "")


def cut(text: str, columns: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= columns else text[: max(0, columns - 1)].rstrip() + "…"


def several(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The remedy for a name that is not there: the nearest one that is, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}there are: {', '.join(names) or 'none'}"
