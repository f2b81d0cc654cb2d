"""Takes the fields out of one description of a fault and collects everything that is wrong. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from simulator.context import Inventory
from simulator.faults.errors import Problem, choose_from
from simulator.faults.values import LONGEST_SECONDS, Direction
from topologies.model import Cell, Link, LinkKind, Topology

E = TypeVar("E", bound=StrEnum)
MOST_SEED = 2**63 - 1


@dataclass(slots=True)
class Reader:
    """One document, in a lab that has `inventory`. Methods answer None where they had to complain."""

    document: Mapping[str, Any]
    inventory: Inventory
    place: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, name: str, message: str, remedy: str = "") -> None:
        """One more problem, at that field."""
        self.problems.append(Problem(f"{self.place}.{name}", message, remedy))

    def refuse_unknown(self, kind: str, known: Iterable[str]) -> None:
        """Complain of fields that this kind has not."""
        names = tuple(known)
        for name in self.document:
            if name != "kind" and name not in names:
                self.wrong(str(name), f"{_a(kind)} has no such field", choose_from(str(name), names))

    # --- names -----------------------------------------------------------------------------------

    def link(self, name: str = "link") -> Link | None:
        """A link that is there."""
        found = self.name(name, self.inventory.links, "link")
        return None if found is None else self.inventory.links[found]

    def service(self) -> str | None:
        """A service that the lab runs."""
        return self.name("service", self.inventory.services)

    def cell(self, name: str = "cell", *, required: bool = True) -> Cell | None:
        """A cell of the topology."""
        if not required and self.document.get(name) is None:
            return None
        cells = {cell.name: cell for cell in self.inventory.topology.cells}
        found = self.name(name, cells, "cell")
        return None if found is None else cells[found]

    def name(self, field_name: str, known: Mapping[str, Any], noun: str | None = None) -> str | None:
        """A name that is among the known ones."""
        value = self.document.get(field_name)
        if isinstance(value, str) and value in known:
            return value
        if value is None:
            self.wrong(field_name, "is missing", choose_from("", known))
        else:
            self.wrong(
                field_name,
                f"there is no {noun or field_name} {value!r} in this lab",
                choose_from(str(value), known),
            )
        return None

    def choice(self, name: str, kind: type[E], default: E | None = None) -> E | None:
        """One of the words of an enumeration."""
        value = self.document.get(name)
        words = {word.value: word for word in kind}
        if value is None:
            if default is None:
                self.wrong(name, "is missing", choose_from("", words))
            return default
        if not isinstance(value, str) or value not in words:
            self.wrong(name, f"{value!r} is no {name}", choose_from(str(value), words))
            return None
        return words[value]

    # --- numbers ---------------------------------------------------------------------------------

    def number(
        self, name: str, unit: str, most: float, *, required: bool = True, least: float = 0.0
    ) -> float | None:
        """A finite number above `least` and at most `most`."""
        value = self.document.get(name)
        if value is None:
            if required:
                self.wrong(name, "is missing", f"give {unit}, above {least:g} and at most {most:g}")
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            self.wrong(name, f"{value!r} is no number", f"give {unit}, such as {min(most, 5):g}")
        elif value <= least:
            self.wrong(name, f"{value:g} is not above {least:g}", f"give {unit}, such as {min(most, 5):g}")
        elif value > most:
            self.wrong(name, f"{value:g} is more than {most:g}", f"give {unit}, at most {most:g}")
        else:
            return float(value)
        return None

    def integer(self, name: str, least: int, most: int) -> int | None:
        """A whole number from `least` to `most`; None also when it is not given."""
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(name, f"{value!r} is no whole number", f"give {least} to {most}")
        elif not least <= value <= most:
            self.wrong(name, f"{value} is out of range", f"give {least} to {most}")
        else:
            return value
        return None

    def seconds(self) -> float | None:
        """How long the injector waits before it takes the fault back."""
        return self.number(
            "seconds",
            f"seconds (without, it lasts until cleared; at most {LONGEST_SECONDS:g})",
            LONGEST_SECONDS,
            required=False,
        )

    # --- directions ------------------------------------------------------------------------------

    def direction(self, link: Link | None, *, required: bool = False) -> Direction:
        """A direction of that link, by its ends, their nodes or their cells."""
        value = self.document.get("direction")
        if value is None and not required:
            return Direction.BOTH
        if link is None:
            return Direction.BOTH  # the link is reported; its ends are unknown
        names = directions(link, self.inventory.topology)
        if required:
            names = {name: way for name, way in names.items() if way is not Direction.BOTH}
        if value is None:
            self.wrong("direction", "is missing", choose_from("", names))
        elif not isinstance(value, str) or value not in names:
            self.wrong(
                "direction", f"{value!r} is no direction of {link.name}", choose_from(str(value), names)
            )
        else:
            return names[value]
        return Direction.BOTH


def directions(link: Link, topology: Topology) -> dict[str, Direction]:
    """Every way to name a direction of a link: by its ends, their nodes, their cells."""
    cells = {gateway.name: cell.name for cell in topology.cells for gateway in cell.gateways}
    names = {way.value: way for way in Direction}
    pairs = [(link.a.node, link.b.node)]
    if link.kind is LinkKind.WAN:
        pairs.append((cells.get(link.a.node, link.a.node), cells.get(link.b.node, link.b.node)))
    for a, b in pairs:
        names[f"{a}-to-{b}"] = Direction.A_TO_B
        names[f"{b}-to-{a}"] = Direction.B_TO_A
    return names


def _finite(value: float) -> bool:
    """Also for whole numbers that no float can hold."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"
