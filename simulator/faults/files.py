"""Faults written in YAML: a list of documents, each with the place it stands at. Reads text, not files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from simulator.context import Inventory
from simulator.faults.errors import FaultError, Problem
from simulator.faults.parsing import parse
from simulator.faults.values import Fault


def documents(text: str, source: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """`(place, document)` of each fault in a YAML list, or in the list under `faults`. Raises FaultError.

    The place is `source:line`. What the documents say is not checked here.
    """
    try:
        root = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FaultError(Problem(f"{source}:{line}", f"malformed YAML: {error.problem}")) from error
    except YAMLError as error:
        raise FaultError(Problem(source, f"malformed YAML: {error}")) from error
    items = root.get("faults") if isinstance(root, Mapping) else root
    if not isinstance(items, list):
        raise FaultError(Problem(source, "no list of faults", "write `- {kind: cut, link: main-east-1}`"))
    places = [f"{source}:{items.lc.item(index)[0] + 1}" for index in range(len(items))]  # type: ignore[attr-defined]  # ruamel has it and does not say so
    wrong = [
        Problem(place, f"expected a fault, got {item!r}", "write {kind: cut, link: main-east-1}")
        for place, item in zip(places, items, strict=True)
        if not isinstance(item, Mapping)
    ]
    if wrong:
        raise FaultError(*wrong)
    return tuple(zip(places, items, strict=True))


def parse_yaml(text: str, inventory: Inventory, source: str = "faults.yaml") -> tuple[Fault, ...]:
    """Every fault in the text. Raises FaultError with the problems of all of them."""
    faults: list[Fault] = []
    problems: list[Problem] = []
    for place, document in documents(text, source):
        try:
            faults.append(parse(document, inventory, place))
        except FaultError as error:
            problems += error.problems
    if problems:
        raise FaultError(*problems)
    return tuple(faults)


def together(text: str, source: str, seconds: float | None = None) -> dict[str, Any]:
    """One `all` of every fault in the text. Raises FaultError; what the faults say is not checked here."""
    found = [plain(document) for _, document in documents(text, source)]
    return {"kind": "all", "faults": found, **({} if seconds is None else {"seconds": seconds})}


def plain(value: Any) -> Any:
    """The same without what the YAML reader adds, so that it can be sent as JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)
