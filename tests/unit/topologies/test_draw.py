"""Drawings: everything is in them, nothing overlaps, states are shown, markup is sound."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from topologies import catalogue, draw
from topologies.builder import Builder
from topologies.draw.labels import Curve, Rect, place
from topologies.draw.layout import Point, Size
from topologies.draw.layout import place as place_boxes
from topologies.errors import TopologyError

WITH_ROUTERS = (
    Builder("wan")
    .cell("main", gateways=2)
    .cell("east")
    .router("p1", asn=64512)
    .router("p2", asn=64513, daemon="frr")
    .direct("main", "p1")
    .direct("main", "p2")
    .direct("p1", "p2", paths=3)
    .direct("p2", "east")
    .build()
)


def test_states_colour_links_and_nodes() -> None:
    topology = catalogue.build("two-cells")
    picture = draw.to_svg(topology, {"main-east-1": "down", "main-gw1": "degraded"})
    assert '<g class="wan down" data-name="main-east-1">' in picture
    assert '<g class="chip gateway degraded" data-name="main-gw1">' in picture
    assert '<g class="wan " data-name="main-east-2">' in picture
    text = draw.to_text(topology, {"main-east-1": "down", "main-gw1": "degraded"})
    assert "main-east-1 (down)" in text
    assert "main-gw1 (degraded)" in text


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"main-east-9": "down"}, "there is no cell, node or link 'main-east-9' to draw"),
        ({"main-east-1": "broken"}, "use one of up, degraded, down, unknown"),
    ],
)
def test_a_state_that_cannot_be_drawn_is_refused(states: dict[str, str], message: str) -> None:
    for render in (draw.to_svg, draw.to_text):
        with pytest.raises(TopologyError, match=message):
            render(catalogue.build("two-cells"), states)


@pytest.mark.parametrize("name", catalogue.names())
def test_the_svg_is_well_formed_and_self_contained(name: str) -> None:
    picture = draw.to_svg(catalogue.build(name))
    root = ET.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.count("http") == 1, "the name space is the only address in it"
    assert "<script" not in picture


def test_routers_are_drawn() -> None:
    assert ET.fromstring(draw.to_svg(WITH_ROUTERS)) is not None
    assert 'data-name="p1"' in draw.to_svg(WITH_ROUTERS)
    text = draw.to_text(WITH_ROUTERS)
    assert "frr router, AS 64513" in text
    assert "gw2 wan1 main-p2 " in text


@pytest.mark.parametrize("inner", [2, 3, 4, 5, 6])
def test_routers_between_two_cells_are_not_in_line_with_them(inner: int) -> None:
    cells, routers = ["c0", "c1"], [f"p{n}" for n in range(inner)]
    edges = [(a, b) for a in cells for b in routers]
    places = place_boxes(cells, routers, edges, Size(232, 146), Size(100, 100))
    assert all(abs(places[router].y) > 20 for router in routers)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 30])
@pytest.mark.parametrize("inner", [0, 1, 2, 5])
def test_boxes_do_not_overlap(count: int, inner: int) -> None:
    cells, routers = [f"c{n}" for n in range(count)], [f"p{n}" for n in range(inner)]
    box = Size(240, 150)
    edges = [(a, b) for a in cells for b in routers or cells if a != b]
    places = place_boxes(cells, routers, edges, box, Size(100, 100))
    rects = [Rect(point, box) for point in places.values()]
    assert len(rects) == count + inner
    assert not any(one.overlaps(other) for one, other in combinations(rects, 2))


def test_a_star_has_its_centre_in_the_middle() -> None:
    names = ["a", "hub", "b", "c"]
    edges = [("hub", "a"), ("hub", "b"), ("hub", "c")]
    assert place_boxes(names, [], edges, Size(10, 10), Size(5, 5))["hub"] == Point(0, 0)


def test_names_of_crossing_curves_do_not_cover_each_other() -> None:
    one = Curve(Point(-200, -100), Point(0, 0), Point(200, 100))
    other = Curve(Point(-200, 100), Point(0, 0), Point(200, -100))
    size = Size(70, 17)
    first, second = place([one, other], [size, size], [])
    assert not first.overlaps(second)


def test_lines_of_a_text_do_not_run_into_boxes() -> None:
    for line in draw.to_text(catalogue.build("full-mesh", {"cells": 9})).splitlines():
        assert line[0] in "┌│└"
        assert line == line.rstrip()
