"""Where to look: from words (links, `bgp`, `openflow`) to interfaces of nodes, each with its filter. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.captures import bpf
from simulator.captures.errors import CaptureError
from simulator.captures.pcapng import Interface
from simulator.view import LabView
from topologies.model import Link, LinkKind, Port

BGP_PORT = 179
OPENFLOW_PORT = 6653
WHATS = ("bgp", "openflow")
"""The channels; every other word is a link's name."""


@dataclass(frozen=True, slots=True)
class Point:
    """An interface of a node. `pid` (inside the sandbox) holds the node's namespace; `filter` is text."""

    node: str
    device: str
    pid: int
    about: str
    filter: str = ""
    program: bpf.Program = ()

    @property
    def interface(self) -> Interface:
        """How it is called in a capture file: "main-gw1:wan1"."""
        return Interface(f"{self.node}:{self.device}", self.about, self.filter)


def select(
    view: LabView, what: Sequence[str], node: str | None = None, expression: str | None = None
) -> tuple[Point, ...]:
    """The points of all these words, with `node` only those on that node, in order, each once.

    `expression` (pcap-filter(7)) narrows what the channels' own filters let through. Raises CaptureError.
    """
    if not what:
        raise CaptureError(f"capture what? A link, or {' or '.join(WHATS)}", 2)
    if expression:
        bpf.compiled(expression)  # alone first: what is wrong is then said in the user's own words
    chosen: dict[tuple[str, str, str], Point] = {}
    for word in what:
        for port, about, text in _places(view, word):
            chosen.setdefault((port.node, port.name, text), _point(view, port, about, text, expression))
    points = tuple(point for point in chosen.values() if node is None or point.node == node)
    if points:
        return points
    nodes = sorted({point.node for point in chosen.values()})
    if not nodes:
        raise CaptureError(f"there is no {' or '.join(what)} to capture in lab {view.name!r}", 2)
    near = difflib.get_close_matches(node or "", nodes, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise CaptureError(
        f"{' and '.join(what)} cannot be seen on {node!r}; {hint}it can on: {', '.join(nodes)}", 2
    )


@dataclass(frozen=True, slots=True)
class _Port:
    node: str
    name: str


def _places(view: LabView, word: str) -> list[tuple[_Port, str, str]]:
    """(interface, what it is, filter) of one word."""
    if word == "bgp":
        return [
            (_l3(end), f"BGP over link {link.name}", f"tcp port {BGP_PORT}")
            for link in view.links
            if link.kind is LinkKind.WAN
            for end in (link.a, link.b)
        ]
    if word == "openflow":
        gateways = {gateway.name for cell in view.topology.cells for gateway in cell.gateways}
        return [
            (_Port(end.node, end.name), f"OpenFlow over link {link.name}", f"tcp port {OPENFLOW_PORT}")
            for link in view.links
            if link.kind is LinkKind.CONTROL
            for end in (link.a, link.b)
            if end.node in gateways
        ]
    link = _link(view, word)
    return [(_Port(end.node, end.name), f"link {link.name}, end {side}", "") for side, end in _ends(link)]


def _ends(link: Link) -> tuple[tuple[str, Port], tuple[str, Port]]:
    return ("a", link.a), ("b", link.b)


def _l3(end: Port) -> _Port:
    """Where the addresses are: the kernel's TCP speaks there, and not on a bare switch port."""
    return _Port(end.node, end.l3_port or end.name)


def _link(view: LabView, word: str) -> Link:
    names = [link.name for link in view.links]
    for link in view.links:
        if link.name == word:
            return link
    near = difflib.get_close_matches(word, [*WHATS, *names], 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    known = f"{', '.join(WHATS)}; links: {', '.join(names)}"
    raise CaptureError(f"there is no link {word!r} in lab {view.name!r}; {hint}{known}", 2)


def _point(view: LabView, port: _Port, about: str, text: str, expression: str | None) -> Point:
    if expression:
        text = f"({text}) and ({expression})" if text else expression
        program = bpf.compiled(text)
    elif text:
        program = bpf.tcp_port(int(text.rpartition(" ")[2]))
    else:
        program = ()
    pid = view.node(port.node).pid
    return Point(port.node, port.name, pid, about, text, program)
