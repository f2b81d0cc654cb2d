"""Descriptions of faults to faults: documents checked against what a lab has. Pure.

    {kind: blackhole, link: main-east-1, direction: main-to-east}

Every problem is reported at once, with its place and its remedy. `simulator.faults.words` makes documents
from command lines, `simulator.faults.files` from YAML.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.context import Inventory
from simulator.faults.errors import FaultError, Problem, choose_from
from simulator.faults.values import (
    KINDS,
    LONGEST_SECONDS,
    Blackhole,
    Crash,
    Cut,
    Delay,
    Direction,
    Fault,
    Freeze,
    Loss,
    Partition,
    Rate,
    Restart,
)
from topologies.model import Link, LinkKind, Topology

FIELDS: dict[str, tuple[str, ...]] = {
    "cut": ("link", "seconds"),
    "blackhole": ("link", "direction", "seconds"),
    "oneway": ("link", "direction", "seconds"),
    "loss": ("link", "percent", "direction", "seconds"),
    "delay": ("link", "milliseconds", "direction", "seconds"),
    "rate": ("link", "mbit", "direction", "seconds"),
    "partition": ("cells", "nodes", "members", "seconds"),
    "crash": ("service",),
    "freeze": ("service", "seconds"),
    "restart": ("service",),
}
"""What each kind's document may hold beside `kind`."""


def parse(document: Mapping[str, Any], inventory: Inventory, place: str = "fault") -> Fault:
    """The fault that `document` describes, in a lab that has `inventory`. Raises FaultError.

    `place` is what messages call the document (`faults.yaml:12`).
    """
    kind = kind_of(document, place)
    reader = _Reader(document, inventory, place)
    reader.refuse_unknown(kind)
    fault = _BUILDERS[kind](reader)
    if reader.problems:
        raise FaultError(*reader.problems)
    assert fault is not None
    return fault


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


@dataclass(slots=True)
class _Reader:
    """Takes fields out of one document and collects what is wrong with them."""

    document: Mapping[str, Any]
    inventory: Inventory
    place: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, name: str, message: str, remedy: str = "") -> None:
        self.problems.append(Problem(f"{self.place}.{name}", message, remedy))

    def refuse_unknown(self, kind: str) -> None:
        for name in self.document:
            if name != "kind" and name not in FIELDS[kind]:
                self.wrong(str(name), f"a {kind} has no such field", choose_from(str(name), FIELDS[kind]))

    def link(self) -> Link | None:
        name = self._name("link", self.inventory.links)
        return None if name is None else self.inventory.links[name]

    def service(self) -> str | None:
        return self._name("service", self.inventory.services)

    def _name(self, field_name: str, known: Mapping[str, Any]) -> str | None:
        value = self.document.get(field_name)
        if isinstance(value, str) and value in known:
            return value
        if value is None:
            self.wrong(field_name, "is missing", choose_from("", known))
        else:
            self.wrong(
                field_name, f"there is no {field_name} {value!r} in this lab", choose_from(str(value), known)
            )
        return None

    def number(self, name: str, unit: str, most: float, *, required: bool = True) -> float | None:
        """A finite number above 0 and at most `most`."""
        value = self.document.get(name)
        if value is None:
            if required:
                self.wrong(name, "is missing", f"give {unit}, above 0 and at most {most:g}")
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.wrong(name, f"{value!r} is no number", f"give {unit}, such as {min(most, 5):g}")
        elif value <= 0:
            self.wrong(name, f"{value:g} is not above 0", f"give {unit}, such as {min(most, 5):g}")
        elif value > most:
            self.wrong(name, f"{value:g} is more than {most:g}", f"give {unit}, at most {most:g}")
        else:
            return float(value)
        return None

    def seconds(self) -> float | None:
        return self.number(
            "seconds",
            f"seconds (without, it lasts until cleared; at most {LONGEST_SECONDS:g})",
            LONGEST_SECONDS,
            required=False,
        )

    def direction(self, link: Link | None, *, required: bool = False) -> Direction:
        value = self.document.get("direction")
        if value is None and not required:
            return Direction.BOTH
        if link is None:
            return Direction.BOTH  # the link is reported; its ends are unknown
        names = _directions(link, self.inventory.topology)
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


def _directions(link: Link, topology: Topology) -> dict[str, Direction]:
    """Every way to name a direction of a link: by its ends, their nodes, their cells."""
    cells = {gateway.name: cell.name for cell in topology.cells for gateway in cell.gateways}
    names = {way.value: way for way in Direction}
    pairs = [(link.a.node, link.b.node)]
    if link.kind is LinkKind.WAN and link.a.node in cells and link.b.node in cells:
        pairs.append((cells[link.a.node], cells[link.b.node]))
    for a, b in pairs:
        names[f"{a}-to-{b}"] = Direction.A_TO_B
        names[f"{b}-to-{a}"] = Direction.B_TO_A
    return names


def _cut(reader: _Reader) -> Fault | None:
    link, seconds = reader.link(), reader.seconds()
    return None if link is None else Cut(link.name, seconds)


def _blackhole(reader: _Reader, *, one_way: bool = False) -> Fault | None:
    link, seconds = reader.link(), reader.seconds()
    direction = reader.direction(link, required=one_way)
    return None if link is None else Blackhole(link.name, direction, seconds)


def _oneway(reader: _Reader) -> Fault | None:
    return _blackhole(reader, one_way=True)


def _loss(reader: _Reader) -> Fault | None:
    link, seconds = reader.link(), reader.seconds()
    percent, direction = reader.number("percent", "percent", 100), reader.direction(link)
    return None if link is None or percent is None else Loss(link.name, percent, direction, seconds)


def _delay(reader: _Reader) -> Fault | None:
    link, seconds = reader.link(), reader.seconds()
    late, direction = reader.number("milliseconds", "milliseconds", 10_000), reader.direction(link)
    return None if link is None or late is None else Delay(link.name, late, direction, seconds)


def _rate(reader: _Reader) -> Fault | None:
    link, seconds = reader.link(), reader.seconds()
    mbit, direction = reader.number("mbit", "megabit per second", 100_000), reader.direction(link)
    return None if link is None or mbit is None else Rate(link.name, mbit, direction, seconds)


def _partition(reader: _Reader) -> Fault | None:
    seconds = reader.seconds()
    on_segment = {link.a.node for link in reader.inventory.links.values() if link.kind is LinkKind.MANAGEMENT}
    cells = {
        cell.name: {gateway.name for gateway in cell.gateways} & on_segment
        for cell in reader.inventory.topology.cells
    }
    groups = {
        "cells": cells,
        "nodes": {node: {node} for node in on_segment},
        "members": {**{node: {node} for node in on_segment}, **cells},
    }
    apart: set[str] = set()
    for name, known in groups.items():
        value = reader.document.get(name, ())
        members = [value] if isinstance(value, str) else value
        if not isinstance(members, list | tuple):
            reader.wrong(name, f"{value!r} is no list of names", "write [main]")
            continue
        for index, member in enumerate(members):
            if isinstance(member, str) and member in known:
                apart |= known[member]
            else:
                reader.wrong(
                    f"{name}[{index}]",
                    f"{member!r} is not on the management network",
                    choose_from(str(member), known),
                )
    if reader.problems:
        return None
    if not apart:
        reader.wrong("members", "nothing to separate", choose_from("", groups["members"]))
    elif apart == on_segment:
        reader.wrong(
            "members",
            "that is every node of the management network: nothing is left to separate from",
            "leave one out",
        )
    return Partition(tuple(sorted(apart)), seconds)


def _crash(reader: _Reader) -> Fault | None:
    service = reader.service()
    return None if service is None else Crash(service)


def _freeze(reader: _Reader) -> Fault | None:
    service, seconds = reader.service(), reader.seconds()
    return None if service is None else Freeze(service, seconds)


def _restart(reader: _Reader) -> Fault | None:
    service = reader.service()
    return None if service is None else Restart(service)


_BUILDERS: dict[str, Callable[[_Reader], Fault | None]] = {
    "cut": _cut,
    "blackhole": _blackhole,
    "oneway": _oneway,
    "loss": _loss,
    "delay": _delay,
    "rate": _rate,
    "partition": _partition,
    "crash": _crash,
    "freeze": _freeze,
    "restart": _restart,
}
