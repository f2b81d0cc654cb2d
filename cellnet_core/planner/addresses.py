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


class Prefixes:
    """Many prefixes, asked again and again whether one of them covers another prefix.

    A question costs as many looks as there are different lengths among them, not as there are prefixes.
    """

    __slots__ = ("_known",)

    def __init__(self, texts: tuple[str, ...]) -> None:
        known: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for text in texts:
            net = network(text)
            if net is not None:
                starts = known[net.version].setdefault(net.prefixlen, set())
                starts.add(int(net.network_address))
        self._known = known

    def cover(self, text: str) -> bool:
        """Whether the prefix is one of these or a part of one."""
        inner = network(text)
        if inner is None:
            return False
        start, bits = int(inner.network_address), inner.max_prefixlen
        return any(
            start >> (bits - length) << (bits - length) in starts
            for length, starts in self._known[inner.version].items()
            if length <= inner.prefixlen
        )


@lru_cache(maxsize=1024)
def prefixes(texts: tuple[str, ...]) -> Prefixes:
    """The same for the same texts: asking with thousands of them means hashing all of them, so ask once."""
    return Prefixes(texts)


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
