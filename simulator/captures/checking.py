"""What assertions on captured packets ask again and again, of scapy packets (`Capture.packets`). Pure.

Scapy builds and takes packets apart; it neither paces nor sends any here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, _ICMPv6
from scapy.packet import Packet

from simulator.captures.pcapng import Direction


def checksum_holds(packet: Packet) -> bool:
    """Whether every checksum of the packet is what scapy computes for its content. Ethernet has none here.

    What a kernel sends itself may have none yet: it was left to hardware (see docs/captures.md).
    """
    fresh = packet.__class__(bytes(packet))
    layers = [layer for kind in (IP, ICMP, UDP, TCP) if (layer := fresh.getlayer(kind)) is not None]
    layers += [layer for layer in _layers(fresh) if isinstance(layer, _ICMPv6)]
    given = [_sum(layer) for layer in layers]
    for layer in layers:
        delattr(layer, "cksum" if isinstance(layer, _ICMPv6) else "chksum")  # built anew by scapy
    made = packet.__class__(bytes(fresh))
    kinds = [type(layer) for layer in layers]
    return given == [_sum(made.getlayer(kind)) for kind in kinds]


def _layers(packet: Packet) -> Iterable[Packet]:
    layer: Any = packet
    while layer:
        yield layer
        layer = layer.payload


def _sum(layer: Any) -> int:
    value: int = layer.cksum if isinstance(layer, _ICMPv6) else layer.chksum
    return value


def ttl(packet: Packet) -> int:
    """Time to live (IPv4) or hop limit (IPv6). Raises ValueError for a packet with neither."""
    if IP in packet:
        return int(packet[IP].ttl)
    if IPv6 in packet:
        return int(packet[IPv6].hlim)
    raise ValueError(f"no IP packet: {packet.summary()}")


def leaves(packets: Iterable[Packet]) -> list[Packet]:
    """Those seen leaving their interface."""
    return [packet for packet in packets if packet.direction == int(Direction.OUT)]


def arrives(packets: Iterable[Packet]) -> list[Packet]:
    """Those seen arriving at their interface."""
    return [packet for packet in packets if packet.direction == int(Direction.IN)]


def by_interface(packets: Iterable[Packet]) -> dict[str, list[Packet]]:
    """The packets of each "node:interface", in order."""
    found: dict[str, list[Packet]] = defaultdict(list)
    for packet in packets:
        found[str(packet.sniffed_on)].append(packet)
    return dict(found)
