"""Helpers for assertions on packets: true for whole packets, false for one bit that is wrong."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from simulator.captures import checking

V4, V6 = IP(src="10.0.1.21", dst="10.0.2.21", ttl=63), IPv6(src="fdce::1", dst="fdce::2", hlim=62)


@pytest.mark.parametrize(
    "made",
    [
        Ether() / V4 / ICMP() / b"ping",
        Ether() / V4 / UDP(sport=1, dport=2) / b"probe",
        Ether() / V4 / TCP(sport=1, dport=2) / b"bytes",
        Ether() / V6 / UDP(sport=1, dport=2) / b"probe",
        Ether() / V6 / ICMPv6EchoRequest(data=b"ping"),
    ],
    ids=["icmp", "udp4", "tcp4", "udp6", "icmp6"],
)
def test_a_checksum_holds_until_a_bit_is_wrong(made: Packet) -> None:
    whole = bytes(made)
    assert checking.checksum_holds(Ether(whole))
    assert not checking.checksum_holds(Ether(whole[:-1] + bytes([whole[-1] ^ 1])))


def test_hops_are_read_of_both_families() -> None:
    assert (checking.ttl(Ether() / V4), checking.ttl(Ether() / V6)) == (63, 62)
    with pytest.raises(ValueError, match="no IP packet"):
        checking.ttl(Ether() / ARP())


def test_packets_by_direction_and_place() -> None:
    packets = []
    for place, direction in (("a:wan1", 2), ("b:wan1", 1), ("a:wan1", 2)):
        packet = Ether() / V4
        packet.sniffed_on, packet.direction = place, direction
        packets.append(packet)
    assert checking.leaves(packets) == [packets[0], packets[2]]
    assert checking.arrives(packets) == [packets[1]]
    assert {place: len(found) for place, found in checking.by_interface(packets).items()} == {
        "a:wan1": 2,
        "b:wan1": 1,
    }
