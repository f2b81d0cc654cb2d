"""A topology as text with box-drawing characters: cells one below the other, WAN paths as lines at the right.

Each path leaves its first cell at its own row, runs down its own lane and enters its second cell. The order
of the rows keeps lines from crossing where that is possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from topologies.draw import states as drawn
from topologies.draw.states import State
from topologies.model import Cell, Link, Port, Router, Topology

_NORTH, _SOUTH, _EAST, _WEST = 1, 2, 4, 8
_CHARACTERS = {
    _NORTH | _SOUTH: "│",
    _EAST | _WEST: "─",
    _SOUTH | _EAST: "┌",
    _SOUTH | _WEST: "┐",
    _NORTH | _EAST: "└",
    _NORTH | _WEST: "┘",
    _NORTH | _SOUTH | _EAST: "├",
    _NORTH | _SOUTH | _WEST: "┤",
    _SOUTH | _EAST | _WEST: "┬",
    _NORTH | _EAST | _WEST: "┴",
    _NORTH | _SOUTH | _EAST | _WEST: "┼",
}


class _Canvas:
    """Characters and lines by row and column; lines that meet are joined."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, int], int] = {}
        self._texts: dict[tuple[int, int], str] = {}

    def write(self, row: int, column: int, text: str) -> None:
        for offset, character in enumerate(text):
            self._texts[row, column + offset] = character

    def horizontal(self, row: int, first: int, last: int) -> None:
        for column in range(first, last):
            self._join((row, column), _EAST)
            self._join((row, column + 1), _WEST)

    def vertical(self, column: int, first: int, last: int) -> None:
        for row in range(first, last):
            self._join((row, column), _SOUTH)
            self._join((row + 1, column), _NORTH)

    def _join(self, place: tuple[int, int], direction: int) -> None:
        self._lines[place] = self._lines.get(place, 0) | direction

    def render(self) -> str:
        rows: dict[int, dict[int, str]] = {}
        for (row, column), directions in self._lines.items():
            rows.setdefault(row, {})[column] = _CHARACTERS[directions]
        for (row, column), character in self._texts.items():
            rows.setdefault(row, {})[column] = character
        return "".join(
            "".join(line.get(column, " ") for column in range(max(line) + 1)).rstrip() + "\n"
            for _, line in sorted(rows.items())
        )


@dataclass(frozen=True, slots=True)
class _Box:
    name: str
    content: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a path at a box: which row, and the text on the line there."""

    box: int
    link: Link
    other: int
    label: str


def to_text(topology: Topology, states: Mapping[str, str] | None = None) -> str:
    """The picture, lines ended by newlines. `states` is by name of cell, node or link (see `State`)."""
    shown = drawn.read(topology, states)
    boxes = [_cell_box(cell, shown) for cell in topology.cells]
    boxes += [_router_box(router, shown) for router in topology.routers]
    ends = _ends(topology, boxes, shown)
    width = max(len(line) for box in boxes for line in (*box.content, f"─ {box.name} ")) + 3
    label_width = max((len(end.label) for end in ends), default=0)
    canvas = _Canvas()
    rows = _draw_boxes(canvas, boxes, ends, width)
    lane_start = width + label_width + 4
    for link, lane in _lanes(rows).items():
        first, last = sorted(rows[link])
        column = lane_start + 2 * lane
        for row in (first, last):
            canvas.horizontal(row, width, column)
        canvas.vertical(column, first, last)
    return canvas.render()


def _mark(text: str, state: State | None) -> str:
    return f"{text} ({state})" if state is not None else text


def _cell_box(cell: Cell, shown: Mapping[str, State]) -> _Box:
    def names(what: str, nodes: list[str]) -> list[str]:
        if len(nodes) > 3 and not any(node in shown for node in nodes):
            return [f"{what} {nodes[0]} .. {nodes[-1]}"]
        return [f"{what} {_mark(node, shown.get(node))}" for node in nodes]

    content = [
        drawn.title(cell),
        *map(str, cell.prefixes),
        *names("gateway", [gateway.name for gateway in cell.gateways]),
        *names("controller", [gateway.controller_node for gateway in cell.gateways]),
        *([f"manager {_mark(cell.manager_node, shown.get(cell.manager_node))}"] if cell.manager_node else []),
        *names("host", [host.name for host in cell.hosts if host.role is None]),
        *(
            f"{host.role.words} {_mark(host.name, shown.get(host.name))}"
            for host in cell.hosts
            if host.role is not None
        ),
    ]
    return _Box(_mark(cell.name, shown.get(cell.name)), tuple(content))


def _router_box(router: Router, shown: Mapping[str, State]) -> _Box:
    return _Box(_mark(router.name, shown.get(router.name)), (f"{router.daemon} router, AS {router.asn}",))


def _ends(topology: Topology, boxes: list[_Box], shown: Mapping[str, State]) -> list[_End]:
    """The ends of all paths, box by box from the top, each box's in the order of its rows."""
    names = [cell.name for cell in topology.cells] + [router.name for router in topology.routers]
    index = {node: names.index(box) for node, box in drawn.homes(topology).items()}
    several = {gateway.name for cell in topology.cells if len(cell.gateways) > 1 for gateway in cell.gateways}

    def port_label(port: Port) -> str:
        return f"{port.node.rpartition('-')[2]} {port.name}" if port.node in several else port.name

    ends: list[list[_End]] = [[] for _ in boxes]
    for link in drawn.wan_links(topology):
        upper, lower = sorted((link.a, link.b), key=lambda port: index[port.node])
        top, bottom = index[upper.node], index[lower.node]
        name = _mark(link.name, shown.get(link.name))
        ends[top].append(_End(top, link, bottom, f"{port_label(upper)} {name}"))
        ends[bottom].append(_End(bottom, link, top, port_label(lower)))
    ordered = []
    for box in ends:
        # Lines from above end first, the nearest on top; lines to below begin with the furthest: then
        # they lie inside each other like brackets and need not cross.
        above = [end for end in box if end.other < end.box]
        below = [end for end in box if end.other > end.box]
        above.reverse()  # parallel lines end in reverse order
        ordered += sorted(above, key=lambda end: -end.other)
        ordered += sorted(below, key=lambda end: -end.other)
    return ordered


def _draw_boxes(canvas: _Canvas, boxes: list[_Box], ends: list[_End], width: int) -> dict[str, list[int]]:
    """Draw the boxes and the labels; the rows of each link's ends, by its name."""
    rows: dict[str, list[int]] = {}
    top = 0
    for position, box in enumerate(boxes):
        mine = [end for end in ends if end.box == position]
        bottom = top + max(len(box.content), len(mine)) + 1
        canvas.horizontal(top, 0, width)
        canvas.horizontal(bottom, 0, width)
        canvas.vertical(0, top, bottom)
        canvas.vertical(width, top, bottom)
        canvas.write(top, 2, f" {box.name} ")
        for offset, line in enumerate(box.content, 1):
            canvas.write(top + offset, 2, line)
        for offset, end in enumerate(mine, 1):
            rows.setdefault(end.link.name, []).append(top + offset)
            canvas.write(top + offset, width + 2, f" {end.label} ")
        top = bottom + 1
    return rows


def _lanes(rows: dict[str, list[int]]) -> dict[str, int]:
    """The lane of each link: short ones inside, and no two at the same place in one lane."""
    lanes: dict[str, int] = {}
    used: list[list[tuple[int, int]]] = []
    for name in sorted(rows, key=lambda name: (max(rows[name]) - min(rows[name]), min(rows[name]))):
        first, last = min(rows[name]), max(rows[name])
        free = (
            lane
            for lane, intervals in enumerate(used)
            if all(last < other_first or first > other_last for other_first, other_last in intervals)
        )
        lanes[name] = next(free, len(used))
        if lanes[name] == len(used):
            used.append([])
        used[lanes[name]].append((first, last))
    return lanes
