"""A small OpenFlow 1.3 switch in pure Python: what comes out where, for a packet that comes in.

Tables, fast-failover groups, rewriting, TTL. It knows the fields of our pipeline and refuses any other, so
that a pipeline which starts to use more is not tested by accident with less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from cellnet_core.openflow import copies
from cellnet_core.openflow.values import (
    Action,
    DecTtl,
    Flow,
    FlowMod,
    Group,
    Match,
    Mod,
    Opaque,
    Output,
    SetField,
    Tables,
    ToGroup,
)


@dataclass(frozen=True)
class Packet:
    """The headers that a pipeline may look at. `kind` is "arp", "nd", "tcp", "udp" or "icmp"."""

    eth_src: str
    eth_dst: str
    kind: str
    source: str = ""
    destination: str = ""
    ttl: int = 64
    tcp_src: int = 0
    tcp_dst: int = 0
    icmpv6_type: int = 0

    def field(self, name: str) -> object:
        """The value of an OXM field; None where the packet has no such header."""
        version = ip_address(self.destination).version if self.destination else 0
        protocols = {"tcp": 6, "udp": 17, "icmp": 58 if version == 6 else 1, "nd": 58}
        ethertypes = {0: 0x0806, 4: 0x0800, 6: 0x86DD}
        known: dict[str, object] = {
            "eth_src": self.eth_src,
            "eth_dst": self.eth_dst,
            "eth_type": ethertypes[version],
            "ip_proto": protocols.get(self.kind),
            f"ipv{version}_src": self.source,
            f"ipv{version}_dst": self.destination,
            "tcp_src": self.tcp_src if self.kind == "tcp" else None,
            "tcp_dst": self.tcp_dst if self.kind == "tcp" else None,
            "icmpv6_type": self.icmpv6_type if self.kind == "nd" else None,
        }
        for absent in ("ipv4_src", "ipv4_dst", "ipv6_src", "ipv6_dst"):
            known.setdefault(absent, None)
        return known[name]  # KeyError: the model does not know this field


class Switch:
    """A switch with its tables; ports named in `dead` are not live."""

    def __init__(self, tables: Tables, dead: Iterable[int] = ()) -> None:
        self.tables = tables
        self.dead = frozenset(dead)
        self._groups = {group.id: group for group in tables.groups}

    def process(self, packet: Packet, in_port: int) -> list[tuple[int, Packet]]:
        """Where the packet comes out, and how it looks then; empty when it is dropped."""
        out: list[tuple[int, Packet]] = []
        table: int | None = 0
        current: Packet | None = packet
        while table is not None and current is not None:
            flow = self._lookup(table, current, in_port)
            if flow is None:
                break
            current = self._execute(flow.actions, current, in_port, out)
            assert flow.goto is None or flow.goto > table, "a table may only send packets forward"
            table = flow.goto
        return out

    def _lookup(self, table: int, packet: Packet, in_port: int) -> Flow | None:
        hits = [
            flow for flow in self.tables.flows if flow.table == table and matches(flow.match, packet, in_port)
        ]
        if not hits:
            return None
        best = max(flow.priority for flow in hits)
        winners = [flow for flow in hits if flow.priority == best]
        assert len(winners) == 1, f"undefined by OpenFlow: equal priority {winners}"
        return winners[0]

    def _execute(
        self, actions: Iterable[Action], packet: Packet, in_port: int, out: list[tuple[int, Packet]]
    ) -> Packet | None:
        for action in actions:
            match action:
                case Output(port):
                    if port != in_port:  # OpenFlow 1.3.5 section 5.12: never back by the ingress port
                        out.append((port, packet))
                case SetField(field, value):
                    assert field in ("eth_src", "eth_dst"), field
                    packet = replace(packet, **{field: str(value)})
                case DecTtl():
                    if packet.ttl <= 1:
                        return None
                    packet = replace(packet, ttl=packet.ttl - 1)
                case ToGroup(group):
                    self._failover(self._groups[group], packet, in_port, out)
                case Opaque(text):
                    raise AssertionError(f"nothing of ours: {text}")
        return packet

    def _failover(self, group: Group, packet: Packet, in_port: int, out: list[tuple[int, Packet]]) -> None:
        assert group.type == "ff", group
        # As a switch has it: a bucket outputs once, and copies are made by a second group.
        *seconds, first = copies.groups_of(group)
        for bucket in first.buckets:
            if bucket.watch_port not in self.dead:
                chained = [each for each in seconds if bucket.actions == (ToGroup(each.id),)]
                for part in [part for each in chained for part in each.buckets] or [bucket]:
                    assert sum(isinstance(action, Output) for action in part.actions) == 1, part
                    self._execute(part.actions, packet, in_port, out)
                return


def matches(match: Match, packet: Packet, in_port: int) -> bool:
    """Whether a packet has all the fields of a match."""
    for name, wanted in match.fields:
        value = in_port if name == "in_port" else packet.field(name)
        if value is None:
            return False
        text = str(wanted)
        if name.startswith(("ipv4_", "ipv6_")):
            if ip_address(str(value)) not in ip_network(text):
                return False
        elif name.startswith("eth_") and "/" in text:
            plain, mask = (int(part.replace(":", ""), 16) for part in text.split("/"))
            if int(str(value).replace(":", ""), 16) & mask != plain & mask:
                return False
        elif value != wanted:
            return False
    return True


def after(tables: Tables, *mods: Mod) -> Tables:
    """The tables after changes, as a switch makes them; an assertion where a switch answers with an error."""
    flows = {flow.key: flow for flow in tables.flows}
    groups = {group.id: group for group in tables.groups}
    for mod in mods:
        if isinstance(mod, FlowMod):
            match mod.command:
                case "set":
                    assert mod.flow.group is None or mod.flow.group in groups, f"no such group: {mod.flow}"
                    flows[mod.flow.key] = mod.flow
                case "remove":
                    flows.pop(mod.flow.key, None)
                case "remove_cookie":
                    same = (mod.flow.table, mod.flow.cookie)
                    flows = {key: each for key, each in flows.items() if (each.table, each.cookie) != same}
        elif mod.command == "set":
            groups[mod.group.id] = mod.group
        else:
            groups.pop(mod.group.id, None)
            flows = {key: each for key, each in flows.items() if each.group != mod.group.id}
    return Tables(tuple(flows.values()), tuple(groups.values()))
