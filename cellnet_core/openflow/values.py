"""OpenFlow 1.3 flows and groups as values: frozen, comparable, and as JSON.

One spelling per meaning, so that a flow read back from a switch equals the flow that was wanted. They know
no library and no switch; what these values cannot say becomes `Opaque`, which equals nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, Literal, TypeAlias

FieldValue: TypeAlias = int | str


def canonical(name: str, value: Any) -> FieldValue:
    """One spelling for the value of an OXM field; `(value, mask)` becomes "value/mask" or a prefix."""
    if isinstance(value, list | tuple):
        plain, mask = value
        if name.startswith(("ipv4_", "ipv6_", "arp_spa", "arp_tpa")):
            return _canonical_prefix(str(plain), str(mask))
        return f"{plain}/{mask}".lower()
    if isinstance(value, int):
        return int(value)
    return _canonical_address(str(value)) if name.startswith(("ipv4_", "ipv6_")) else str(value).lower()


# Tables are read back again and again with the same prefixes in them; parsing these is most of the work.
@lru_cache(maxsize=1 << 17)
def _canonical_address(text: str) -> str:
    plain, slash, mask = text.partition("/")
    return _canonical_prefix(plain, mask) if slash else str(ip_address(plain))


@lru_cache(maxsize=1 << 17)
def _canonical_prefix(address: str, mask: str) -> str:
    plain = ip_address(address)
    if not mask.isdigit():
        bits = int(ip_address(mask))
        length = bits.bit_count()
        if bits != ((1 << length) - 1) << (plain.max_prefixlen - length):
            return f"{plain}/{ip_address(mask)}"  # not a prefix: nobody of ours writes that
        mask = str(length)
    network = ip_network(f"{plain}/{mask}", strict=False)
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


@dataclass(frozen=True, slots=True)
class Match:
    """What a flow matches: OXM field names (OpenFlow 1.3.5 section 7.2.3.7) and canonical values, sorted."""

    fields: tuple[tuple[str, FieldValue], ...] = ()

    @classmethod
    def of(cls, **fields: Any) -> Match:
        """A match from field names to values; None leaves a field out."""
        return cls.from_mapping(fields)

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any]) -> Match:
        """The same from a mapping, such as JSON."""
        return cls(
            tuple(
                sorted((name, canonical(name, value)) for name, value in fields.items() if value is not None)
            )
        )

    def get(self, name: str) -> FieldValue | None:
        """The value of one field; None when the field is not matched."""
        return dict(self.fields).get(name)

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.fields) or "any"


@dataclass(frozen=True, slots=True)
class Output:
    """Send the packet out of a port, by OpenFlow number."""

    port: int


@dataclass(frozen=True, slots=True)
class SetField:
    """Rewrite a header field."""

    field: str
    value: FieldValue


@dataclass(frozen=True, slots=True)
class DecTtl:
    """Decrement the IPv4 TTL or IPv6 hop limit; a packet that would reach zero is dropped."""


@dataclass(frozen=True, slots=True)
class ToGroup:
    """Hand the packet to a group."""

    group: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """An action or instruction of somebody else, which we never write: kept for display only."""

    text: str


Action: TypeAlias = Output | SetField | DecTtl | ToGroup | Opaque


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow entry. `actions` are applied at once; `goto` is the table that looks at the packet next."""

    table: int
    priority: int
    match: Match
    actions: tuple[Action, ...] = ()
    goto: int | None = None
    cookie: int = 0

    @property
    def key(self) -> tuple[int, int, Match]:
        """What makes two flows the same entry of a switch."""
        return (self.table, self.priority, self.match)

    @property
    def group(self) -> int | None:
        """The group the flow hands packets to, if any."""
        return next((action.group for action in self.actions if isinstance(action, ToGroup)), None)

    @property
    def title(self) -> str:
        """Short and stable, for people: table, priority and what it matches."""
        destination = self.match.get("ipv4_dst") or self.match.get("ipv6_dst")
        about = str(destination) if destination and self.table else str(self.match)
        return f"flow {self.table}/{self.priority} {about}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One way out of a group. `watch_port` (OpenFlow number) tells its liveness; None: not watched.

    Several outputs in the last bucket mean a copy by each of them (`copies`).
    """

    actions: tuple[Action, ...]
    watch_port: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group entry; "ff" is fast failover: the first bucket whose port is live gets the packet."""

    id: int
    type: Literal["all", "select", "indirect", "ff"]
    buckets: tuple[Bucket, ...]

    @property
    def title(self) -> str:
        """Short and stable, for people."""
        return f"group {self.id}"


@dataclass(frozen=True, slots=True)
class Tables:
    """All flows and groups of a bridge."""

    flows: tuple[Flow, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowMod:
    """A change of one flow. `set` adds or replaces; `remove` takes exactly this entry;
    `remove_cookie` takes every flow of the table that carries exactly this cookie."""

    command: Literal["set", "remove", "remove_cookie"]
    flow: Flow


@dataclass(frozen=True, slots=True)
class GroupMod:
    """A change of one group. `set` adds it or changes it in place. `remove` also removes flows into it."""

    command: Literal["set", "remove"]
    group: Group


Mod: TypeAlias = FlowMod | GroupMod


# --- JSON --------------------------------------------------------------------------------------------


class CodecError(ValueError):
    """A document that is not one of these values; the message names the place."""


def actions_to_json(actions: Iterable[Action]) -> list[Any]:
    """Actions as a list; see `actions_from_json`."""
    documents: list[Any] = []
    for action in actions:
        match action:
            case Output(port):
                documents.append({"output": port})
            case SetField(field, value):
                documents.append({"set": [field, value]})
            case DecTtl():
                documents.append("dec_ttl")
            case ToGroup(group):
                documents.append({"group": group})
            case Opaque(text):
                documents.append({"opaque": text})
    return documents


def actions_from_json(documents: Any) -> tuple[Action, ...]:
    """Actions out of a list. Raises CodecError."""
    if not isinstance(documents, list):
        raise CodecError(f"actions must be a list, not {documents!r}")
    return tuple(_action_from_json(document) for document in documents)


def _action_from_json(document: Any) -> Action:
    match document:
        case "dec_ttl":
            return DecTtl()
        case {"output": int(port)}:
            return Output(port)
        case {"set": [str(field), int(value) | str(value)]}:
            return SetField(field, canonical(field, value))
        case {"group": int(group)}:
            return ToGroup(group)
        case {"opaque": str(text)}:
            return Opaque(text)
        case _:
            raise CodecError(f"not an action: {document!r}")


def flow_to_json(flow: Flow) -> dict[str, Any]:
    """A flow as a document; see `flow_from_json`."""
    return {
        "table": flow.table,
        "priority": flow.priority,
        "cookie": flow.cookie,
        "match": dict(flow.match.fields),
        "actions": actions_to_json(flow.actions),
        "goto": flow.goto,
    }


def flow_from_json(document: Any) -> Flow:
    """A flow out of a document. Raises CodecError."""
    match document:
        case {
            "table": int(table),
            "priority": int(priority),
            "cookie": int(cookie),
            "match": dict(fields),
            "actions": actions,
            "goto": int(goto) | (None as goto),
        }:
            try:
                match = Match.from_mapping(fields)
            except ValueError as error:
                raise CodecError(f"not a match: {fields!r}: {error}") from error
            return Flow(table, priority, match, actions_from_json(actions), goto, cookie)
        case _:
            raise CodecError(f"not a flow: {document!r}")


def group_to_json(group: Group) -> dict[str, Any]:
    """A group as a document; see `group_from_json`."""
    return {
        "id": group.id,
        "type": group.type,
        "buckets": [
            {"actions": actions_to_json(bucket.actions), "watch_port": bucket.watch_port}
            for bucket in group.buckets
        ],
    }


def group_from_json(document: Any) -> Group:
    """A group out of a document. Raises CodecError."""
    match document:
        case {
            "id": int(id_),
            "type": ("all" | "select" | "indirect" | "ff") as type_,
            "buckets": list(buckets),
        }:
            return Group(id_, type_, tuple(_bucket_from_json(bucket) for bucket in buckets))
        case _:
            raise CodecError(f"not a group: {document!r}")


def _bucket_from_json(document: Any) -> Bucket:
    match document:
        case {"actions": actions, "watch_port": int(port) | (None as port)}:
            return Bucket(actions_from_json(actions), port)
        case _:
            raise CodecError(f"not a bucket: {document!r}")


def mod_to_json(mod: Mod) -> dict[str, Any]:
    """A change as a document; see `mod_from_json`."""
    if isinstance(mod, FlowMod):
        return {"command": mod.command, "flow": flow_to_json(mod.flow)}
    return {"command": mod.command, "group": group_to_json(mod.group)}


def mod_from_json(document: Any) -> Mod:
    """A change out of a document. Raises CodecError."""
    match document:
        case {"command": ("set" | "remove" | "remove_cookie") as command, "flow": flow}:
            return FlowMod(command, flow_from_json(flow))
        case {"command": ("set" | "remove") as command, "group": group}:
            return GroupMod(command, group_from_json(group))
        case _:
            raise CodecError(f"not a change of a flow or a group: {document!r}")
