"""Parses what ExaBGP answers to `show` commands: sessions, configured neighbours, routes. Pure.

Raises MalformedAnswerError, and nothing else, for an answer that does not have the expected form.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

from bgp.events import parse_attributes
from bgp.model import FAMILIES, Family, Neighbor, Peer, Route, canonical_address, family_of, received_prefix


class MalformedAnswerError(ValueError):
    """An answer that this version of ExaBGP should not give."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """One session as `show neighbor json` has it.

    `state` is the state machine's (RFC 4271 section 8.2.2); `hold_time` is the negotiated one and `up_for`
    the seconds in ESTABLISHED, both None in any other state.
    """

    peer: Peer
    state: str
    router_id: str | None
    hold_time: int | None
    families: tuple[Family, ...]
    up_for: int | None
    graceful_restart: bool

    @property
    def established(self) -> bool:
        """True when routes are exchanged."""
        return self.state == "ESTABLISHED"


def parse_sessions(lines: Sequence[str]) -> tuple[SessionState, ...]:
    """The answer to `show neighbor json`: one line, a list of objects."""
    try:
        return tuple(_session(item) for line in lines for item in json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedAnswerError(f"sessions: {type(error).__name__}: {error}") from error


def parse_routes(lines: Iterable[str]) -> dict[str, tuple[Route, ...]]:
    """The answer to `show adj-rib in|out json` (format v2): routes by peer address."""
    routes: dict[str, list[Route]] = {}
    try:
        for line in lines:
            document = json.loads(line)
            nlri = document["route"]["nlri"]
            if nlri["family"]["safi"] != "unicast" or nlri["family"]["afi"] not in FAMILIES:
                continue
            prefix = received_prefix(nlri["prefix"])
            route = Route(
                family=family_of(prefix),
                prefix=prefix,
                next_hop=canonical_address(nlri["nexthop"]),
                **parse_attributes(document["route"]["attributes"]),
            )
            routes.setdefault(canonical_address(document["peer"]["address"]), []).append(route)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedAnswerError(f"routes: {type(error).__name__}: {error}") from error
    return {address: tuple(found) for address, found in routes.items()}


def parse_neighbors(lines: Iterable[str]) -> tuple[Neighbor, ...]:
    """The answer to `show neighbor configuration`: the configuration as ExaBGP holds it in memory."""
    blocks: list[list[str]] = []
    for line in lines:
        if line.startswith("neighbor "):
            blocks.append([])
        if blocks:
            blocks[-1].append(line.strip())
    try:
        return _told_apart([_neighbor(block) for block in blocks])
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise MalformedAnswerError(f"configuration: {type(error).__name__}: {error}") from error


def _session(item: Any) -> SessionState:
    local, peer = item["local"], item["peer"]
    established = item["fsm"] == "ESTABLISHED"
    return SessionState(
        peer=Peer(str(ip_address(local["address"])), str(ip_address(peer["address"]))),
        state=str(item["fsm"]),
        router_id=None if peer["id"] is None else str(ip_address(peer["id"])),
        hold_time=min(int(local["hold"]), int(peer["hold"])) if established else None,
        families=tuple(family for family in FAMILIES if f"{family} unicast" in item["families"]),
        # "duration" counts from something else while the session is down.
        up_for=int(item["duration"]) if established else None,
        graceful_restart=bool(
            local["capabilities"]["graceful-restart"] and peer["capabilities"]["graceful-restart"]
        ),
    )


def _told_apart(neighbors: Sequence[Neighbor]) -> tuple[Neighbor, ...]:
    """What somebody added by hand may have no name, or another's: its address is its name then."""
    names = Counter(neighbor.name for neighbor in neighbors)
    return tuple(
        neighbor
        if neighbor.name and names[neighbor.name] == 1
        else replace(neighbor, name=neighbor.peer_address)
        for neighbor in neighbors
    )


_SETTING = re.compile(r'([a-z0-9-]+) "?([^";]*)"?;')


def _neighbor(block: Sequence[str]) -> Neighbor:
    settings = {found[1]: found[2] for line in block if (found := _SETTING.fullmatch(line))}
    name, _, interface = settings.get("description", "").partition(" interface ")
    restart = settings.get("graceful-restart", "disable")
    return Neighbor(
        name=name,
        local_address=str(ip_address(settings["local-address"])),
        peer_address=str(ip_address(block[0].split()[1])),
        local_as=int(settings["local-as"]),
        peer_as=int(settings["peer-as"]),
        router_id=settings["router-id"],
        passive=settings["passive"] == "true",
        families=tuple(family for family in FAMILIES if f"{family} unicast;" in block),
        hold_time=int(settings["hold-time"]),
        graceful_restart_time=0 if restart == "disable" else int(restart),
        interface=interface or None,
        password=settings.get("md5-password"),
    )
