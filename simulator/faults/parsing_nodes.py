"""Descriptions of faults of services and of the control side: partitions, isolation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulator.context import Inventory
from simulator.faults.errors import choose_from
from simulator.faults.reading import Reader
from simulator.faults.values import Control, Crash, Freeze, Isolate, Partition, Restart, Single
from topologies.model import Cell, Link, LinkKind

SHORT_FORMS = ("cells", "nodes", "members")
"""Each lists one group, to be separated from all other nodes."""


def _crash(reader: Reader) -> Single | None:
    service = reader.service()
    return None if service is None else Crash(service)


def _freeze(reader: Reader) -> Single | None:
    service, seconds = reader.service(), reader.seconds()
    return None if service is None else Freeze(service, seconds)


def _restart(reader: Reader) -> Single | None:
    service = reader.service()
    return None if service is None else Restart(service)


def _isolate(reader: Reader) -> Single | None:
    seconds, target, cell = reader.seconds(), reader.choice("target", Control), reader.cell()
    if target is Control.BUS and cell is not None and not bus_links(reader.inventory, cell):
        reader.wrong(
            "target",
            f"no host of {cell.name} is its message bus in this topology",
            "give a host 'role: message-bus' in the topology's file, or take one of the catalogue with "
            "--set bus=yes",
        )
    return None if target is None or cell is None else Isolate(target, cell.name, seconds)


def bus_links(inventory: Inventory, cell: Cell) -> tuple[Link, ...]:
    """The cables of the hosts that are the cell's message bus, as far as they are there now."""
    hosts = {host.name for host in inventory.topology.message_bus(cell.name)}
    return tuple(link for link in inventory.links.values() if {link.a.node, link.b.node} & hosts)


def _partition(reader: Reader) -> Single | None:
    seconds = reader.seconds()
    links = reader.inventory.links.values()
    on_segment = {link.a.node for link in links if link.kind is LinkKind.MANAGEMENT}
    cells = {
        cell.name: {gateway.name for gateway in cell.gateways} & on_segment
        for cell in reader.inventory.topology.cells
    }
    nodes = {node: {node} for node in on_segment}
    known = {"cells": cells, "nodes": nodes, "members": {**nodes, **cells}}
    one = set[str]()
    for name in SHORT_FORMS:
        one |= _members(reader, name, reader.document.get(name, ()), known[name])
    value = reader.document.get("groups")
    groups: list[set[str]] = [one] if one else []
    if value is not None:
        if any(reader.document.get(name) is not None for name in SHORT_FORMS):
            reader.wrong("groups", "stands beside another list of names", "name every group here")
        if not isinstance(value, list | tuple):
            reader.wrong("groups", f"{value!r} is no list of groups", "write [[main], [east, west]]")
            value = []
        groups = [
            _members(reader, f"groups[{index}]", group, known["members"]) for index, group in enumerate(value)
        ]
    if reader.problems:
        return None
    _check(reader, groups, on_segment, known["members"])
    return Partition(tuple(tuple(sorted(group)) for group in groups), seconds)


def _check(
    reader: Reader, groups: Sequence[set[str]], on_segment: set[str], known: Mapping[str, Any]
) -> None:
    field = "groups" if reader.document.get("groups") is not None else "members"
    if not groups or not all(groups):
        reader.wrong(field, "nothing to separate", choose_from("", known))
    elif len(groups) == 1 and groups[0] == on_segment:
        reader.wrong(
            field,
            "that is every node of the management network: nothing is left to separate from",
            "leave one out",
        )
    for index, group in enumerate(groups):
        twice = sorted(node for node in group if any(node in earlier for earlier in groups[:index]))
        if twice:
            reader.wrong(f"groups[{index}]", f"{', '.join(twice)} is in two groups", "name it in one of them")


def _members(reader: Reader, name: str, value: Any, known: Mapping[str, set[str]]) -> set[str]:
    """The nodes that a list of names means."""
    members = [value] if isinstance(value, str) else value
    if not isinstance(members, list | tuple):
        reader.wrong(name, f"{value!r} is no list of names", "write [main]")
        return set()
    found = set[str]()
    for index, member in enumerate(members):
        if isinstance(member, str) and member in known:
            found |= known[member]
        else:
            reader.wrong(
                f"{name}[{index}]",
                f"{member!r} is not on the management network",
                choose_from(str(member), known),
            )
    return found


BUILDERS: dict[str, Callable[[Reader], Single | None]] = {
    "partition": _partition,
    "isolate": _isolate,
    "crash": _crash,
    "freeze": _freeze,
    "restart": _restart,
}
