"""The lookout: its sieve lets through what is wrong and nothing else, and says what that is."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from scenarios.lookout import judging, sieve
from scenarios.lookout.values import Sighting, Spec, doors, lowest_ttl
from scenarios.safety.values import LOOPLESS, OWNED, RIGHT_CELL
from simulator.probes import packets
from tests.unit.lookout.bpf_machine import run
from topologies import catalogue

TOPOLOGY = catalogue.build("main-and-subs", {"cells": 3})
PIDS = {gateway.name: 100 for cell in TOPOLOGY.cells for gateway in cell.gateways}
HOMES = {str(prefix): cell.name for cell in TOPOLOGY.cells for prefix in cell.prefixes}
SPEC = Spec("s", "j", sieve.space(HOMES), HOMES, lowest_ttl(TOPOLOGY), doors(TOPOLOGY, PIDS), ())
DOOR = next(door for door in SPEC.doors if door.cell == "sub1")
MAIN, SUB1, SUB2 = ([str(one.ip) for one in cell.hosts[0].addresses] for cell in TOPOLOGY.cells)
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def program():
    return sieve.program(SPEC.space, DOOR.own, SPEC.ttl, SPEC.ports)


def ip(source: str, destination: str, ttl: int = 63) -> Packet:
    if ":" in destination:
        return ETHER / IPv6(src=source, dst=destination, hlim=ttl)
    return ETHER / IP(src=source, dst=destination, ttl=ttl)


def probe(number: int) -> Packet:
    payload = packets.template(7, 0, 64)
    packets.BODY.pack_into(payload, packets.BODY_AT, number, 1)
    return UDP(sport=42000, dport=42000) / Raw(bytes(payload))


def passes(packet: Packet, *, outgoing: bool = False) -> bool:
    return run(program(), bytes(packet), outgoing=outgoing) > 0


@pytest.mark.parametrize("family", [0, 1])
def test_sound_packets_stop_in_the_kernel_but_for_one_of_256(family: int):
    there = [number for number in range(1, 1025) if passes(ip(MAIN[family], SUB1[family]) / probe(number))]
    assert there == [256, 512, 768, 1024]
    assert judging.packet(bytes(ip(MAIN[family], SUB1[family]) / probe(256)), DOOR, SPEC) is None


@pytest.mark.parametrize("family", [0, 1])
def test_a_packet_of_another_cell_passes_and_is_named(family: int):
    packet = ip(MAIN[family], SUB2[family]) / probe(1)
    assert passes(packet)
    wrong = judging.packet(bytes(packet), DOOR, SPEC)
    assert wrong is not None
    assert wrong.says == RIGHT_CELL
    assert f"to {SUB2[family]} of sub2 came to sub1: at sub1-gw1" in wrong.what


@pytest.mark.parametrize("family", [0, 1])
def test_a_packet_that_passed_more_routers_than_there_are_went_round(family: int):
    assert SPEC.ttl == 62  # three gateways: 64, 63 after the first, 62 after the second, then it is there
    sound, looped = ip(MAIN[family], SUB1[family], 62) / ICMP(), ip(MAIN[family], SUB1[family], 61) / ICMP()
    assert not passes(sound)
    assert passes(looped)
    wrong = judging.packet(bytes(looped), DOOR, SPEC)
    assert wrong is not None
    assert wrong.says == LOOPLESS
    assert f"packets from {MAIN[family]} to {SUB1[family]} went round" in wrong.what


def test_what_is_not_between_cells_is_left_alone():
    link = ip("172.16.0.1", "172.16.0.2", 1)
    assert not passes(link / TCP(dport=179))
    assert not passes(link / UDP(dport=3784))
    assert not passes(ETHER / ARP())
    assert not passes(ip("fe80::1", "ff02::1", 1))
    assert not passes(ip(MAIN[0], SUB1[0]) / UDP(dport=53) / Raw(b"\0" * 40)), "no probe packet"


def test_what_goes_out_is_left_to_the_door_where_it_comes_in():
    assert not passes(ip(MAIN[0], SUB2[0]), outgoing=True)


def test_a_large_topology_has_a_program_that_the_kernel_takes():
    many = catalogue.build("main-and-subs", {"cells": 200})
    homes = {str(prefix): cell.name for cell in many.cells for prefix in cell.prefixes}
    pids = {gateway.name: 1 for cell in many.cells for gateway in cell.gateways}
    door = doors(many, pids)[-1]
    built = sieve.program(sieve.space(homes), door.own, lowest_ttl(many), SPEC.ports)
    assert len(built) < 4096
    assert all(step[1] < 256 and step[2] < 256 for step in built)
    inside = many.cell(door.cell).hosts[0].addresses
    elsewhere = many.cells[77].hosts[0].addresses
    for own, other in zip(inside, elsewhere, strict=True):
        assert run(built, bytes(ip(str(other.ip), str(own.ip)) / ICMP())) == 0
        assert run(built, bytes(ip(str(own.ip), str(other.ip)) / ICMP())) > 0
    assert lowest_ttl(many) == 8


@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        (" event=ADDED table=10 cookie=0xce11000300000001 ip actions=dec_ttl,group:1", True, None),
        (" event=ADDED table=10 cookie=0xdead ip,nw_dst=192.0.2.1", True, OWNED),
        (" event=ADDED table=10 cookie=0 ip,nw_dst=192.0.2.1 actions=drop", True, OWNED),
        (" event=MODIFIED table=10 cookie=0xce11000200000001 ip actions=group:1", True, OWNED),
        (" event=ADDED table=10 cookie=0xce11000300000002 ip actions=group:1", True, OWNED),
        (" event=DELETED reason=delete table=10 cookie=0xdead ip,nw_dst=192.0.2.1", True, None),
        ("ONFST_FLOW_MONITOR reply (OF1.3) (xid=0x0):", False, None),
    ],
)  # fmt: skip
def test_flows_that_come_are_asked_for_their_owner(line: str, change: bool, says: str | None):
    is_change, wrong = judging.flow(line, "main-gw1")
    assert is_change is change
    assert (wrong.says if wrong else None) == says


def test_a_case_says_how_often_and_for_how_long():
    seen = Sighting(LOOPLESS, "packets went round", 10.0, 10.3, 299)
    assert seen.text == "packets went round (299 times within 300 ms)"
    assert Sighting(LOOPLESS, "one", 10.0, 10.0, 1).text == "one"
