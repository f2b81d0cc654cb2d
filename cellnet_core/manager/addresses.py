"""Addresses and prefixes as people write them: checked, made canonical. Pure; ValueError has the remedy."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The command line reads addresses too, and is not to load what the store is made of.
    from cellnet_core.store.records import Family

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
UNROUTABLE = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this host (RFC 1122)
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/127",  # nobody, and this host
        "::ffff:0:0/96",  # IPv4 in another form: there it is compared with no IPv4 prefix
        "fe80::/10",
        "ff00::/8",
    )
)
"""What no cell can have for itself, nor any part of it (RFC 6890)."""
LINK_LOCAL = ip_network("fe80::/10")
REMEMBERED = 1 << 15
"""Texts that were read last. A port's address is read again with each object that names it, and to read one
costs more than all that is done with it."""


def family(text: str) -> Family:
    """The family of a canonical address, interface or prefix."""
    return "ipv6" if ":" in text else "ipv4"


def plain(text: str) -> str:
    """The address without its prefix length."""
    return text.partition("/")[0]


@lru_cache(maxsize=REMEMBERED)
def network(prefix: str) -> IPv4Network | IPv6Network:
    """A canonical prefix as a value."""
    return ip_network(prefix)


@lru_cache(maxsize=REMEMBERED)
def number(text: str) -> tuple[int, int, int]:
    """A canonical address or prefix as a number, how many bits that has, and how many of them are the prefix.

    To have such a value made by `ipaddress` costs ten times as much.
    """
    address, _, length = text.partition("/")
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    bits = 8 * len(packed)
    return int.from_bytes(packed), bits, int(length) if length else bits


@lru_cache(maxsize=REMEMBERED)
def parse_prefix(text: str) -> str:
    """A prefix in canonical form. Raises ValueError."""
    if "/" not in text:
        raise ValueError(f"{text!r} has no prefix length; write it like 10.0.1.0/24 or fdce:11:0:1::/64")
    try:
        found = None if "%" in text else ip_network(text, strict=False)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{text!r} is no IPv4 or IPv6 prefix; write it like 10.0.1.0/24 or fdce:11:0:1::/64")
    if found.network_address != ip_interface(text).ip:
        raise ValueError(f"{text!r} has host bits set; write {found}")
    special = next((each for each in UNROUTABLE if each.overlaps(found)), None)
    if special is not None:
        raise ValueError(
            f"{text!r} cannot be routed between cells, as {special} cannot; name unicast prefixes of the cell"
        )
    return str(found)


@lru_cache(maxsize=REMEMBERED)
def parse_interface(text: str) -> str:
    """An address of a port, with its prefix length. Raises ValueError."""
    try:
        value = None if "%" in text else ip_interface(text)
    except ValueError:
        value = None
    if value is None or "/" not in text:
        raise ValueError(
            f"{text!r} is no address with prefix length; write it like 172.16.0.1/30 or fdce:11:ffff:1::1/64"
        )
    _refuse_special(value.ip, text)
    return str(value)


@lru_cache(maxsize=REMEMBERED)
def parse_address(text: str) -> str:
    """An address without prefix length. Raises ValueError."""
    try:
        value = None if "%" in text else ip_address(text)
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"{text!r} is no IPv4 or IPv6 address; write it like 10.0.1.11 or fdce:11:0:1::11")
    _refuse_special(value, text)
    return str(value)


def one_per_family(values: Sequence[str], what: str) -> tuple[str, ...]:
    """The values with IPv4 first. Raises ValueError when a family is named twice."""
    for wanted in FAMILIES:
        same = [value for value in values if family(value) == wanted]
        if len(same) > 1:
            raise ValueError(
                f"{what} has {len(same)} {wanted} addresses ({', '.join(same)}); keep one per family"
            )
    return tuple(sorted(values, key=lambda value: FAMILIES.index(family(value))))


def first_overlap(prefixes: Iterable[str]) -> tuple[str, str] | None:
    """Two prefixes of the list that overlap, or None. Costs a sort: in order of their first addresses,
    the wider first, each can only overlap the widest so far."""
    networks = [
        (each.version, int(each[0]), each.prefixlen, each, text)
        for text in prefixes
        for each in (network(text),)
    ]
    networks.sort(key=lambda entry: entry[:3])
    for (*_, before, one), (*_, after, other) in pairwise(networks):
        if before.version == after.version and int(before[-1]) >= int(after[0]):
            return one, other
    return None


def overlaps(one: str, other: str) -> bool:
    """Whether two canonical prefixes have an address in common."""
    first, bits, length = number(one)
    second, other_bits, other_length = number(other)
    return bits == other_bits and (first ^ second) >> (bits - min(length, other_length)) == 0


def share_subnet(one: str, other: str) -> bool:
    """Whether two canonical addresses with their prefix lengths are two hosts of one subnet."""
    first, bits, length = number(one)
    second, other_bits, other_length = number(other)
    return (
        (bits, length) == (other_bits, other_length)
        and (first ^ second) >> (bits - length) == 0
        and first != second
    )


def contains(prefix: str, address: str) -> bool:
    """Whether the address (plain) lies in the prefix."""
    return family(prefix) == family(address) and ip_address(address) in network(prefix)


def _refuse_special(value: IPv4Address | IPv6Address, text: str) -> None:
    if any(value in special for special in UNROUTABLE if special != LINK_LOCAL):
        raise ValueError(f"{text!r} is not an address that another cell can reach; name a unicast address")
