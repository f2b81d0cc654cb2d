"""Frames that a kernel likes to answer, and what came back for them."""

from __future__ import annotations

import socket
import time

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from tests.daemon.openflow.world import PATIENCE, Node

BROADCAST = "ff:ff:ff:ff:ff:ff"
ASKER = "02:00:00:99:00:01"
_BFD_PORT = 3784
_ALL = 3  # ETH_P_ALL
_OUTGOING = 4  # PACKET_OUTGOING


def questions(mac: str, ipv4: str, ipv6: str, asker4: str, asker6: str, port: int = 40000) -> list[Packet]:
    """ARP, neighbour discovery, a BGP SYN and an echo request, to that MAC, each family."""
    to = Ether(src=ASKER, dst=mac)
    return [
        Ether(src=ASKER, dst=BROADCAST) / ARP(op=1, hwsrc=ASKER, psrc=asker4, pdst=ipv4),
        to / ARP(op=1, hwsrc=ASKER, psrc=asker4, pdst=ipv4),
        to
        / IPv6(src=asker6, dst=ipv6, hlim=255)
        / ICMPv6ND_NS(tgt=ipv6)
        / ICMPv6NDOptSrcLLAddr(lladdr=ASKER),
        to / IP(src=asker4, dst=ipv4) / TCP(sport=port, dport=179, flags="S"),
        to / IPv6(src=asker6, dst=ipv6) / TCP(sport=port, dport=179, flags="S"),
        to / IP(src=asker4, dst=ipv4) / ICMP(),
        to / IPv6(src=asker6, dst=ipv6) / ICMPv6EchoRequest(),
    ]


def answers(node: Node, port: str, frames: list[Packet], wanted: int = 0) -> list[str]:
    """What arrives on the port after the frames were sent; BFD is not an answer.

    With `wanted` it waits until so many are there, without it a moment: nothing is expected then.
    """
    end = node.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    with end:
        node.visit(lambda: end.bind((port, _ALL)))
        for frame in frames:
            end.send(bytes(frame))
        found: list[str] = []
        deadline = time.monotonic() + (PATIENCE if wanted else 0.3)
        while (left := deadline - time.monotonic()) > 0 and (not wanted or len(found) < wanted):
            end.settimeout(left)
            try:
                data, address = end.recvfrom(65535)
            except TimeoutError:
                break
            packet = Ether(data)
            if address[2] != _OUTGOING and not (UDP in packet and packet[UDP].dport == _BFD_PORT):
                found.append(packet.summary())
        return found
