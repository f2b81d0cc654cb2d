"""Filters are what libpcap would make of them; words become the right interfaces, wrong words a remedy."""

from __future__ import annotations

import ctypes.util
import uuid

import pytest

from simulator import stack
from simulator.captures import bpf, points
from simulator.captures.errors import CaptureError
from simulator.view import LabView, NodeView
from topologies import catalogue

needs_libpcap = pytest.mark.skipif(
    ctypes.util.find_library("pcap") is None, reason="libpcap is not installed"
)


@needs_libpcap
@pytest.mark.parametrize("port", [179, 6653])
def test_the_port_filter_is_libpcaps(port: int) -> None:
    assert bpf.tcp_port(port) == bpf.compiled(f"tcp port {port}")


@needs_libpcap
@pytest.mark.parametrize("expression", ["foo((", "tcp port 99999", "not a filter at all", "\0"])
def test_a_wrong_expression_is_refused_with_its_words(expression: str) -> None:
    with pytest.raises(CaptureError, match="pcap-filter") as caught:
        bpf.compiled(expression)
    assert caught.value.exit_code == 2


@pytest.fixture
def view() -> LabView:
    topology = catalogue.build("two-cells", {})
    names = (*stack.node_names(topology), "mgmt")
    nodes = tuple(NodeView(name, 100 + number, ()) for number, name in enumerate(names))
    return LabView("lab", 1, f"/run/{uuid.uuid4()}", topology, nodes, topology.links, (), (), ())


def seen(chosen: tuple[points.Point, ...]) -> list[tuple[str, str, str]]:
    return [(point.node, point.device, point.filter) for point in chosen]


def test_a_link_is_seen_at_both_ends(view: LabView) -> None:
    chosen = points.select(view, ["main-east-1"])
    assert seen(chosen) == [("main-gw1", "wan1", ""), ("east-gw1", "wan1", "")]
    assert [point.about for point in chosen] == ["link main-east-1, end a", "link main-east-1, end b"]
    assert chosen[0].pid == view.node("main-gw1").pid
    assert chosen[0].program == ()
    assert seen(points.select(view, ["main-east-1"], "east-gw1")) == [("east-gw1", "wan1", "")]
    assert [point.node for point in points.select(view, ["mgmt-main-gw1"])] == ["main-gw1", "mgmt"]


def test_bgp_is_seen_where_the_kernel_speaks_it(view: LabView) -> None:
    chosen = points.select(view, ["bgp"], "main-gw1")
    assert seen(chosen) == [("main-gw1", "ip-wan1", "tcp port 179"), ("main-gw1", "ip-wan2", "tcp port 179")]
    assert chosen[0].program == bpf.tcp_port(179)
    assert len(points.select(view, ["bgp"])) == 4


def test_openflow_is_seen_at_the_gateways(view: LabView) -> None:
    assert seen(points.select(view, ["openflow"])) == [
        ("east-gw1", "ctl0", "tcp port 6653"),
        ("main-gw1", "ctl0", "tcp port 6653"),
    ]


def test_words_add_up_and_an_interface_comes_once(view: LabView) -> None:
    both = points.select(view, ["bgp", "openflow", "bgp"])
    assert len(both) == 6


@needs_libpcap
def test_an_expression_narrows_a_channel(view: LabView) -> None:
    [point] = points.select(view, ["openflow"], "main-gw1", "tcp[tcpflags] & tcp-syn != 0")
    assert point.filter == "(tcp port 6653) and (tcp[tcpflags] & tcp-syn != 0)"
    assert point.program == bpf.compiled(point.filter)


@pytest.mark.parametrize(
    ("what", "node", "says"),
    [
        (["main-est-1"], None, "did you mean 'main-east-1'?"),
        (["bpg"], None, "did you mean 'bgp'?"),
        (["bgp"], "main-h1", "it can on: east-gw1, main-gw1"),
        (["main-east-1"], "main-gw", "did you mean 'main-gw1'?"),
        ([], None, "capture what?"),
        ([""], None, "there is no link ''"),
    ],
)
def test_wrong_words_have_a_remedy(view: LabView, what: list[str], node: str | None, says: str) -> None:
    with pytest.raises(CaptureError, match=r".") as caught:
        points.select(view, what, node)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2
