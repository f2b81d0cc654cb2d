"""The values of this package: neighbours and routes, in the words of RFC 4271.

Values only; addresses and prefixes are text in the form `ipaddress` prints, so that equal things are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Literal

Family = Literal["ipv4", "ipv6"]
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
CACHE = 1 << 17
"""Texts that are remembered with what they mean."""

# Names that ExaBGP prints instead of the two numbers (RFC 1997, 3765, 7999).
WELL_KNOWN_COMMUNITIES = {
    "no-export": "65535:65281",
    "no-advertise": "65535:65282",
    "no-export-subconfed": "65535:65283",
    "no-peer": "65535:65284",
    "blackhole": "65535:666",
}


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """Whom an event is about: the two ends of the TCP session, plain addresses."""

    local: str
    remote: str


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A neighbour in ExaBGP's configuration. Times in seconds.

    `name` is for people and survives a read-back; `graceful_restart_time` 0 switches graceful restart off.
    `interface` is carried along for the reader; the session's socket is bound to it only where the addresses
    are link-local, because a socket bound to a device dies with the device, and the addresses of a link pin
    the session to it anyway.
    """

    name: str
    local_address: str
    peer_address: str
    local_as: int
    peer_as: int
    router_id: str
    passive: bool
    families: tuple[Family, ...]
    hold_time: int = 9
    graceful_restart_time: int = 30
    interface: str | None = None
    password: str | None = field(default=None, repr=False)
    """Signs every segment (RFC 2385). A secret: it stands in the configuration file and nowhere else."""

    @property
    def peer(self) -> Peer:
        """The key under which ExaBGP's events name this neighbour."""
        return Peer(self.local_address, self.peer_address)


@dataclass(frozen=True, slots=True)
class Route:
    """A path to a prefix, with the attributes that take part in selection.

    `as_path` lists the numbers as they stand; `as_path_length` counts as RFC 4271 section 9.1.2.2 a) does
    (a set is one). None stands for an attribute that the UPDATE did not carry.
    """

    family: Family
    prefix: str
    next_hop: str
    as_path: tuple[int, ...] = ()
    as_path_length: int = 0
    origin: str = "igp"
    med: int | None = None
    local_preference: int | None = None
    communities: tuple[str, ...] = ()


# Tables are read back again and again with the same prefixes in them.
@lru_cache(maxsize=CACHE)
def family_of(prefix_or_address: str) -> Family:
    """The family a prefix or address belongs to. Raises ValueError for text that is neither."""
    return "ipv6" if ip_network(prefix_or_address, strict=False).version == 6 else "ipv4"


@lru_cache(maxsize=CACHE)
def canonical_prefix(text: str) -> str:
    """The one spelling of a prefix. Raises ValueError when it is none or has host bits set."""
    return str(ip_network(text))


@lru_cache(maxsize=CACHE)
def received_prefix(text: str) -> str:
    """The one spelling of a prefix that a peer sent, without the bits behind its length.

    "The value of trailing bits is irrelevant" (RFC 4271 section 4.3), and ExaBGP shows them as they came.
    Raises ValueError when it is none.
    """
    return str(ip_network(text, strict=False))


@lru_cache(maxsize=CACHE)
def canonical_address(text: str) -> str:
    """The one spelling of an address. Raises ValueError when it is none."""
    return str(ip_address(text))


def canonical_communities(communities: tuple[str, ...]) -> tuple[str, ...]:
    """Sorted by number, names replaced, doubles removed: RFC 1997 communities are a set.

    Raises ValueError for text that is not a community.
    """

    def number(text: str) -> tuple[int, int]:
        high, separator, low = WELL_KNOWN_COMMUNITIES.get(text, text).partition(":")
        if not (
            separator and high.isdecimal() and low.isdecimal() and int(high) < 65536 and int(low) < 65536
        ):
            raise ValueError(f"{text!r} is not a community: two numbers below 65536 with a colon between")
        return int(high), int(low)

    return tuple(f"{high}:{low}" for high, low in sorted({number(text) for text in communities}))
