"""What a packet that the sieve let through, or a line of Open vSwitch's flow monitor, says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from scenarios.lookout.values import Door, Spec
from scenarios.safety.tables import BASE_OWNER, GROUP_OWNER, LOCAL_OWNER
from scenarios.safety.values import LOOPLESS, OWNED, RIGHT_CELL

_ETHERNET = 14
_EVENT = re.compile(r"^\s*event=(?P<event>\w+)\b(?P<rest>.*)$")
_COOKIE = re.compile(r"\bcookie=0x([0-9a-f]+)|\bcookie=0\b")
_TO_GROUP = re.compile(r"\bgroup:(\d+)")
_CAME = ("ADDED", "MODIFIED")


@dataclass(frozen=True, slots=True)
class Wrong:
    """A property that does not hold, in words without figures, so that a thousand packets are one case."""

    says: str
    what: str


def packet(frame: bytes, door: Door, spec: Spec) -> Wrong | None:
    """What is wrong with a packet that came in at that port; None: it is a sample of sound ones."""
    source, destination, ttl = _addresses(frame)
    home = _home(str(destination), tuple(spec.homes.items()))
    packets, place = f"packets from {source} to {destination}", f"at {door.node} {door.device}"
    if ttl < spec.ttl:
        return Wrong(LOOPLESS, f"{packets} went round: {place}")
    if home is not None and home != door.cell:
        return Wrong(RIGHT_CELL, f"{packets} of {home} came to {door.cell}: {place}")
    return None


def _addresses(frame: bytes) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address, int]:
    """Source, destination, TTL or hop limit. The sieve lets only whole headers through."""
    ip = frame[_ETHERNET:]
    if ip[0] >> 4 == 4:
        return IPv4Address(ip[12:16]), IPv4Address(ip[16:20]), ip[8]
    return IPv6Address(ip[8:24]), IPv6Address(ip[24:40]), ip[7]


@lru_cache(maxsize=1024)
def _home(address: str, homes: tuple[tuple[str, str], ...]) -> str | None:
    one = ip_address(address)
    return next((cell for prefix, cell in homes if one in ip_network(prefix)), None)


def flow(line: str, gateway: str) -> tuple[bool, Wrong | None]:
    """Whether the line tells of a flow that came, went or changed, and whether nobody owns that flow."""
    event = _EVENT.match(line)
    if event is None:
        return False, None
    rest = event["rest"].strip()
    cookie = _COOKIE.search(rest)
    if event["event"] not in _CAME or cookie is None:
        return True, None
    value = int(cookie[1] or "0", 16)
    owner, group = value >> 32, _TO_GROUP.search(rest)
    if owner not in (BASE_OWNER, LOCAL_OWNER, GROUP_OWNER):
        return True, Wrong(OWNED, f"{gateway} had a flow of nobody's: {rest}")
    if (owner == GROUP_OWNER) != (group is not None):
        return True, Wrong(OWNED, f"{gateway} had a flow with somebody else's cookie: {rest}")
    if group is not None and value & 0xFFFF_FFFF != int(group[1]):
        return True, Wrong(OWNED, f"{gateway} had a flow into a foreign group: {rest}")
    return True, None
