"""Ranks paths to one prefix: RFC 4271 section 9.1.2.2, repeated until all are ranked. Pure.

All paths here are external (one speaker per gateway, no iBGP, no IGP cost), so steps d) and e) never decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from bgp.model import CACHE, Route

DEFAULT_LOCAL_PREFERENCE = 100
_ORIGINS = {"igp": 0, "egp": 1, "incomplete": 2}


@dataclass(frozen=True, slots=True)
class Path:
    """A route with whom it came from. `router_id` None (not known) loses against any."""

    route: Route
    peer_address: str
    router_id: str | None


def rank(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths, best first; each next one is the best of those left. Total and deterministic.

    The MED is compared only between paths whose first AS is the same (9.1.2.2 c), which no sort key can
    express; hence one selection per rank.
    """
    left = sorted(paths, key=_tie_break)
    ranked: list[Path] = []
    while left:
        best = _best(left)
        left.remove(best)
        ranked.append(best)
    return tuple(ranked)


def _best(paths: list[Path]) -> Path:
    """The winner among paths that are already in tie-break order."""
    preference = max(_local_preference(path) for path in paths)
    paths = [path for path in paths if _local_preference(path) == preference]
    length = min(path.route.as_path_length for path in paths)
    paths = [path for path in paths if path.route.as_path_length == length]
    origin = min(_origin(path) for path in paths)
    paths = [path for path in paths if _origin(path) == origin]
    lowest_med: dict[int, int] = {}
    for path in paths:
        lowest_med[_first_as(path)] = min(_med(path), lowest_med.get(_first_as(path), _med(path)))
    return next(path for path in paths if _med(path) == lowest_med[_first_as(path)])


def _tie_break(path: Path) -> tuple[int, int, int, str]:
    """Steps f) and g): lowest BGP identifier, lowest peer address; then the next hop, to be total."""
    return *_sender(path.router_id, path.peer_address), path.route.next_hop


@lru_cache(maxsize=CACHE)
def _sender(router_id: str | None, peer_address: str) -> tuple[int, int, int]:
    """Asked for each of a peer's thousands of routes."""
    identifier = 2**32 if router_id is None else int(ip_address(router_id))
    address = ip_address(peer_address)
    return identifier, address.version, int(address)


def _local_preference(path: Path) -> int:
    preference = path.route.local_preference
    return DEFAULT_LOCAL_PREFERENCE if preference is None else preference


def _origin(path: Path) -> int:
    return _ORIGINS.get(path.route.origin, len(_ORIGINS))


def _med(path: Path) -> int:
    return path.route.med or 0  # absent is the lowest value (9.1.2.2 c)


def _first_as(path: Path) -> int:
    return path.route.as_path[0] if path.route.as_path else 0
