"""Descriptions of faults to faults: documents checked against what a lab has. Pure.

    {kind: blackhole, link: main-east-1, direction: main-to-east}

Every problem is reported at once, with its place and its remedy. `simulator.faults.words` makes documents
from command lines, `simulator.faults.files` from YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulator.context import Inventory
from simulator.faults import parsing_links, parsing_nodes, parsing_routing
from simulator.faults.errors import FaultError, Problem, choose_from
from simulator.faults.reading import Reader
from simulator.faults.values import KINDS, LONGEST_SECONDS, All, Fault, Single, lasts

FIELDS: dict[str, tuple[str, ...]] = {
    "cut": ("link", "seconds"),
    "blackhole": ("link", "direction", "seconds"),
    "oneway": ("link", "direction", "seconds"),
    "loss": ("link", "percent", "direction", "seconds"),
    "delay": ("link", "milliseconds", "jitter_ms", "direction", "seconds"),
    "rate": ("link", "mbit", "direction", "seconds"),
    "flap": ("link", "mode", "direction", "period_s", "duty", "count", "seed"),
    "partition": ("groups", "cells", "nodes", "members", "seconds"),
    "isolate": ("target", "cell", "seconds"),
    "crash": ("service",),
    "freeze": ("service", "seconds"),
    "restart": ("service",),
    "reset-session": ("link", "session", "cell"),
    "withdraw": ("cell", "link", "links", "seconds"),
    "leak": ("cell", "prefix", "link", "links", "seconds"),
    "hijack": ("cell", "victim", "prefix", "prefixes", "link", "links", "seconds"),
    "flood": ("cell", "link", "links", "count"),
    "malformed": ("link", "cell", "sort", "seconds"),
    "all": ("faults", "seconds"),
}
"""What each kind's document may hold beside `kind`."""

MOST_TOGETHER = 100
"""Faults in one `all`."""

_BUILDERS: dict[str, Callable[[Reader], Single | None]] = {
    **parsing_links.BUILDERS,
    **parsing_nodes.BUILDERS,
    **parsing_routing.BUILDERS,
}


def parse(document: Mapping[str, Any], inventory: Inventory, place: str = "fault") -> Fault:
    """The fault that `document` describes, in a lab that has `inventory`. Raises FaultError.

    `place` is what messages call the document (`faults.yaml:12`).
    """
    if kind_of(document, place) == "all":
        return _all(document, inventory, place)
    return _single(document, inventory, place)


def kind_of(document: Any, place: str = "fault") -> str:
    """The kind a document names. Raises FaultError for a document without a known one."""
    if not isinstance(document, Mapping):
        raise FaultError(
            Problem(
                place, f"expected an object, got {type(document).__name__}", "write {kind: cut, link: ...}"
            )
        )
    kind = document.get("kind")
    if kind is None:
        raise FaultError(Problem(f"{place}.kind", "is missing", choose_from("", KINDS)))
    if kind not in KINDS:
        raise FaultError(Problem(f"{place}.kind", f"unknown fault {kind!r}", choose_from(str(kind), KINDS)))
    return str(kind)


def _single(document: Any, inventory: Inventory, place: str) -> Single:
    kind = kind_of(document, place)
    if kind == "all":
        raise FaultError(
            Problem(f"{place}.kind", "an all cannot hold another all", "write its faults into the outer one")
        )
    reader = Reader(document, inventory, place)
    reader.refuse_unknown(kind, FIELDS[kind])
    fault = _BUILDERS[kind](reader)
    if reader.problems:
        raise FaultError(*reader.problems)
    assert fault is not None
    return fault


def _all(document: Mapping[str, Any], inventory: Inventory, place: str) -> All:
    reader = Reader(document, inventory, place)
    reader.refuse_unknown("all", FIELDS["all"])
    seconds = reader.seconds()
    items = document.get("faults")
    faults: list[Single] = []
    if not isinstance(items, list | tuple) or not items:
        what = "is missing" if items is None else f"{items!r} is no list of faults"
        reader.wrong("faults", what, "write faults: [{kind: cut, link: ...}, ...]")
    elif len(items) > MOST_TOGETHER:
        reader.wrong("faults", f"{len(items)} are too many", f"give at most {MOST_TOGETHER}")
    else:
        for index, item in enumerate(items):
            where = f"{place}.faults[{index}]"
            try:
                faults.append(fault := _single(item, inventory, where))
            except FaultError as error:
                reader.problems += error.problems
                continue
            if lasts(fault) is not None:
                reader.problems.append(
                    Problem(
                        f"{where}.seconds",
                        "the faults of an all are taken back together",
                        f"give seconds (at most {LONGEST_SECONDS:g}) to the all",
                    )
                )
    if reader.problems:
        raise FaultError(*reader.problems)
    return All(tuple(faults), seconds)
