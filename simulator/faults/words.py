"""Words of a command line to the document of a fault. Pure; knows no lab, so names are checked later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.faults.errors import FaultError, Problem, choose_from
from simulator.faults.parsing import FIELDS
from simulator.faults.values import KINDS

OPTIONS = (
    *("direction", "percent", "milliseconds", "jitter_ms", "mbit", "seconds"),
    *("mode", "period_s", "duty", "count", "seed", "sort", "link", "prefix"),
)
"""Fields that are given as `--options`, with hyphens; the others are given as words."""

BETWEEN = "/"
"""Stands between the groups of a partition."""

TARGETS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("crash", "freeze", "restart"), ("service",)),
    "isolate": ("target", "cell"),
    "reset-session": ("session", "cell"),
    "malformed": ("link", "cell"),
    "withdraw": ("cell",),
    "leak": ("cell", "prefix"),
    "hijack": ("cell", "victim"),
    "flood": ("cell",),
}
"""The words of each kind, in order; all others take a link."""

OPTIONAL = {"reset-session": 1, "malformed": 1}
"""How many of its words a kind needs, where that is not all."""


def document(kind: str, targets: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """The document that `KIND TARGET... [--option value]` asks for. Options that are None were not given.

    Raises FaultError: unknown kind, an option the kind has not, too many targets or too few. Not for `all`,
    whose faults come from a file.
    """
    if kind not in KINDS:
        raise FaultError(Problem("KIND", f"unknown fault {kind!r}", choose_from(kind, KINDS)))
    fields = FIELDS[kind]
    words = TARGETS.get(kind, ("link",))
    problems = [
        Problem(
            _option(name),
            f"{'an' if kind[0] in 'aio' else 'a'} {kind} has no such option",
            choose_from(_option(name), map(_option, (set(fields) & set(OPTIONS)) - set(words))),
        )
        for name, value in options.items()
        if value is not None and (name not in fields or name in words)
    ]
    made: dict[str, Any] = {"kind": kind}
    if kind == "partition":
        made |= _partition(targets, problems)
    elif len(targets) < OPTIONAL.get(kind, len(words)):
        missing = words[len(targets)]
        problems.append(Problem("TARGET", f"{_a(kind)} needs {_count(words)}", f"name a {_noun(missing)}"))
    elif len(targets) > len(words):
        problems.append(
            Problem(
                "TARGET",
                f"{_a(kind)} takes {_count(words, 'one ')}, got {len(targets)}",
                "inject one fault for each, or several as one with `all`",
            )
        )
    else:
        made |= dict(zip(words, targets, strict=False))
    if problems:
        raise FaultError(*problems)
    made.update({name: value for name, value in options.items() if value is not None})
    return made


def _partition(targets: Sequence[str], problems: list[Problem]) -> dict[str, Any]:
    """`main`, or `main / east west`."""
    groups: list[list[str]] = [[]]
    for word in targets:
        if word == BETWEEN:
            groups.append([])
        else:
            groups[-1].append(word)
    if not all(groups):
        remedy = f"name a cell or node, or groups: main {BETWEEN} east west"
        problems.append(Problem("TARGET", "a partition needs one", remedy))
    return {"members": groups[0]} if len(groups) == 1 else {"groups": groups}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _count(words: Sequence[str], single: str = "one") -> str:
    if len(words) == 1:
        return single if single == "one" else f"{single}{words[0]}"
    return " and ".join(words)


_NOUNS = {
    "link": "link (`cellnet lab show` lists them)",
    "session": "session or path (`cellnet session list` lists them)",
    "service": "service (`cellnet lab show` lists them)",
    "target": "target: controller, manager or bus",
    "cell": "cell (`cellnet topology show` lists them)",
    "victim": "cell to be the victim",
    "prefix": "prefix, such as 10.99.0.0/24",
}


def _noun(target: str) -> str:
    return _NOUNS[target]
