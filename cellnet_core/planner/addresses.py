"""Addresses and prefixes from text, each parsed once.

Intent and routes carry text; comparing it needs numbers. The caches make looking at 10,000 known prefixes
again cheap. Must not know what an address is used for.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from cellnet_core.drivers.contract import Family

CACHE = 1 << 16


@lru_cache(maxsize=CACHE)
def network(text: str) -> IPv4Network | IPv6Network | None:
    """The prefix, or None for text that is none (host bits set included)."""
    try:
        return ip_network(text)
    except ValueError:
        return None


@lru_cache(maxsize=CACHE)
def address(text: str) -> IPv4Address | IPv6Address | None:
    """The address, or None for text that is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def family(text: str) -> Family:
    """Family of an address or prefix; only IPv6 text has colons."""
    return "ipv6" if ":" in text else "ipv4"


@lru_cache(maxsize=CACHE)
def inside(prefix: str, of: tuple[str, ...]) -> bool:
    """Whether the prefix is one of the others or a part of one."""
    inner = network(prefix)
    if inner is None:
        return False
    for text in of:
        outer = network(text)
        if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network) and inner.subnet_of(outer):
            return True
        if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer):
            return True
    return False


@lru_cache(maxsize=CACHE)
def overlaps(prefix: str, others: tuple[str, ...]) -> bool:
    """Whether the prefix shares an address with one of the others."""
    mine = network(prefix)
    return mine is not None and any(
        other.version == mine.version and mine.overlaps(other) for text in others if (other := network(text))
    )


@lru_cache(maxsize=CACHE)
def contains(prefixes: tuple[str, ...], text: str) -> bool:
    """Whether the address is inside one of the prefixes."""
    wanted = address(text)
    return wanted is not None and any(wanted in net for prefix in prefixes if (net := network(prefix)))


def same(a: str, b: str) -> bool:
    """Whether two texts are the same address ("fd::0:1" and "fd::1" are)."""
    return a == b or (address(a) is not None and address(a) == address(b))


@lru_cache(maxsize=CACHE)
def is_link_local(text: str) -> bool:
    """Whether the address is an IPv6 one that means something on one link only (RFC 4291 section 2.5.6)."""
    value = address(text)
    return isinstance(value, IPv6Address) and value.is_link_local


def of_family(addresses: tuple[str, ...], wanted: Family) -> str | None:
    """The first address of that family."""
    return next((text for text in addresses if family(text) == wanted), None)
