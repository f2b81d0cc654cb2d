"""Parses the JSON lines of ExaBGP's API into frozen events. Pure.

Whatever the line holds, the result is an event or a MalformedEventError, never another exception. Kinds of
lines that nobody here needs become `OtherEvent`. The end of a session is classified here too: see
`SessionDown.restart`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

from bgp.model import Family, Peer, Route, canonical_communities, family_of, received_prefix

EVENT_PREFIX = '{ "exabgp":'
"""How every event line of ExaBGP's JSON encoder begins; answers to commands never do."""

_FAMILY: dict[str, Family] = {
    "ipv4 unicast": "ipv4",
    "ipv6 unicast": "ipv6",
    "ipv4/unicast": "ipv4",
    "ipv6/unicast": "ipv6",
}
_NOTIFICATION = re.compile(r"notification (sent|received) \((\d+),(\d+)\)")


class MalformedEventError(ValueError):
    """A line that is not what ExaBGP's JSON encoder writes. The message holds the beginning of the line."""


@dataclass(frozen=True, slots=True)
class RestartCapability:
    """The peer's graceful restart capability (RFC 4724 section 3). `time` in seconds.

    `restarting`: the peer says it has just restarted. `preserved`: families whose forwarding it kept.
    """

    time: int
    restarting: bool
    families: tuple[Family, ...]
    preserved: tuple[Family, ...]


@dataclass(frozen=True, slots=True)
class SessionConnected:
    """TCP is up; nothing is negotiated yet."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class OpenReceived:
    """The peer's OPEN. `restart` is None when it did not offer graceful restart."""

    peer: Peer
    asn: int
    router_id: str
    hold_time: int
    families: tuple[Family, ...]
    restart: RestartCapability | None


@dataclass(frozen=True, slots=True)
class SessionUp:
    """The session is established (a hint: confirm by asking)."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class SessionDown:
    """The session ended. `reason` is ExaBGP's own text."""

    peer: Peer
    reason: str

    @property
    def notification(self) -> tuple[Literal["sent", "received"], int, int] | None:
        """Who sent the NOTIFICATION that ended the session, its code and subcode; None: there was none."""
        found = _NOTIFICATION.search(self.reason)
        if found is None:
            return None
        return "sent" if found[1] == "sent" else "received", int(found[2]), int(found[3])

    @property
    def removed(self) -> bool:
        """True when the neighbour was taken out of the configuration."""
        return "message [removed]" in self.reason

    @property
    def restart(self) -> bool:
        """Whether this end counts as a restart (RFC 4724 section 4.2), given that both sides negotiated it.

        Not: a NOTIFICATION, sent or received (so neither the expiry of the hold timer nor a Cease), and the
        removal of the neighbour. All else is a TCP session that went without a word: a crash or restart of
        either speaker, a reset, an own re-establishment after a changed definition.
        """
        return self.notification is None and not self.removed


@dataclass(frozen=True, slots=True)
class UpdateReceived:
    """Routes announced and prefixes withdrawn by one UPDATE, unicast families only."""

    peer: Peer
    announced: tuple[Route, ...]
    withdrawn: tuple[tuple[Family, str], ...]


@dataclass(frozen=True, slots=True)
class EndOfRib:
    """The peer has sent all it had at the start of the session (RFC 4724 section 2)."""

    peer: Peer
    family: Family


@dataclass(frozen=True, slots=True)
class NotificationSeen:
    """A NOTIFICATION went over the wire; `message` is its data as text."""

    peer: Peer
    direction: Literal["send", "receive"]
    code: int
    subcode: int
    message: str


@dataclass(frozen=True, slots=True)
class RefreshReceived:
    """The peer asks for our routes again; ExaBGP answers by itself."""

    peer: Peer
    family: Family


@dataclass(frozen=True, slots=True)
class SpeakerShutdown:
    """ExaBGP is going down in an orderly way."""


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """A well-formed line of a kind, or about a family, that this package has no use for."""

    kind: str


SessionEvent = SessionConnected | OpenReceived | SessionUp | SessionDown | UpdateReceived | EndOfRib
Event = SessionEvent | NotificationSeen | RefreshReceived | SpeakerShutdown | OtherEvent


def parse(line: str) -> Event:
    """The event of one line. Raises MalformedEventError, and nothing else, for a line that holds none."""
    try:
        return _parse(json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedEventError(f"{type(error).__name__}: {error}: in event line {line[:200]!r}") from error


def parse_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """ExaBGP's attribute object as keyword arguments of `Route`. Raises ValueError, TypeError or KeyError."""
    path: list[int] = []
    length = 0
    for position in sorted(_mapping(attributes.get("as-path", {})).items(), key=lambda item: int(item[0])):
        segment = _mapping(position[1])
        numbers = [_number(number) for number in _sequence(segment["value"])]
        path += numbers
        kind = segment["element"]
        # RFC 4271 9.1.2.2 a): a set counts as one; RFC 5065 5.3: confederation segments do not count.
        length += {"as-sequence": len(numbers), "as-set": 1}.get(kind, 0)
    return {
        "as_path": tuple(path),
        "as_path_length": length,
        "origin": str(attributes.get("origin", "igp")).lower(),
        "med": _optional_number(attributes.get("med")),
        "local_preference": _optional_number(attributes.get("local-preference")),
        "communities": canonical_communities(
            tuple(
                community
                if isinstance(community, str)
                else ":".join(str(_number(half)) for half in community)
                for community in _sequence(attributes.get("community", []))
            )
        ),
    }


def _parse(document: Any) -> Event:
    document = _mapping(document)
    kind = document["type"]
    if "exabgp" not in document or not isinstance(kind, str):
        raise ValueError("not an event of ExaBGP")
    if document.get("notification") == "shutdown":
        return SpeakerShutdown()
    if kind not in _PARSERS:
        return OtherEvent(kind)
    neighbor = _mapping(document["neighbor"])
    address = _mapping(neighbor["address"])
    peer = Peer(str(ip_address(address["local"])), str(ip_address(address["peer"])))
    return _PARSERS[kind](peer, neighbor)


def _parse_state(peer: Peer, neighbor: Mapping[str, Any]) -> Event:
    match neighbor["state"]:
        case "up":
            return SessionUp(peer)
        case "connected":
            return SessionConnected(peer)
        case "down":
            return SessionDown(peer, str(neighbor.get("reason", "")))
        case state:
            raise ValueError(f"unknown state {state!r}")


def _parse_open(peer: Peer, neighbor: Mapping[str, Any]) -> Event:
    if neighbor["direction"] != "receive":
        return OtherEvent("open")
    message = _mapping(neighbor["open"])
    capabilities = _mapping(message["capabilities"])
    # Without the multiprotocol capability a session carries IPv4 unicast (RFC 4760 section 8).
    multiprotocol = _mapping(capabilities.get("1", {"families": ["ipv4/unicast"]}))
    restart = None
    if "64" in capabilities:
        graceful = _mapping(capabilities["64"])
        # ExaBGP 5.0 has the two labels the wrong way round: "restart" in a family's list is the forwarding
        # state bit, "forwarding" in restart-flags is the restart state bit.
        flags = {
            _FAMILY[word]: value
            for word, value in graceful["address-family-flags"].items()
            if word in _FAMILY
        }
        restart = RestartCapability(
            time=_number(graceful["time"]),
            restarting="forwarding" in _sequence(graceful["restart-flags"]),
            families=tuple(sorted(flags)),
            preserved=tuple(
                sorted(family for family, value in flags.items() if "restart" in _sequence(value))
            ),
        )
    asn4 = _mapping(capabilities.get("65", {})).get("asn4")
    return OpenReceived(
        peer=peer,
        asn=_number(message["asn"] if asn4 is None else asn4),
        router_id=str(ip_address(message["router_id"])),
        hold_time=_number(message["hold_time"]),
        families=tuple(
            sorted(_FAMILY[word] for word in _sequence(multiprotocol["families"]) if word in _FAMILY)
        ),
        restart=restart,
    )


def _parse_update(peer: Peer, neighbor: Mapping[str, Any]) -> Event:
    message = _mapping(neighbor["message"])
    if "eor" in message:
        end = _mapping(message["eor"])
        family = _FAMILY.get(f"{end['afi']} {end['safi']}")
        return OtherEvent("eor") if family is None else EndOfRib(peer, family)
    if neighbor["direction"] != "receive":
        return OtherEvent("update")
    update = _mapping(message["update"])
    attributes = parse_attributes(_mapping(update.get("attribute", {})))
    announced: dict[tuple[Family, str], Route] = {}
    for family, by_next_hop in _unicast(update.get("announce", {})):
        # RFC 2545 section 3: an IPv6 next hop may come with its link-local twin, which ExaBGP shows as one
        # more next hop of the same prefixes. The global one is the route's.
        next_hops = [(ip_address(text), nlris) for text, nlris in _mapping(by_next_hop).items()]
        for next_hop, nlris in sorted(next_hops, key=lambda item: item[0].is_link_local):
            for prefix in _prefixes(nlris, family):
                route = Route(family=family, prefix=prefix, next_hop=str(next_hop), **attributes)
                announced.setdefault((family, prefix), route)
    withdrawn = [
        (family, prefix)
        for family, nlris in _unicast(update.get("withdraw", {}))
        for prefix in _prefixes(nlris, family)
    ]
    return UpdateReceived(peer, tuple(announced.values()), tuple(withdrawn))


def _parse_notification(peer: Peer, neighbor: Mapping[str, Any]) -> Event:
    message = _mapping(neighbor["notification"])
    return NotificationSeen(
        peer=peer,
        direction="receive" if neighbor["direction"] == "receive" else "send",
        code=_number(message["code"]),
        subcode=_number(message["subcode"]),
        message=str(message["message"]),
    )


def _parse_refresh(peer: Peer, neighbor: Mapping[str, Any]) -> Event:
    refresh = _mapping(neighbor["route-refresh"])
    family = _FAMILY.get(f"{refresh['afi']} {refresh['safi']}")
    return OtherEvent("refresh") if family is None else RefreshReceived(peer, family)


_PARSERS = {
    "state": _parse_state,
    "open": _parse_open,
    "update": _parse_update,
    "notification": _parse_notification,
    "refresh": _parse_refresh,
}


def _unicast(by_family: Any) -> Iterable[tuple[Family, Any]]:
    return [(_FAMILY[word], value) for word, value in _mapping(by_family).items() if word in _FAMILY]


def _prefixes(nlris: Any, family: Family) -> list[str]:
    prefixes = [received_prefix(_mapping(nlri)["nlri"]) for nlri in _sequence(nlris)]
    if any(family_of(prefix) != family for prefix in prefixes):
        raise ValueError("a prefix of another family")
    return prefixes


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {type(value).__name__}")
    return value


def _sequence(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a number was expected, not {type(value).__name__}")
    return value


def _optional_number(value: Any) -> int | None:
    return None if value is None else _number(value)
