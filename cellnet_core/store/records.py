"""The values that go into the store and come out of it: frozen, complete, detached from any session.

Identifiers are UUIDs as text, times are aware UTC, addresses and prefixes canonical text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from cellnet_core.model.wire import Position, Term

Family = Literal["ipv4", "ipv6"]


class AgentKey(NamedTuple):
    """Which agent: the id of its cell and the name of its gateway."""

    cell_id: str
    gateway: str


@dataclass(frozen=True, slots=True)
class CellRecord:
    """A cell. `prefixes` is what it announces to other cells."""

    id: str
    name: str
    kind: str
    nova_cell_uuid: str | None
    asn: int
    prefixes: tuple[str, ...]
    description: str
    revision_number: int
    created_at: datetime
    updated_at: datetime
    drift_policy: str = "repair"
    """What its agents do about what somebody else changed: repair, ignore or adopt."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """A provider's router at the far end of a WAN port; addresses with prefix length, IPv4 first.

    `passive`: the gateway waits for the router's TCP connection.
    """

    name: str
    asn: int
    addresses: tuple[str, ...]
    passive: bool = False


@dataclass(frozen=True, slots=True)
class InterfaceRecord:
    """A WAN port of an endpoint; addresses with prefix length, at most one per family, IPv4 first.

    `peer` is None where the far end is the gateway of another cell.
    """

    interface: str
    addresses: tuple[str, ...]
    peer: PeerRecord | None = None


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """One side of connections: a gateway of a cell and the ports, prefixes and AS number it brings."""

    id: str
    name: str
    cell_id: str
    cell_name: str
    gateway: str
    asn: int
    prefixes: tuple[str, ...]
    health_check_addresses: tuple[str, ...]
    interfaces: tuple[InterfaceRecord, ...]
    description: str
    revision_number: int
    created_at: datetime
    updated_at: datetime
    managed_by: str = ""
    """Which file or program declares it; empty: nobody does."""
    tags: tuple[str, ...] = ()
    # Worked out once: every look at a connection asks for both, of both ends.
    agent: AgentKey = field(init=False, compare=False, repr=False)
    """The agent that makes this endpoint so."""
    place: str = field(init=False, compare=False, repr=False)
    """How messages name the agent: "main/main-gw1"."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "agent", AgentKey(self.cell_id, self.gateway))
        object.__setattr__(self, "place", f"{self.cell_name}/{self.gateway}")


@dataclass(frozen=True, slots=True)
class BfdRecord:
    """BFD timers, in milliseconds."""

    min_tx_ms: int
    min_rx_ms: int
    multiplier: int


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """What connections have in common. Times in seconds; `prefix_limits` by family."""

    id: str
    name: str
    hold_time: int
    graceful_restart_time: int
    hold_down: float
    health_interval: float
    bfd: BfdRecord | None
    prefix_limits: tuple[tuple[Family, int], ...]
    drain_method: str
    password: str | None = field(repr=False)
    is_default: bool
    description: str
    managed_by: str
    tags: tuple[str, ...]
    revision_number: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TimersRecord:
    """Timers of a connection's sessions, in seconds; None: as the profile has it."""

    hold_time: int | None = None
    graceful_restart_time: int | None = None
    hold_down: float | None = None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """Something that agents shall do once to a connection. `id` is that of its operation."""

    id: str
    action: str
    paths: tuple[str, ...] = ()
    sides: tuple[str, ...] = ("local", "remote")


@dataclass(frozen=True, slots=True)
class PathRecord:
    """A pair of ports that share a subnet. Addresses are plain, the same families on both sides."""

    name: str
    local_interface: str
    remote_interface: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]


class ConditionRecord(NamedTuple):
    """One thing that is so ("True"), not so ("False") or not known, since when and why."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    since: datetime


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """The last status that was worked out for a connection."""

    provisioning_status: str
    operating_status: str
    observed_revision: int
    conditions: tuple[ConditionRecord, ...] = ()
    state: str = "draft"
    """Where it is in its life (`model/lifecycle.py`)."""


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """Two endpoints, how they are joined, and what was last known of it."""

    id: str
    name: str
    local: EndpointRecord
    remote: EndpointRecord
    families: tuple[Family, ...]
    profile: ProfileRecord
    own: TimersRecord
    enabled: bool
    deleting: bool
    paths: tuple[PathRecord, ...]
    description: str
    revision_number: int
    status: StatusRecord
    created_at: datetime
    updated_at: datetime
    managed_by: str = ""
    """Which file or program declares it; empty: nobody does."""
    tags: tuple[str, ...] = ()
    orders: tuple[OrderRecord, ...] = ()
    """What its agents shall do once and have not done yet."""
    told: tuple[str, str] = ("", "")
    """Digests of what the agents of the local and the remote side were told of it last."""

    @property
    def timers(self) -> tuple[int, int, float]:
        """Hold time, graceful restart time and hold-down that are in force: its own, else its profile's."""
        own, profile = self.own, self.profile
        return (
            profile.hold_time if own.hold_time is None else own.hold_time,
            profile.graceful_restart_time if own.graceful_restart_time is None else own.graceful_restart_time,
            profile.hold_down if own.hold_down is None else own.hold_down,
        )


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """What is remembered of an agent.

    `lineage`: how its generation came about. `astray`: where it stands when that is not on this line, as it
    was last reported. `supersedes`: the position that an operator confirmed to be left.
    """

    key: AgentKey
    cell_name: str
    generation: int
    lineage: tuple[Term, ...]
    astray: Position | None
    supersedes: Position | None
    confirmed_empty: bool
    inventory: dict[str, Any] | None
    first_seen_at: datetime | None
    drift_policy: str = "repair"
    """That of its cell; kept there."""

    @property
    def place(self) -> str:
        """How messages name the agent: "main/main-gw1"."""
        return f"{self.cell_name}/{self.key.gateway}"


class StandingRecord(NamedTuple):
    """The little of an agent that the status of a connection needs."""

    generation: int
    astray: bool
    ever_seen: bool


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened. `id` is given by the store and only grows."""

    id: int
    time: datetime
    type: str
    severity: str
    resource_type: str
    resource_id: str
    resource_name: str
    message: str
    request_id: str | None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change of one object, and who wanted it. `id` is given by the store and only grows."""

    id: int
    time: datetime
    request_id: str
    user: str
    roles: tuple[str, ...]
    method: str
    path: str
    action: str
    """created, updated or deleted."""
    resource_type: str
    resource_id: str
    resource_name: str
    revision_before: int | None
    revision_after: int | None
    changed: dict[str, Any]
    """Field to its value before and after, secrets masked."""


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """What is remembered of an agent's enrolment: nothing that lets anybody pass for it.

    `serial` and `expires` (seconds since 1970) are those of the one-time token it used; serials grow with
    time, and all tokens up to this one are void. The nonces are what both sides said then; without them the
    credential is revoked.
    """

    key: AgentKey
    serial: int
    expires: int
    agent_nonce: str | None
    manager_nonce: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one agent has done of an operation. `state`: waiting, done or failed."""

    place: str
    state: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """Work that outlives its request. `state`: running, succeeded or failed; `progress` in percent."""

    id: str
    type: str
    resource_type: str
    resource_id: str
    resource_name: str
    state: str
    progress: int
    steps: tuple[StepRecord, ...]
    error: str
    request_id: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DriftRecord:
    """Something at a gateway that somebody else changed.

    `origin`: the agent's life and its number there. `state`: open (being repaired), ignored, adopted or over.
    """

    id: str
    origin: str
    cell_id: str
    cell: str
    gateway: str
    driver: str
    kind: str
    object: str
    desired: str
    observed: str
    action: str
    state: str
    message: str
    found_at: datetime
    over_at: datetime | None
