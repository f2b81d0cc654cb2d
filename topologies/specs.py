"""What somebody asked for: a topology before names, addresses and numbers are derived.

The builder and the file reader both make these values, so that the same checks and the same derivation serve
both. Nothing here is checked; prefixes and addresses are still text, as written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from topologies.model import CellKind, HostRole

Path = tuple[str | int, ...]
"""Where in the request something is, such as ("cells", 1, "asn")."""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One host; `addresses` are plain ones without a prefix length, for each family that is not derived."""

    addresses: tuple[str, ...] = ()
    role: HostRole | None = None


@dataclass(frozen=True, slots=True)
class CellSpec:
    """One cell. What is None or empty is derived from the cell's position and name."""

    name: str
    kind: CellKind | None = None
    asn: int | None = None
    prefixes: tuple[str, ...] = ()
    gateways: int = 1
    hosts: int | tuple[HostSpec, ...] = 1

    @property
    def host_count(self) -> int:
        """How many hosts were asked for; unchecked, so it may be out of range."""
        return self.hosts if isinstance(self.hosts, int) else len(self.hosts)

    def host_specs(self, at_most: int) -> tuple[HostSpec, ...]:
        """A request for each host. The bound keeps an absurd count from filling the memory."""
        if isinstance(self.hosts, int):
            return (HostSpec(),) * min(self.hosts, at_most)
        return self.hosts[:at_most]

    @property
    def effective_kind(self) -> CellKind:
        """The kind that was written, else main for the cell called "main" and sub for every other."""
        return self.kind or (CellKind.MAIN if self.name == "main" else CellKind.SUB)


@dataclass(frozen=True, slots=True)
class RouterSpec:
    """A provider's router in the WAN. `daemon` is "bird" or "frr"; an AS number of None is derived."""

    name: str
    asn: int | None = None
    daemon: str = "bird"


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """Parallel fibres between two cells or routers, named in the order of their ends."""

    a: str
    b: str
    paths: int = 1


@dataclass(frozen=True, slots=True)
class TopologySpec:
    """A whole request, in the order in which it was written: that order numbers cells and paths."""

    name: str
    cells: tuple[CellSpec, ...] = ()
    links: tuple[LinkSpec, ...] = ()
    routers: tuple[RouterSpec, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
