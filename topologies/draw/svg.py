"""A topology as one self-contained SVG: no scripts, no fonts or images from elsewhere.

Cells are boxes with their nodes as chips, WAN paths are separate curves with their names. Everything has its
name in a `data-name` attribute and a tooltip, so that a page can find and restyle it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from topologies.draw import labels, layout
from topologies.draw import states as drawn
from topologies.draw.labels import Curve, Rect
from topologies.draw.layout import Point, Size
from topologies.draw.states import State
from topologies.model import Cell, Link, Router, Topology

_MARGIN = 32.0
_HEADER = 64.0
_CHIP = Size(64.0, 20.0)
_CHIPS_IN_ROW = 3
_MOST_HOSTS = 9
_BOX_WIDTH = 3 * _CHIP.width + 4 * 8.0 + 8.0
_ROUTER_BOX = Size(150.0, 54.0)
_LETTER = 6.3  # average width of a letter at 11 px; measured generously, for the plates behind names
_MOST_LABELS = 120  # beyond, names would cover the lines; tooltips still have them
_COLOURS = {State.UP: "#15803d", State.DEGRADED: "#b45309", State.DOWN: "#b91c1c", State.UNKNOWN: "#64748b"}
_STYLE = """
text { font-family: system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #0f172a; }
.paper { fill: #f8fafc; }
.heading { font-size: 20px; font-weight: 600; }
.sub { font-size: 12px; fill: #64748b; }
.cell > rect.body { fill: #ffffff; stroke: #cbd5e1; stroke-width: 1.5; }
.cell > path.head { fill: #334155; }
.cell.main > path.head { fill: #1d4ed8; }
.cell > .name, .cell > .asn { fill: #ffffff; }
.name { font-size: 15px; font-weight: 600; }
.asn { font-size: 12px; }
.prefix { font-size: 12px; font-family: ui-monospace, 'DejaVu Sans Mono', monospace; fill: #334155; }
.chip rect { stroke-width: 1; }
.chip text { font-size: 11px; text-anchor: middle; }
.gateway rect { fill: #dbeafe; stroke: #60a5fa; }
.controller rect, .manager rect { fill: #ede9fe; stroke: #a78bfa; }
.host rect { fill: #f1f5f9; stroke: #cbd5e1; }
.message-bus rect { fill: #dcfce7; stroke: #4ade80; }
.router rect { fill: #fef3c7; stroke: #f59e0b; stroke-width: 1.5; }
.path { fill: none; stroke: #475569; stroke-width: 2.5; stroke-linecap: round; }
.plate { fill: #f8fafc; fill-opacity: 0.92; }
.label { font-size: 11px; text-anchor: middle; fill: #334155; }
""" + "".join(
    f".{state} .path {{ stroke: {colour}; }} .{state} .label {{ fill: {colour}; font-weight: 600; }} "
    f".{state} > rect.body, .chip.{state} rect, .router.{state} rect "
    f"{{ stroke: {colour}; stroke-width: 2.5; }}\n"
    for state, colour in _COLOURS.items()
)
_STYLE += ".down .path { stroke-dasharray: 2 7; } .degraded .path { stroke-dasharray: 12 6; }\n"


def to_svg(topology: Topology, states: Mapping[str, str] | None = None) -> str:
    """The picture as an SVG document. `states` is by name of cell, node or link (see `State`)."""
    shown = drawn.read(topology, states)
    homes = drawn.homes(topology)
    links = drawn.wan_links(topology)
    bundles: dict[tuple[str, str], list[Link]] = defaultdict(list)
    for link in links:
        bundles[homes[link.a.node], homes[link.b.node]].append(link)
    rects = _rects(topology, list(bundles), max((len(link.name) for link in links), default=0))
    left = min(rect.centre.x - rect.size.width / 2 for rect in rects.values()) - _MARGIN
    top = min(rect.centre.y - rect.size.height / 2 for rect in rects.values()) - _MARGIN - _HEADER
    right = max(rect.centre.x + rect.size.width / 2 for rect in rects.values()) + _MARGIN
    bottom = max(rect.centre.y + rect.size.height / 2 for rect in rects.values()) + _MARGIN
    bulge = max((len(bundle) for bundle in bundles.values()), default=1) * 8.0
    top, bottom, right = top - bulge, bottom + bulge, max(right, left + 420)
    width, height = right - left, bottom - top
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}"',
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(_heading(topology))}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" x="{left:.0f}" y="{top:.0f}" width="100%" height="100%"/>',
        f'<text class="heading" x="{left + _MARGIN:.0f}" y="{top + 38:.0f}">{escape(topology.name)}</text>',
        f'<text class="sub" x="{left + _MARGIN:.0f}" y="{top + 58:.0f}">{escape(_heading(topology))}</text>',
        *_legend(shown, Point(right - _MARGIN, top + 36)),
        *_paths(bundles, rects, shown),
        *(_cell(cell, rects[cell.name], shown) for cell in topology.cells),
        *(_router(router, rects[router.name], shown) for router in topology.routers),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _heading(topology: Topology) -> str:
    def count(number: int, what: str) -> str:
        return f"{number} {what}{'' if number == 1 else 's'}"

    parts = [count(len(topology.cells), "cell"), count(len(drawn.wan_links(topology)), "WAN path")]
    if topology.routers:
        parts.append(count(len(topology.routers), "provider router"))
    return ", ".join(parts)


def _legend(shown: Mapping[str, State], corner: Point) -> Iterator[str]:
    x = corner.x
    for state in reversed([state for state in State if state in shown.values()]):
        x -= 112
        yield (
            f'<g class="{state}"><path class="path" d="M{x:.0f} {corner.y - 4:.0f}h24"/>'
            f'<text class="sub" x="{x + 32:.0f}" y="{corner.y:.0f}">{state}</text></g>'
        )


def _rects(topology: Topology, edges: list[tuple[str, str]], longest: int) -> dict[str, Rect]:
    sizes = {cell.name: Size(_BOX_WIDTH, _height(cell)) for cell in topology.cells}
    sizes |= {router.name: _ROUTER_BOX for router in topology.routers}
    largest = Size(_BOX_WIDTH, max(size.height for size in sizes.values()))
    places = layout.place(
        [cell.name for cell in topology.cells],
        [router.name for router in topology.routers],
        edges,
        largest,
        Size(longest * _LETTER + 70, 120.0),
    )
    return {name: Rect(places[name], size) for name, size in sizes.items()}


def _paths(
    bundles: Mapping[tuple[str, str], list[Link]], rects: Mapping[str, Rect], shown: Mapping[str, State]
) -> Iterator[str]:
    """The curves first and the names after them, so that no curve runs through a name."""
    links = [link for bundle in bundles.values() for link in bundle]
    curves = [
        curve
        for (a, b), bundle in bundles.items()
        for curve in _curves(rects[a].centre, rects[b].centre, len(bundle))
    ]
    for link, curve in zip(links, curves, strict=True):
        yield (
            f'<g class="wan {shown.get(link.name, "")}" data-name={quoteattr(link.name)}>'
            f"<title>{escape(_tooltip(link))}</title>"
            f'<path class="path" d="M{curve.start.x:.1f} {curve.start.y:.1f}Q{curve.bend.x:.1f} '
            f'{curve.bend.y:.1f} {curve.end.x:.1f} {curve.end.y:.1f}"/></g>'
        )
    if len(links) <= _MOST_LABELS:
        sizes = [Size(len(link.name) * _LETTER + 10, 17.0) for link in links]
        for link, plate in zip(links, labels.place(curves, sizes, rects.values()), strict=True):
            yield _label(link.name, shown.get(link.name, ""), plate)


def _tooltip(link: Link) -> str:
    ends = (
        f"{port.node} {port.name} {' '.join(str(address) for address in port.addresses)}"
        for port in (link.a, link.b)
    )
    return f"{link.name}: {' - '.join(ends)}"


def _curves(a: Point, b: Point, count: int) -> Iterator[Curve]:
    """Parallel paths: side by side, bent away from each other."""
    length = math.hypot(b.x - a.x, b.y - a.y) or 1.0
    across_x, across_y = -(b.y - a.y) / length, (b.x - a.x) / length
    for position in range(count):
        offset = position - (count - 1) / 2
        near, far = offset * min(16.0, 90.0 / count), offset * 56.0
        yield Curve(
            a.shifted(across_x * near, across_y * near),
            a.towards(b, 0.5).shifted(across_x * far, across_y * far),
            b.shifted(across_x * near, across_y * near),
        )


def _label(name: str, state: str, plate: Rect) -> str:
    x, y = plate.centre.x, plate.centre.y
    return (
        f'<g class="{state}"><rect class="plate" x="{x - plate.size.width / 2:.1f}" '
        f'y="{y - plate.size.height / 2:.1f}" width="{plate.size.width:.1f}" height="{plate.size.height}" '
        f'rx="4"/><text class="label" x="{x:.1f}" y="{y + 4:.1f}">{escape(name)}</text></g>'
    )


def _chips(cell: Cell) -> list[list[tuple[str, str]]]:
    """The nodes of a cell as rows of (kind, name): what runs the cell, then its hosts."""
    running = [("gateway", gateway.name) for gateway in cell.gateways]
    running += [("controller", gateway.controller_node) for gateway in cell.gateways]
    if cell.manager_node is not None:
        running.append(("manager", cell.manager_node))
    plain = (host.name for host in cell.hosts if host.role is None)
    hosts = [("host", name) for name in drawn.shorten(plain, _MOST_HOSTS)]
    hosts += [(host.role.value, host.name) for host in cell.hosts if host.role is not None]
    return [
        nodes[first : first + _CHIPS_IN_ROW]
        for nodes in (running, hosts)
        for first in range(0, len(nodes), _CHIPS_IN_ROW)
    ]


def _height(cell: Cell) -> float:
    return 34 + 10 + 18.0 * len(cell.prefixes) + 6 + (_CHIP.height + 8) * len(_chips(cell)) + 4


def _cell(cell: Cell, rect: Rect, shown: Mapping[str, State]) -> str:
    width, height = rect.size.width, rect.size.height
    x, y = rect.centre.x - width / 2, rect.centre.y - height / 2
    parts = [
        f'<g class="cell {cell.kind} {shown.get(cell.name, "")}" data-name={quoteattr(cell.name)}',
        f'transform="translate({x:.1f} {y:.1f})">',
        f"<title>{escape(f'{cell.name}: {drawn.title(cell)}, {cell.uuid}')}</title>",
        f'<rect class="body" width="{width}" height="{height}" rx="8"/>',
        f'<path class="head" d="M0 34V8a8 8 0 0 1 8-8H{width - 8}a8 8 0 0 1 8 8V34z"/>',
        f'<text class="name" x="12" y="22">{escape(cell.name)}</text>',
        f'<text class="asn" x="{width - 12}" y="22" text-anchor="end">AS {cell.asn}</text>',
    ]
    y = 34.0 + 10
    for prefix in cell.prefixes:
        y += 18
        parts.append(f'<text class="prefix" x="12" y="{y - 4:.0f}">{prefix}</text>')
    y += 6
    for row in _chips(cell):
        for column, (kind, name) in enumerate(row):
            parts.append(_chip(kind, name, cell.name, 12 + column * (_CHIP.width + 8), y, shown))
        y += _CHIP.height + 8
    return "\n".join([*parts, "</g>"])


def _chip(kind: str, name: str, cell: str, x: float, y: float, shown: Mapping[str, State]) -> str:
    short = name.removeprefix(f"{cell}-")
    return (
        f'<g class="chip {kind} {shown.get(name, "")}" data-name={quoteattr(name)}>'
        f"<title>{escape(f'{kind} {name}')}</title>"
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{_CHIP.width:.0f}" height="{_CHIP.height:.0f}" rx="10"/>'
        f'<text x="{x + _CHIP.width / 2:.0f}" y="{y + 14:.0f}">{escape(short)}</text></g>'
    )


def _router(router: Router, rect: Rect, shown: Mapping[str, State]) -> str:
    width, height = rect.size.width, rect.size.height
    x, y = rect.centre.x - width / 2, rect.centre.y - height / 2
    return (
        f'<g class="router {shown.get(router.name, "")}" data-name={quoteattr(router.name)}>'
        f"<title>{escape(f'router {router.name}, {router.daemon}')}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width}" height="{height}" rx="27"/>'
        f'<text class="name" x="{rect.centre.x:.1f}" y="{rect.centre.y - 2:.1f}" text-anchor="middle">'
        f"{escape(router.name)}</text>"
        f'<text class="sub" x="{rect.centre.x:.1f}" y="{rect.centre.y + 15:.1f}" text-anchor="middle">'
        f"{router.daemon}, AS {router.asn}</text></g>"
    )
