"""Which links carried a flow: what is read in a frame, what is kept, and what is made of it."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from simulator.captures import bpf
from simulator.probes.flows import FIRST_PORT, ProbeError, between
from simulator.probes.packets import BODY, BODY_AT, template
from simulator.probes.paths import Carried, Recording, Run, carried, switches
from simulator.probes.wan_ports import watched
from simulator.probes.watching import probe_packet, program
from simulator.view import LabView, NodeView
from topologies import catalogue
from topologies.model import LinkKind

RUN = 4711
LINKS = {"east-gw1:wan1": "main-east-1", "east-gw1:wan2": "main-east-2"}


def payload(flow: int = 3, sequence: int = 9, sent: int = 123456789) -> bytes:
    packet = template(RUN, flow, 64)
    BODY.pack_into(packet, BODY_AT, sequence, sent)
    return bytes(packet)


V4, V6 = IP(src="10.0.1.21", dst="10.0.2.21"), IPv6(src="fdce::1", dst="fdce::2")
INNER = Ether() / V6 / UDP(dport=FIRST_PORT) / payload()


@pytest.mark.parametrize(
    "frame",
    [
        Ether() / V4 / UDP(dport=FIRST_PORT) / payload(),
        Ether() / V6 / UDP(dport=FIRST_PORT) / payload(),
        Ether() / V4 / TCP(dport=FIRST_PORT, options=[("NOP", None), ("NOP", None)]) / payload(),
        Ether() / V6 / TCP(dport=FIRST_PORT) / payload(),
        Ether() / Dot1Q(vlan=7) / V4 / UDP(dport=FIRST_PORT) / payload(),
        Ether() / IP(options=b"\x01\x01\x01\x00") / UDP(dport=FIRST_PORT) / payload(),
        Ether() / V4 / UDP(sport=5000, dport=4789) / VXLAN(vni=7) / INNER,
    ],
    ids=["udp4", "udp6", "tcp4", "tcp6", "vlan", "ip-options", "vxlan"],
)
def test_a_probe_packet_is_found_in_whatever_carries_it(frame: Packet) -> None:
    assert probe_packet(bytes(frame), RUN) == (3, FIRST_PORT, 123456789)
    assert probe_packet(bytes(frame), RUN + 1) is None, "of another session"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff" * 20,
        bytes(Ether() / V4 / ICMP() / payload()),
        bytes(Ether() / V4 / TCP(dport=FIRST_PORT)),
        bytes(Ether() / V4 / UDP(dport=FIRST_PORT) / b"short"),
        bytes(Ether() / V4 / UDP(dport=FIRST_PORT) / bytes(64)),
    ],
    ids=["nothing", "noise", "icmp", "bare acknowledgement", "short", "a stranger's"],
)
def test_anything_else_is_none(frame: bytes) -> None:
    assert probe_packet(frame, RUN) is None


def test_the_filter_jumps_to_places_that_exist() -> None:
    made = program(42000, 42999)
    assert len(bpf.packed(made)) == 8 * len(made)
    for at, (code, true, false, _) in enumerate(made):
        if code & 7 == 5 and code != 5:  # conditional jumps
            assert at + 1 + max(true, false) < len(made)


def test_a_run_ends_when_the_flow_is_seen_elsewhere() -> None:
    recording = Recording()
    for sent in (1, 2, 3):
        recording.seen(0, "arrived", "east-gw1", "wan1", sent)
    recording.seen(1, "arrived", "east-gw1", "wan2", 3)
    recording.seen(0, "left", "main-gw1", "wan2", 3)
    recording.seen(0, "arrived", "east-gw1", "wan2", 9)
    assert recording.runs == [Run(0, "arrived", "east-gw1", "wan1", 1, 3, 3)]
    assert len(recording.all()) == 4


def test_a_flow_that_moves_for_ever_takes_no_memory_for_ever() -> None:
    recording = Recording(most=5)
    for number in range(100):
        recording.seen(0, "arrived", "east-gw1", f"wan{number % 2 + 1}", number)
    assert (len(recording.runs), recording.left_out) == (5, 94)


def test_the_switch_is_when_the_first_packet_by_the_new_link_was_sent() -> None:
    runs = [
        Run(0, "arrived", "east-gw1", "wan1", 1_000_000_000, 2_000_000_000, 1000),
        Run(0, "arrived", "east-gw1", "wan2", 2_030_000_000, 3_000_000_000, 970),
        Run(1, "arrived", "east-gw1", "wan1", 1_000_000_000, 3_000_000_000, 2000),
    ]
    path = carried(runs, 0, LINKS, (0.0, 10.0))
    assert [(one.link, one.first_s, one.last_s) for one in path] == [
        ("main-east-1", 1.0, 2.0),
        ("main-east-2", 2.03, 3.0),
    ]
    (moved,) = switches(path)
    assert (moved.at_s, moved.before, moved.after) == (2.03, "main-east-1", "main-east-2")
    assert moved.gap_ms == pytest.approx(30)
    assert switches(path, "left") == ()
    assert [one.link for one in carried(runs, 0, LINKS, (2.5, 10.0))] == ["main-east-2"]


def test_a_flow_that_came_back_by_the_same_link_did_not_move() -> None:
    path = [Carried("arrived", "main-east-1", "east-gw1", at, at + 1, 5) for at in (1.0, 5.0)]
    assert switches(path) == ()


def view_of(name: str) -> LabView:
    topology = catalogue.build(name, {})
    gateways = [gateway.name for cell in topology.cells for gateway in cell.gateways]
    nodes = tuple(NodeView(gateway, 100 + number, ()) for number, gateway in enumerate(gateways))
    return LabView("lab", 1, "", topology, nodes, topology.links, (), (), ())


@pytest.mark.parametrize("name", ["two-cells", "provider"])
def test_every_wan_port_of_a_gateway_is_looked_at_and_no_others(name: str) -> None:
    view = view_of(name)
    a, b = (cell.name for cell in view.topology.cells[:2])
    flows = between(view.topology, a, b)
    watch, crossing, ports = watched(view, flows)
    gateways = {gateway.name for cell in view.topology.cells for gateway in cell.gateways}
    ends = [
        end
        for link in view.links
        if link.kind is LinkKind.WAN
        for end in (link.a, link.b)
        if end.node in gateways
    ]
    assert sorted(watch.links) == sorted(f"{end.node}:{end.name}" for end in ends)
    assert {port.node for port in ports} <= gateways
    assert (crossing[0].left, crossing[0].arrived) == ((f"{a}-gw1",), (f"{b}-gw1",))


def test_a_lab_without_gateways_has_no_paths() -> None:
    view = view_of("two-cells")
    bare = LabView("lab", 1, "", view.topology, (), (), (), (), ())
    with pytest.raises(ProbeError, match="this lab has none"):
        watched(bare, ())
