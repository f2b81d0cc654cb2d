"""What a round of the agent has seen, and what it has to remember from one round to the next.

Values only. `Memory` is small, is written to disk by the agent, and is enough to go on after a restart of the
agent without touching a session or a flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cellnet_core.drivers.contract import (
    Adjacency,
    ForwardingObservation,
    LearnedRoute,
    SpeakerObservation,
)
from cellnet_core.planner.drift import Book


@dataclass(frozen=True, slots=True, order=True)
class KernelNeighbor:
    """An entry of the kernel's neighbour table (ARP and ND) that has a usable MAC."""

    interface: str
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Seen:
    """All observations of one round. `neighbors` is None while the kernel's table could not be read."""

    speaker: SpeakerObservation
    forwarding: ForwardingObservation
    neighbors: tuple[KernelNeighbor, ...] | None


class Standing(StrEnum):
    """Where a path stands with regard to preference; see `holds`."""

    NEW = "new"
    UP = "up"
    DOWN = "down"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Hold:
    """Standing of one path, since when (seconds), and the flap count then seen.

    `lost`: when it last lost its preference, in seconds.
    """

    standing: Standing = Standing.NEW
    since: float = 0.0
    flaps: int = 0
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Deferral:
    """A neighbour whose routes from before a speaker restart are still kept; see `retention`."""

    since: float
    count: int = 0
    changed: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What the planner must know of the past. A new agent starts with an empty one."""

    holds: Mapping[str, Hold] = field(default_factory=dict)
    """By path name."""
    macs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Last known MAC of (internal port, link address) of the far ends of paths."""
    adjacencies: tuple[Adjacency, ...] | None = None
    """None: the kernel's table was never read."""
    speaker_instance: str | None = None
    """Speaker process that was last heard; None: none ever."""
    learned: tuple[LearnedRoute, ...] = ()
    """Routes in force after the last fresh observation."""
    deferrals: Mapping[str, Deferral] = field(default_factory=dict)
    """By neighbour."""
    book: Book = field(default_factory=Book)
    """What somebody else changed at the devices."""
