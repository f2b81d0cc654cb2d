"""The API's documents as frozen values. Fields of a later version are kept in `document` and else ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

Document = Mapping[str, Any]
Kind = TypeVar("Kind", bound="Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Base: `document` is the whole of what the manager sent. Times are text in ISO 8601, UTC."""

    nested: ClassVar[Mapping[str, type[Value]]] = {}
    document: Document = field(default_factory=dict, repr=False, compare=False, hash=False)


def read(kind: type[Kind], document: Document) -> Kind:
    """The document as a value of that kind; lists become tuples. Raises KeyError for what must be there."""
    values: dict[str, Any] = {"document": document}
    for each in fields(kind):
        if each.name == "document":
            continue
        value = document[each.name]
        if each.name in kind.nested:
            value = tuple(read(kind.nested[each.name], item) for item in value)
        elif isinstance(value, list):
            value = tuple(value)
        values[each.name] = value
    return kind(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Value):
    """One thing that is so ("True"), not so ("False"), or not known ("Unknown"); "True" is good."""

    type: str
    status: str
    reason: str
    message: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Value):
    id: str
    name: str
    kind: str
    nova_cell_uuid: str | None
    asn: int
    prefixes: tuple[str, ...]
    gateways: tuple[str, ...]
    operating_status: str
    revision_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface(Value):
    """A WAN port of an endpoint; addresses with prefix length."""

    interface: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Value):
    nested: ClassVar[Mapping[str, type[Value]]] = {"interfaces": Interface, "conditions": Condition}
    id: str
    name: str
    cell: str
    gateway: str
    interfaces: tuple[Interface, ...]
    asn: int
    prefixes: tuple[str, ...]
    health_check_addresses: tuple[str, ...]
    operating_status: str
    conditions: tuple[Condition, ...]
    revision_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Path(Value):
    """A pair of ports; addresses IPv4 first."""

    name: str
    local_interface: str
    remote_interface: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Value):
    """Round trips from one gateway to the other, one family; `rtt_ms` in milliseconds."""

    cell: str
    gateway: str
    family: str
    ok: bool
    rtt_ms: float | None
    sent: int
    lost: int
    observed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Value):
    nested: ClassVar[Mapping[str, type[Value]]] = {"paths": Path, "conditions": Condition, "health": Health}
    id: str
    name: str
    local_endpoint: str
    remote_endpoint: str
    local_cell: str
    remote_cell: str
    families: tuple[str, ...]
    enabled: bool
    paths: tuple[Path, ...]
    provisioning_status: str
    operating_status: str
    conditions: tuple[Condition, ...]
    health: tuple[Health, ...]
    revision_number: int
    observed_revision: int

    def explain(self) -> str:
        """What is not as it should be, in one line; empty when nothing is."""
        return "; ".join(dict.fromkeys(c.message for c in self.conditions if c.status != "True"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Value):
    """The BGP session of one path as one side sees it; `observed_age_s` in seconds."""

    path: str
    cell: str
    gateway: str
    interface: str
    local_address: str
    remote_address: str
    operating_status: str
    bgp_state: str | None
    last_error: str | None
    flaps: int
    link_up: bool | None
    bfd: str | None
    held_down: bool
    observed_age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Value):
    id: int
    time: str
    type: str
    severity: str
    resource_type: str
    resource_id: str
    resource_name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry(Value):
    """A change of one object, and who made it."""

    id: int
    time: str
    user: str
    method: str
    action: str
    resource_type: str
    resource_name: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent(Value):
    """`last_seen_age_s` in seconds; None: not since the manager started."""

    cell: str
    gateway: str
    operating_status: str
    last_seen_age_s: float | None
    generation: int
    observed_generation: int | None
    inventory: Document | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Value):
    """Times in seconds; `prefix_limits` by family."""

    id: str
    name: str
    hold_time: int
    graceful_restart_time: int
    hold_down: float
    health_interval: float
    is_default: bool
    has_password: bool
    revision_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Value):
    """What one agent has done of an operation."""

    place: str
    state: str
    message: str

    def explain(self) -> str:
        """In one line."""
        return f"{self.place} {self.state}" + (f" ({self.message})" if self.message else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Value):
    """Work that outlives its request; `progress` in percent."""

    nested: ClassVar[Mapping[str, type[Value]]] = {"steps": Step}
    id: str
    type: str
    resource_name: str
    state: str
    progress: int
    steps: tuple[Step, ...]
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Value):
    """What somebody else changed at a gateway."""

    id: str
    cell: str
    gateway: str
    kind: str
    object: str
    desired: str
    observed: str
    action: str
    state: str
    found_at: str
    over_at: str | None
