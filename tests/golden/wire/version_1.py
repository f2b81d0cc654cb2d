"""How version 1 of the wire was read: the classes of that version, word for word. Never changed again."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

WIRE_VERSION = 1


class Document(BaseModel):
    """A frozen value that tolerates fields of a later version."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# --- intent: manager to agent ------------------------------------------------------------------------


class PathIntent(Document):
    """One path of a connection, as seen from the agent's side. Addresses are plain, without prefix length."""

    name: str
    """Stable and the same on both sides, such as "main-east-1"; order in the list is order of preference."""
    interface: str
    local_addresses: tuple[str, ...]
    """This end's link addresses, at most one per family, IPv4 first."""
    remote_addresses: tuple[str, ...]
    passive: bool
    """True on exactly one side: this end waits for the TCP connection (else collisions end sessions)."""


class ProfileIntent(Document):
    """Timers and options of a connection's sessions. Times in seconds."""

    hold_time: int = 9
    graceful_restart_time: int = 30
    hold_down: float = 3.0
    """How long a path must have been up again before traffic returns to it."""


class RemoteIntent(Document):
    """The far end of a connection."""

    cell: str
    asn: int
    prefixes: tuple[str, ...]
    """What the far cell may announce; anything else it announces is not used."""
    health_addresses: tuple[str, ...]


class ConnectionIntent(Document):
    """One connection of this agent's gateway."""

    id: str
    name: str
    revision: int
    phase: Literal["present", "absent"]
    """`absent`: take it down in order and report it gone; the manager then forgets it."""
    families: tuple[Literal["ipv4", "ipv6"], ...]
    profile: ProfileIntent
    remote: RemoteIntent
    prefixes: tuple[str, ...]
    """What this end announces over the connection."""
    paths: tuple[PathIntent, ...]


class IntentDocument(Document):
    """Everything one agent shall make so. `generation` only grows, per agent; `owner` is the manager's id."""

    wire_version: int = WIRE_VERSION
    owner: str
    generation: int
    complete: Literal[True] = True
    """An intent is always whole: what it does not name is not wanted."""
    confirmed_empty: bool = False
    """Without it, an agent that has connections does not take an intent without any for a mass delete."""
    connections: tuple[ConnectionIntent, ...]


# --- report: agent to manager ------------------------------------------------------------------------

BgpState = Literal["IDLE", "CONNECT", "ACTIVE", "OPENSENT", "OPENCONFIRM", "ESTABLISHED"]
"""RFC 4271 section 8.2.2."""


class SessionReport(Document):
    """The BGP session of one path."""

    path: str
    local_address: str
    remote_address: str
    state: BgpState
    since_s: float
    """Seconds the session has been in this state."""
    last_error: str | None = None
    hold_time: int | None = None
    """Negotiated, in seconds; None while not established."""
    families: tuple[str, ...] = ()
    prefixes_received: dict[str, int] = Field(default_factory=dict)
    """By family."""
    flaps: int = 0


class PathReport(Document):
    """Liveness of one path, as the gateway's switch sees it."""

    path: str
    interface: str
    link_up: bool | None
    """None: not known."""
    bfd: Literal["admin_down", "down", "init", "up", "off"] | None
    held_down: bool = False
    """True while the path is up again but traffic does not use it yet."""


class HealthReport(Document):
    """Round trips between the two health-check addresses, one family."""

    family: Literal["ipv4", "ipv6"]
    local_address: str
    remote_address: str
    ok: bool
    rtt_ms: float | None = None
    sent: int = 0
    lost: int = 0


class ConditionReport(Document):
    """One thing that is so, or not, with its reason; `type` and `reason` in CamelCase."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


class ConnectionReport(Document):
    """What the agent sees of one connection."""

    id: str
    revision: int
    """The revision of the intent that this report is about."""
    phase: Literal["applying", "applied", "absent", "error"]
    sessions: tuple[SessionReport, ...] = ()
    paths: tuple[PathReport, ...] = ()
    health: tuple[HealthReport, ...] = ()
    learned: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Prefixes in use from the far end, by family."""
    conditions: tuple[ConditionReport, ...] = ()


class PortInventory(Document):
    """A WAN port the agent offers. Addresses with prefix length."""

    interface: str
    addresses: tuple[str, ...]


class Inventory(Document):
    """What the agent's site offers to endpoints; the manager fills unsaid fields of an endpoint from it."""

    asn: int
    router_id: str
    prefixes: tuple[str, ...]
    health_addresses: tuple[str, ...]
    ports: tuple[PortInventory, ...]
    capabilities: dict[str, dict[str, str | bool]] = Field(default_factory=dict)
    """Driver name to capability to True, or to the reason for "no"."""


class ProcessReport(Document):
    """One of the processes an agent depends on: speaker, controller channel, switch."""

    name: Literal["speaker", "controller", "switch"]
    ok: bool
    message: str = ""


class ReportDocument(Document):
    """Everything one agent sees. Sent on each change (coalesced) and at least every two seconds."""

    wire_version: int = WIRE_VERSION
    agent_id: str
    """New at each start of the agent."""
    sequence: int
    """Grows by one each report of this agent_id; the manager drops what comes out of order."""
    generation: int
    """Generation of the intent that is in force; -1 before the first."""
    inventory: Inventory
    processes: tuple[ProcessReport, ...] = ()
    connections: tuple[ConnectionReport, ...] = ()
