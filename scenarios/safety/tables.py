"""Tables of a gateway's switch, read from the text of Open vSwitch's own tools. Pure.

Reads what `ovs-ofctl -O OpenFlow13 dump-groups` and `dump-flows --names --no-stats` print, and no more of it
than safety needs: who owns a flow, which destinations it takes, and where it sends them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

ROUTING = 10
"""The routing table (docs/data-plane.md)."""
BASE_OWNER, LOCAL_OWNER, GROUP_OWNER = 0xCE110001, 0xCE110002, 0xCE110003
"""Upper halves of cookies: base flows, routing without a group, routing into a group."""
_FLOW = re.compile(r"^\s*(?:cookie=0x(?P<cookie>[0-9a-f]+),)?(?P<match>.*?) actions=(?P<actions>.*)$")
_GROUP = re.compile(r"^\s*group_id=(?P<id>\d+),type=\w+,?(?P<buckets>.*)$")
_DESTINATION = re.compile(r"\b(?:nw_dst|ipv6_dst)=([^,\s]+)")
_TABLE = re.compile(r"\btable=(\d+)")
_PRIORITY = re.compile(r"\bpriority=(\d+)")
_OUTPUT = re.compile(r'\boutput:"?([\w.\-]+)"?')
_TO_GROUP = re.compile(r"\bgroup:(\d+)")
_SET_MAC = re.compile(r"\bset_field:([0-9a-f:]{17})->eth_dst|\bmod_dl_dst:([0-9a-f:]{17})")
_EVERYTHING = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out: a port, and the MAC that packets are addressed to there ("" unchanged)."""

    port: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow. `destinations` None: it does not choose by IP destination."""

    text: str
    cookie: int
    table: int
    priority: int
    destinations: Network | None
    exits: tuple[Exit, ...]
    group: int | None

    @property
    def owner(self) -> int:
        """The upper half of its cookie."""
        return self.cookie >> 32


@dataclass(frozen=True, slots=True)
class Tables:
    """All flows, and the ways out of each group."""

    flows: tuple[Flow, ...]
    groups: dict[int, tuple[Exit, ...]]

    def route(self, destination: Address) -> Flow | None:
        """The flow of the routing table that takes a packet for that address."""
        fit = [
            flow
            for flow in self.flows
            if flow.table == ROUTING and flow.destinations is not None and destination in flow.destinations
        ]
        return max(fit, key=lambda flow: flow.priority, default=None)

    def exits(self, flow: Flow) -> tuple[Exit, ...]:
        """Every way a packet of that flow may take, over all buckets of its group."""
        return (*flow.exits, *self.groups.get(flow.group, ())) if flow.group is not None else flow.exits


@lru_cache(maxsize=256)
def parse(text: str) -> Tables:
    """The tables in that text; lines that are neither a flow nor a group are left out."""
    flows, groups = [], {}
    for line in text.splitlines():
        if (group := _GROUP.match(line)) is not None:
            groups[int(group["id"])] = tuple(
                one for bucket in group["buckets"].split("bucket=")[1:] for one in _exits(bucket)
            )
        elif (flow := _FLOW.match(line)) is not None:
            flows.append(_flow(line.strip(), flow))
    return Tables(tuple(flows), groups)


def has_remote(tables: Tables, prefix: str) -> bool:
    """Whether there is a flow into a group for exactly that prefix."""
    wanted = ip_network(prefix)
    return any(flow.group is not None and flow.destinations == wanted for flow in tables.flows)


def _flow(text: str, parts: re.Match[str]) -> Flow:
    match, actions = parts["match"], parts["actions"]
    table, priority = _TABLE.search(match), _PRIORITY.search(match)
    group = _TO_GROUP.search(actions)
    return Flow(
        text=text,
        cookie=int(parts["cookie"] or "0", 16),  # ovs-ofctl leaves out 0
        table=int(table[1]) if table else 0,
        priority=int(priority[1]) if priority else 32768,  # what ovs-ofctl leaves out
        destinations=_destinations(match),
        exits=_exits(actions),
        group=int(group[1]) if group else None,
    )


def _destinations(match: str) -> Network | None:
    chosen = _DESTINATION.search(match)
    if chosen is not None:
        return ip_network(chosen[1], strict=False)
    words = set(match.replace(" ", ",").split(","))
    return _EVERYTHING[4] if "ip" in words else _EVERYTHING[6] if "ipv6" in words else None


def _exits(actions: str) -> tuple[Exit, ...]:
    """Outputs in order, each with the MAC that was set before it."""
    found, mac = [], ""
    for match in re.finditer(f"{_SET_MAC.pattern}|{_OUTPUT.pattern}", actions):
        if match[3] is None:
            mac = match[1] or match[2]
        else:
            found.append(Exit(match[3], mac))
    return tuple(found)
