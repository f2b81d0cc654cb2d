"""From surveys to violations: which of the safety properties do not hold, and where. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from topologies.model import Topology

from . import tables, walking
from .tables import BASE_OWNER, GROUP_OWNER, LOCAL_OWNER, Tables
from .values import OWNED, RIGHT_CELL, Survey, Violation


def judge(topology: Topology, now: Survey, before: Survey | None = None) -> tuple[Violation, ...]:
    """Everything that one survey shows to be broken; `before`, an earlier one, for what is counted."""
    parsed = {gateway: tables.parse(text) for gateway, text in now.gateways.items()}
    return (
        *(violation for gateway, one in parsed.items() for violation in _unowned(gateway, one)),
        *walking.violations(topology, parsed),
        *_strays(now.strays, before.strays if before is not None else {}),
    )


def _unowned(gateway: str, seen: Tables) -> list[Violation]:
    found = []
    for flow in seen.flows:
        if flow.owner not in (BASE_OWNER, LOCAL_OWNER, GROUP_OWNER):
            found.append(Violation(OWNED, f"{gateway} has a flow of nobody's: {flow.text}"))
        elif (flow.owner == GROUP_OWNER) != (flow.group is not None):
            found.append(Violation(OWNED, f"{gateway} has a flow with somebody else's cookie: {flow.text}"))
        elif flow.group is not None and flow.cookie & 0xFFFF_FFFF != flow.group:
            found.append(Violation(OWNED, f"{gateway} has a flow into a foreign group: {flow.text}"))
    return found


def _strays(now: Mapping[str, int], before: Mapping[str, int]) -> list[Violation]:
    return [
        Violation(RIGHT_CELL, f"{host} got {count - before.get(host, 0)} packets for somebody else")
        for host, count in now.items()
        if host in before and count > before[host]
    ]


def read_strays(text: str) -> int:
    """Packets for somebody else's address, from /proc/net/snmp and /proc/net/snmp6 (RFC 4293)."""
    total, names = 0, []
    for line in text.splitlines():
        words = line.split()
        if line.startswith("Ip:") and words[1:2] == ["Forwarding"]:
            names = words
        elif line.startswith("Ip:") and names:
            total += int(words[names.index("InAddrErrors")])
        elif words[:1] == ["Ip6InAddrErrors"]:
            total += int(words[1])
    return total
