"""The kernel's part: a BPF program that drops every sound packet before any program is woken. Pure.

At a WAN port, of what comes in there: packets to a cell's prefix that is not this cell's; packets to this
cell with a TTL that only a loop makes; and of sound probe packets one of 256. See bpf in `linux/filter.h`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from simulator.captures.bpf import Instruction, Program

Network = IPv4Network | IPv6Network

_LDB, _LDH, _LDW, _AND, _JA, _JEQ, _JGE, _RET = 48, 40, 32, 84, 5, 21, 53, 6
_LDX_IHL, _LDB_X, _LDH_X = 177, 80, 72
_PACKET_TYPE = 0xFFFFF004
"""SKF_AD_OFF + SKF_AD_PKTTYPE."""
_OUTGOING = 4
_ALL, _NONE = (_RET, 0, 0, 192), (_RET, 0, 0, 0)
_ETHERNET, _UDP = 14, 17
_SEQUENCE = 15
"""Where the lowest byte of a probe packet's number is in it (`simulator.probes.packets`)."""


def space(prefixes: Iterable[str]) -> tuple[str, ...]:
    """All prefixes, joined where they can be: the program has a few instructions for each."""
    networks = [ip_network(prefix) for prefix in prefixes]
    four = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    return (*map(str, four), *map(str, six))


def program(everything: Sequence[str], own: Sequence[str], ttl: int, ports: tuple[int, int]) -> Program:
    """Lets through what is wrong at a port of the cell with the prefixes `own`, and the samples."""
    four = _family(everything, own, 4, _judge4(ttl, ports))
    six = _family(everything, own, 6, _judge6(ttl, ports))
    return (
        (_LDW, 0, 0, _PACKET_TYPE),
        (_JEQ, 0, 1, _OUTGOING),
        _NONE,
        (_LDH, 0, 0, 12),
        # IPv6 lies behind IPv4, and a conditional jump reaches 255 instructions only.
        (_JEQ, 0, 1, 0x86DD),
        (_JA, 0, 0, 2 + len(four)),
        (_JEQ, 1, 0, 0x0800),
        _NONE,
        *four,
        *six,
    )


def _family(
    everything: Sequence[str], own: Sequence[str], version: int, judge: Sequence[Instruction]
) -> list[Instruction]:
    """To an own prefix: `judge`. Else to one of `everything`: let through. Else not."""
    out: list[Instruction] = []
    theirs = _tests([ip_network(one) for one in everything], version, [_ALL])
    # Each own prefix is judged at once, behind its test: no jump has to cross the others.
    for prefix in own:
        out += _tests([ip_network(prefix)], version, judge)
    return [*out, *theirs, _NONE]


def _tests(networks: Sequence[Network], version: int, then: Sequence[Instruction]) -> list[Instruction]:
    """For each network: if the destination is in it, `then`, which ends in a return."""
    at = _ETHERNET + (16 if version == 4 else 24)
    out: list[Instruction] = []
    for network in networks:
        if network.version != version:
            continue
        words = _words(network)
        left = 3 * len(words)
        for number, (value, mask) in enumerate(words):
            left -= 3
            out += [(_LDW, 0, 0, at + 4 * number), (_AND, 0, 0, mask), (_JEQ, 0, left + len(then), value)]
        out += then
    return out


def _words(network: Network) -> list[tuple[int, int]]:
    """(value, mask) of the 32-bit words that the network's length reaches."""
    size = network.max_prefixlen
    value, mask = int(network.network_address), int(network.netmask)
    shifts = range(size - 32, -1, -32)
    found = [((value >> shift) & 0xFFFFFFFF, (mask >> shift) & 0xFFFFFFFF) for shift in shifts]
    return [one for one in found if one[1]]


def _judge4(ttl: int, ports: tuple[int, int]) -> list[Instruction]:
    return [
        (_LDB, 0, 0, _ETHERNET + 8),
        (_JGE, 1, 0, ttl),
        _ALL,
        (_LDB, 0, 0, _ETHERNET + 9),
        (_JEQ, 1, 0, _UDP),
        _NONE,
        (_LDX_IHL, 0, 0, _ETHERNET),
        (_LDH_X, 0, 0, _ETHERNET + 2),
        *_sampled(ports, (_LDB_X, 0, 0, _ETHERNET + 8 + _SEQUENCE)),
    ]


def _judge6(ttl: int, ports: tuple[int, int]) -> list[Instruction]:
    header = _ETHERNET + 40
    return [
        (_LDB, 0, 0, _ETHERNET + 7),
        (_JGE, 1, 0, ttl),
        _ALL,
        (_LDB, 0, 0, _ETHERNET + 6),
        (_JEQ, 1, 0, _UDP),
        _NONE,
        (_LDH, 0, 0, header + 2),
        *_sampled(ports, (_LDB, 0, 0, header + 8 + _SEQUENCE)),
    ]


def _sampled(ports: tuple[int, int], number: Instruction) -> list[Instruction]:
    """Of probe packets those whose number ends in a zero byte."""
    low, high = ports
    return [
        (_JGE, 0, 4, low),
        (_JGE, 3, 0, high + 1),
        number,
        (_JEQ, 0, 1, 0),
        _ALL,
        _NONE,
    ]
