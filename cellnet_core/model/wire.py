"""What a manager and an agent say to each other, version by version.

The agent asks (long poll) for its intent and reports what it sees; the manager never calls an agent, so no
request to the manager waits for a remote machine. Documents are JSON; unknown fields are ignored on receipt,
so that neighbours one version apart understand each other; `wire_version` says who is ahead. What is added
has a default that means "as before"; words that may grow in number are plain text. A document that an older
program would get wrong says so by `readable_since`, and requests name both versions in VERSION_HEADER: then
neither goes on with what it half understands, and both say so.

Polarity: a condition of a report names a problem, status "True" means that the problem is there. (Conditions
of the manager's API are the other way round: there "True" is good.)

    GET /v1/agents/{cell}/{gateway}/intent?after=<generation>&wait=<seconds>
        200 IntentDocument as soon as its generation is greater than `after`; 204 after `wait` seconds if not.
        `after=-1` answers at once.
    PUT /v1/agents/{cell}/{gateway}/report     ReportDocument -> 204
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

WIRE_VERSION = 3
OLDEST_VERSION = 1
"""The oldest version whose documents are understood here."""
READABLE_SINCE = 1
"""The oldest version that gets our documents right; raised when what is added changes what was there."""
VERSION_HEADER = "X-Cellnet-Wire"


# Nothing is taken for what it is not: not false for 0, nor "1" for 1.
Whole: TypeAlias = StrictInt
Flag: TypeAlias = StrictBool
Number: TypeAlias = StrictFloat


class Document(BaseModel):
    """A frozen value that tolerates fields of a later version."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Head(Document):
    """What each document begins with, and all that is read of one that may not be understood."""

    wire_version: Whole = 1
    readable_since: Whole = 1

    def header(self) -> str:
        """The value of VERSION_HEADER."""
        return f"version={self.wire_version}, readable_since={self.readable_since}"

    def problem(self, whose: str, ours: str) -> str | None:
        """Why this program cannot use the document, and the remedy; None when it can."""
        if self.readable_since > WIRE_VERSION:
            return (
                f"{whose} speaks wire version {self.wire_version}, which takes {self.readable_since} "
                f"at least to understand; {ours} has {WIRE_VERSION}: upgrade it"
            )
        if self.wire_version < OLDEST_VERSION:
            return (
                f"{whose} speaks wire version {self.wire_version}; {ours} has {WIRE_VERSION} and understands "
                f"{OLDEST_VERSION} at least: upgrade {whose}"
            )
        return None


OURS = Head(wire_version=WIRE_VERSION, readable_since=READABLE_SINCE)


def parse_header(value: str) -> Head:
    """The head that VERSION_HEADER names. Programs of version 1 send none; malformed counts as that."""
    said = dict(part.strip().partition("=")[::2] for part in value.split(","))
    numbers = {name: int(text) for name, text in said.items() if text.isascii() and text.isdigit()}
    return Head(
        wire_version=numbers.get("version", 1),
        readable_since=numbers.get("readable_since", 1),
    )


# --- intent: manager to agent ------------------------------------------------------------------------


class PathIntent(Document):
    """One path of a connection, as seen from the agent's side. Addresses are plain, without prefix length."""

    name: str
    """Stable and the same on both sides, such as "main-east-1"; order in the list is order of preference."""
    interface: str
    local_addresses: tuple[str, ...]
    """This end's link addresses, at most one per family, IPv4 first."""
    remote_addresses: tuple[str, ...]
    passive: Flag
    """True on exactly one side: this end waits for the TCP connection (else collisions end sessions)."""
    via: str | None = None
    """Name of the provider's router at the far end of the link; `remote_addresses` are then the router's, and
    the session with it serves all connections over this interface. None: the far end is another gateway."""
    peer_asn: Whole | None = None
    """The router's AS number. None: that of the remote cell."""

    @property
    def session(self) -> str:
        """Name of the BGP session that serves this path: its own, or that of the router and interface, which
        no path is called like (names of cells hold no colon)."""
        return self.name if self.via is None else f"{self.via}:{self.interface}"


class BfdIntent(Document):
    """BFD timers of a connection's WAN ports, in milliseconds (RFC 5880 section 4.1)."""

    min_tx_ms: Whole
    min_rx_ms: Whole
    multiplier: Whole


class ProfileIntent(Document):
    """Timers and options of a connection's sessions. Times in seconds."""

    hold_time: Whole = 9
    graceful_restart_time: Whole = 30
    hold_down: Number = 3.0
    """How long a path must have been up again before traffic returns to it."""
    health_interval: Number = 1.0
    """Between two health checks of one family, once the first was answered."""
    bfd: BfdIntent | None = None
    """None: as the agent's site file has it."""
    prefix_limits: dict[str, Whole] = Field(default_factory=dict)
    """Family to the most prefixes that are imported from one session; a family without entry has no limit."""
    password: str | None = Field(None, repr=False)
    """TCP MD5 signature (RFC 2385) of every session. Never in a log, a journal or a report."""
    drain_method: str = "auto"
    """How traffic is moved away for maintenance."""


class OrderIntent(Document):
    """Something to be done once, not a state to be kept. An agent does each `id` once and reports it."""

    id: str
    action: str
    """`reconcile`: look at everything and put it right now; `refresh`: have the peers send their routes again
    (RFC 2918); `reset`: end the sessions, they come up again by themselves."""
    paths: tuple[str, ...] = ()
    """Which paths' sessions; () means all."""


class RemoteIntent(Document):
    """The far end of a connection."""

    cell: str
    asn: Whole
    prefixes: tuple[str, ...]
    """What the far cell may announce; anything else it announces is not used."""
    health_addresses: tuple[str, ...]


class ConnectionIntent(Document):
    """One connection of this agent's gateway."""

    id: str
    name: str
    revision: Whole
    phase: Literal["present", "absent"]
    """`absent`: take it down in order and report it gone; the manager then forgets it."""
    families: tuple[Literal["ipv4", "ipv6"], ...]
    profile: ProfileIntent
    remote: RemoteIntent
    prefixes: tuple[str, ...]
    """What this end announces over the connection."""
    paths: tuple[PathIntent, ...]
    orders: tuple[OrderIntent, ...] = ()


class Term(Document):
    """One life of the manager's program over a database, and the first generation it gave an agent."""

    id: str
    first: Whole


class Position(Document):
    """One generation of one history: which intent an agent has in force."""

    owner: str
    term: str
    """In which term the generation was given out; "" when its manager did not say (before this field)."""
    generation: Whole


class IntentDocument(Document):
    """Everything one agent shall make so. `generation` only grows, per agent; `owner` is the manager's id."""

    wire_version: Whole = WIRE_VERSION
    readable_since: Whole = READABLE_SINCE
    owner: str
    generation: Whole
    complete: Literal[True] = True
    """An intent is always whole: what it does not name is not wanted."""
    confirmed_empty: Flag = False
    """Without it, an agent that has connections does not take an intent without any for a mass delete."""
    lineage: tuple[Term, ...] = ()
    """How `generation` came about, the latest term last. An agent whose own position is not on this line is
    asked to jump into another history: the database was put back or replaced (`model/lineage.py`)."""
    supersedes: Position | None = None
    """An operator confirmed that this position, which is not on the line, is to be left for this intent."""
    drift_policy: str = "repair"
    """What becomes of what somebody else changed: `repair`, `ignore` or `adopt` (docs/lifecycle.md); a word
    that the agent does not know means `repair`."""
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
    since_s: Number
    """Seconds the session has been in this state."""
    last_error: str | None = None
    hold_time: Whole | None = None
    """Negotiated, in seconds; None while not established."""
    families: tuple[str, ...] = ()
    prefixes_received: dict[str, Whole] = Field(default_factory=dict)
    """By family."""
    flaps: Whole = 0


class PathReport(Document):
    """Liveness of one path, as the gateway's switch sees it."""

    path: str
    interface: str
    link_up: Flag | None
    """None: not known."""
    bfd: Literal["admin_down", "down", "init", "up", "off"] | None
    held_down: Flag = False
    """True while the path is up again but traffic does not use it yet."""


class HealthReport(Document):
    """Round trips between the two health-check addresses, one family."""

    family: Literal["ipv4", "ipv6"]
    local_address: str
    remote_address: str
    ok: Flag
    known: Flag = True
    """False: a new agent over a living gateway has neither answer nor loss yet; `ok` says nothing."""
    rtt_ms: Number | None = None
    sent: Whole = 0
    lost: Whole = 0


class ConditionReport(Document):
    """A problem that is there ("True"), not there, or not known; `type` and `reason` in CamelCase."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str


class OrderReport(Document):
    """What became of an order."""

    id: str
    state: str
    """`done` or `failed`."""
    message: str = ""


class DriftReport(Document):
    """Something at a device that is not as it was made, without anybody having asked for it."""

    id: str
    """Stable over reports of one agent_id."""
    driver: str
    kind: str
    """What it is: flow, group, neighbor, announcement, gateway ..."""
    object: str
    desired: str
    observed: str
    action: str
    """What is done about it: `repair`, `ignore` or `adopt`."""
    message: str = ""
    """Why the repair failed, or why another action than the policy's was taken."""
    found_s: Number
    """Seconds ago."""
    over_s: Number | None = None
    """Seconds since it is no more; None: it is still there."""


class TruthReport(Document):
    """Whether one part of the gateway is as wanted, and how old that knowledge is."""

    subject: str
    """`speaker`, `flows` or `groups`."""
    status: str
    """`as_wanted`, `differs` or `unknown`."""
    differing: Whole = 0
    """Objects that somebody else changed and that are not put right."""
    age_s: Number | None = None
    """Seconds since it was last observed; None: not since this agent started."""


class ConnectionReport(Document):
    """What the agent sees of one connection."""

    id: str
    revision: Whole
    """The revision of the intent that this report is about."""
    phase: Literal["applying", "applied", "absent", "error"]
    sessions: tuple[SessionReport, ...] = ()
    paths: tuple[PathReport, ...] = ()
    health: tuple[HealthReport, ...] = ()
    learned: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Prefixes in use from the far end, by family."""
    conditions: tuple[ConditionReport, ...] = ()
    stage: str = ""
    """How far a take-down is: withdraw, unroute, close, gone; `present` for what is wanted."""
    sessions_age_s: Number | None = 0.0
    """Seconds since the speaker last said what `sessions` and `learned` rest on; None: it has not answered
    since this agent started, and they mean nothing."""
    tables_age_s: Number | None = 0.0
    """The same for the gateway's tables, which `phase` rests on."""
    orders: tuple[OrderReport, ...] = ()


class PeerInventory(Document):
    """A provider's router at the far end of a WAN port. Addresses with prefix length."""

    name: str
    asn: Whole
    addresses: tuple[str, ...]
    passive: Flag = False
    """True: the gateway waits for the router's TCP connection."""


class PortInventory(Document):
    """A WAN port the agent offers. Addresses with prefix length."""

    interface: str
    addresses: tuple[str, ...]
    peer: PeerInventory | None = None


class Inventory(Document):
    """What the agent's site offers to endpoints; the manager fills unsaid fields of an endpoint from it."""

    asn: Whole
    router_id: str
    prefixes: tuple[str, ...]
    health_addresses: tuple[str, ...]
    ports: tuple[PortInventory, ...]
    capabilities: dict[str, dict[str, str | Flag]] = Field(default_factory=dict)
    """Driver name to capability to True, or to the reason for "no"."""
    ranges: dict[str, dict[str, tuple[Whole, Whole]]] = Field(default_factory=dict)
    """Driver name to what has a range, to its least and greatest value."""


class ProcessReport(Document):
    """One of the processes an agent depends on: speaker, controller channel, switch."""

    name: Literal["speaker", "controller", "switch"]
    ok: Flag
    message: str = ""


class ReportDocument(Document):
    """Everything one agent sees. Sent on each change (coalesced) and at least every two seconds."""

    wire_version: Whole = WIRE_VERSION
    readable_since: Whole = READABLE_SINCE
    agent_id: str
    """New at each start of the agent."""
    sequence: Whole
    """Grows by one each report of this agent_id; the manager drops what comes out of order."""
    generation: Whole
    """Generation of the intent that is in force; -1 before the first."""
    position: Position | None = None
    """Of the intent that is in force; None before the first, and from agents that do not know it yet."""
    inventory: Inventory
    processes: tuple[ProcessReport, ...] = ()
    connections: tuple[ConnectionReport, ...] = ()
    drifts: tuple[DriftReport, ...] = ()
    """What is there now, and the latest of what was repaired."""
    truth: tuple[TruthReport, ...] = ()
    reconcile_s: Number | None = None
    """Seconds that the last round of looking, thinking and acting took."""
