"""A lab at one moment, as far as a test could have changed it, and in what two portraits differ. Pure.

The proof that a reset worked is that the lab has no difference from its birth.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from simulator.view import LabView, ProcessView

_OWNER = re.compile(r"cookie=0x(?P<owner>[0-9a-f]+?)(?P<rest>[0-9a-f]{8}),")
BASE, LOCAL = "ce110001", "ce110002"
"""Owners of flows that are there without any connection (docs/data-plane.md)."""
_MADE_ANEW = re.compile(r"@if\d+|<[A-Z_,]*>")


@dataclass(frozen=True, slots=True)
class NodeText:
    """What the programs on one node printed: kernel (interfaces, queues, nft), flows, groups, BFD, sessions.

    All but `kernel` are empty on nodes that are no gateways.
    """

    kernel: str
    flows: str = ""
    groups: str = ""
    bfd: str = ""
    sessions: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What the manager's API shows. `agents` has those that do not keep up, with the reason."""

    cells: tuple[str, ...]
    endpoints: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Portrait:
    """A lab at one moment."""

    view: LabView
    nodes: Mapping[str, NodeText]
    told: Told


def differences(birth: Portrait, now: Portrait) -> list[str]:
    """What is not as it was when the lab was new, a line each; empty: the lab is clean."""
    return [
        *_of_view(birth.view, now.view),
        *_of_api(birth.told, now.told),
        *(
            f"{name}: {line}"
            for name, text in now.nodes.items()
            if name in birth.nodes
            for line in of_node(birth.nodes[name], text)
        ),
    ]


def unsettled(now: Portrait, but: Collection[tuple[str, str]] = ()) -> list[str]:
    """BFD sessions that are not up, `but` those. They come back by themselves, and on a busy machine they may
    go at any time: worth waiting for, but no difference that would cost a lab."""
    return [f"{node}: BFD of {port} is not up" for node, port in sorted(silent(now) - set(but))]


def silent(now: Portrait) -> frozenset[tuple[str, str]]:
    """The same, all of them, as (node, port)."""
    return frozenset((name, port) for name, text in now.nodes.items() for port in bfd_down(text.bfd))


def _of_view(birth: LabView, now: LabView) -> list[str]:
    found = [f"fault {fault.id} is in force: {fault.document}" for fault in now.faults]
    own = {process.id for process in running(birth)}
    found += [f"process {one.id} runs on {one.node}" for one in running(now) if one.id not in own]
    found += [f"service {service.name} is {service.state}" for service in now.services if not service.ready]
    found += _changes("service", (one.name for one in birth.services), (one.name for one in now.services))
    found += _changes("node", (one.name for one in birth.nodes), (one.name for one in now.nodes))
    return found + _changes("link", map(repr, birth.links), map(repr, now.links))


def running(view: LabView) -> list[ProcessView]:
    """The background processes that have not ended."""
    return [process for process in view.processes if process.returncode is None]


def _of_api(birth: Told, now: Told) -> list[str]:
    found = _changes("cell", birth.cells, now.cells)
    found += [f"connection {name} exists" for name in now.connections]
    found += [f"endpoint {name} exists" for name in now.endpoints]
    return found + [f"agent {reason}" for reason in now.agents]


def of_node(birth: NodeText, now: NodeText) -> list[str]:
    """What is different on one node."""
    return [
        *_changes("", _kernel(birth.kernel), _kernel(now.kernel)),
        *foreign_flows(birth.flows, now.flows),
        *(f"group {line.strip()}" for line in now.groups.splitlines() if "group_id=" in line),
        *(f"BGP connection {line.strip()}" for line in now.sessions.splitlines() if line.strip()),
    ]


def foreign_flows(birth: str, now: str) -> list[str]:
    """Base flows must be those of the birth; beside them only local ones may be there.

    Local flows come and go with the neighbours that the kernel knows, so they are allowed but not compared.
    """
    found = []
    for line in now.splitlines():
        owner = _OWNER.search(line)
        if owner is not None and owner["owner"] not in (BASE, LOCAL):
            found.append(f"flow {line.strip()}")
        elif owner is None and "actions=" in line:
            found.append(f"flow without an owner {line.strip()}")
    return found + _changes("base flow", _base(birth), _base(now))


def _base(flows: str) -> list[str]:
    return [line.strip() for line in flows.splitlines() if f"cookie=0x{BASE}" in line]


def bfd_down(text: str) -> list[str]:
    """The ports of `ovs-vsctl --bare --columns=name,bfd_status list interface` whose session is not up."""
    down = []
    for block in text.split("\n\n"):
        name, _, status = block.strip().partition("\n")
        words = f" {status} "
        if " state=" in words and " state=up " not in words:
            down.append(name)
    return down


def _kernel(text: str) -> list[str]:
    """Lines without what differs between two makings of the same: numbers of interfaces, flags, order.

    A tap that a switch took up again is UP where a new one is UNKNOWN: both pass packets.
    """
    plain = (_MADE_ANEW.sub("", line).replace(" UNKNOWN ", " UP ") for line in text.splitlines())
    return [" ".join(sorted(line.split())) for line in plain if line.strip()]


def _changes(what: str, before: Iterable[str], now: Iterable[str]) -> list[str]:
    changed = difflib.unified_diff(sorted(before), sorted(now), lineterm="", n=0)
    words = {"+": "came", "-": "is missing"}
    return [
        f"{what} {words[line[0]]}: {line[1:]}".strip()
        for line in changed
        if line[0] in words and not line.startswith(("+++ ", "--- "))
    ]
