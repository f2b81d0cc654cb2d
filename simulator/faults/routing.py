"""Faults of BGP: frozen values, each named by what the other speakers hear. Without any way to act.

`cell` is the one that does it, from its own gateways. `links` are WAN links by name; a session has the name
of its path. Prefixes are text as `ipaddress` prints it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

FLOOD = 100_000
"""Prefixes of a flood unless it says otherwise."""


class Sort(StrEnum):
    """What is wrong with a malformed UPDATE (RFC 4271 section 6, RFC 7606), or, last, merely wrong in it."""

    MARKER = "marker"
    """The header's marker is not all ones."""
    LENGTH = "length"
    """The header says 18 bytes, less than a header has."""
    ATTRIBUTE_LENGTH = "attribute-length"
    """The path attributes are longer than the message."""
    UNKNOWN_WELL_KNOWN = "unknown-well-known"
    """A well-known attribute of a type that nobody knows."""
    ORIGIN = "origin"
    """ORIGIN has a value that does not exist."""
    NEXT_HOP_MISSING = "next-hop-missing"
    """A mandatory attribute is not there."""
    NLRI = "nlri"
    """The last prefix ends before its length says."""
    AS_LOOP = "as-loop"
    """Well-formed, with the receiver's own AS number in AS_PATH: to be ignored without a word."""


@dataclass(frozen=True, slots=True)
class ResetSession:
    """The cell's speaker ends a session and comes back at once. Over at once.

    The session is that over `link`. With a provider's router it may be named by `session`, as the cell's own
    speaker calls it.
    """

    kind: ClassVar[str] = "reset-session"
    link: str | None
    cell: str
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The cell announces its own prefixes no more; sessions stay."""

    kind: ClassVar[str] = "withdraw"
    cell: str
    links: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Leak:
    """The cell announces a prefix that is not its own."""

    kind: ClassVar[str] = "leak"
    cell: str
    prefix: str
    links: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Hijack:
    """The cell announces more specific prefixes of another one, the victim."""

    kind: ClassVar[str] = "hijack"
    cell: str
    victim: str
    prefixes: tuple[str, ...]
    links: tuple[str, ...]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Flood:
    """The cell announces `count` prefixes that nobody has, in blocks, as fast as its speaker takes them."""

    kind: ClassVar[str] = "flood"
    cell: str
    links: tuple[str, ...]
    count: int = FLOOD


@dataclass(frozen=True, slots=True)
class Malformed:
    """In place of the cell's speaker a rogue one on that path, whose UPDATEs are broken in the same way.

    The true speaker of that gateway is held stopped meanwhile, on all its paths.
    """

    kind: ClassVar[str] = "malformed"
    link: str
    cell: str
    sort: Sort
    seconds: float | None = None


RoutingFault = ResetSession | Withdraw | Leak | Hijack | Flood | Malformed
