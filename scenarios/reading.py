"""From the document of a scenario file to values. Pure; expects a document that fits the schema.

What the schema cannot say (names, times, combinations) is for `checks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from topologies.model import Topology

from . import wording
from .actions import ACTIONS, Action, Boot, Break, Change, Connect, Disconnect, StartProbes, Watch
from .measurements import Flow
from .scenario import Step
from .stories import ground
from .values import Budget, Expectation

Document = Mapping[str, Any]


class StepError(ValueError):
    """A step that cannot be read. `field` is where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def step(document: Document, topology: Topology) -> Step:
    """One step. Raises StepError."""
    named = [name for name in ACTIONS if name in document]
    if len(named) != 1:
        what = " and ".join(named) if named else "nothing"
        raise StepError(
            named[1] if named else "", f"a step does one of {', '.join(ACTIONS)}; this does {what}"
        )
    budget = document.get("budget")
    name = str(document["name"])
    return Step(
        name=name,
        title=document.get("title", name),
        what=document.get("what", ""),
        expect=document.get("expect", ""),
        do=action(named[0], document[named[0]] or {}, topology),
        then=expectations(document.get("then", ())),
        budget=_budget(budget) if budget is not None else None,
    )


def _budget(given: Document) -> Budget:
    towards = {node: _budget(one) for node, one in given.get("towards", {}).items()}
    return Budget(**{**given, "towards": towards})


def action(name: str, given: Document, topology: Topology) -> Action:
    """What a step does, by its name in files. Raises StepError."""
    kind = ACTIONS[name]
    if kind is StartProbes:
        return StartProbes(_flows(given, topology))
    if kind is Break:
        fault = given["fault"]
        return Break(
            **{
                **given,
                "fault": tuple(fault) if isinstance(fault, list) else fault,
                "during": expectations(given.get("during", ()), " meanwhile"),
                "changes": tuple(Change(**one) for one in given.get("changes", ())),
            }
        )
    plain: dict[type[Action], type[Boot | Connect | Watch | Change | Disconnect]] = {
        one: one for one in (Boot, Connect, Watch, Change, Disconnect)
    }
    return plain[kind](**given)


def expectations(documents: Sequence[Document], when: str = "") -> tuple[Expectation, ...]:
    """A list of expectations; one that says nothing itself is told by its condition (and `when`)."""
    return tuple(Expectation(**{"says": _told(one) + when, **one}) for one in documents)


def _told(expectation: Document) -> str:
    """An expectation in words: what it is about, and when it is to be so."""
    kind = expectation.get("kind", "eventually")
    words = wording.condition(str(expectation["condition"]), expectation.get("of") or {})
    return words if kind == "eventually" else f"{kind}: {words}"


def _flows(given: Document, topology: Topology) -> tuple[Flow, ...]:
    if ("between" in given) == ("flows" in given):
        raise StepError("start-probes", "start-probes takes either between or flows")
    if "flows" in given:
        return tuple(Flow(**one) for one in given["flows"])
    names = [cell.name for cell in topology.cells if cell.hosts]
    cells = given["between"]
    if len(cells) != 2 or cells[0] == cells[1] or not set(cells) <= set(names):
        raise StepError(
            "start-probes",
            f"between takes two cells with hosts, not {', '.join(map(str, cells))}; there are: "
            f"{', '.join(names)}",
        )
    one, other = (topology.cell(name) for name in cells)
    return ground.flows(one, other, given.get("rate", ground.RATE))
