"""The driver contract: how an agent drives a BGP speaker and a forwarding plane it knows nothing else about.

The same five calls for both kinds; only the values differ.

`capabilities()` answers at once, without I/O, the same each time. A "no" carries its reason; what a driver
    cannot do is refused by the API or shown as a DEGRADED condition, never ignored.
`plan(desired, observed)` is pure: the actions, in the order in which they must be applied, that turn what
    is observed into what is desired; empty when they agree. It must converge: applying the plan and
    observing again gives an empty plan. An observation that is not `fresh` gives an empty plan: unknown is
    not absent. Raising DriverError means: this driver cannot have that intent at all (the message says what
    of it, and the remedy); nothing is changed then, and the agent reports it and asks again later.
`apply(actions)` may block for as long as the device takes, at most `APPLY_TIMEOUT` seconds. Every action may
    be repeated. One outcome per action, in the same order; an action after a failed one may be skipped
    (`Outcome.status == "skipped"`) and is then simply planned again. Raising DriverUnavailableError means:
    nothing is known about any of the actions, observe again. Any other exception is a bug of the driver.
`observe()` may block for at most `OBSERVE_TIMEOUT` seconds and returns what the device says now, never what
    the driver remembers having written. When the device does not answer, it returns an observation with
    `fresh` false; it does not raise for that.
`watch()` yields hints: "look again", with a word why. Hints may come late, twice or never; they carry no
    truth. The iterator ends only when the driver is closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

APPLY_TIMEOUT = 10.0
OBSERVE_TIMEOUT = 5.0

Family = Literal["ipv4", "ipv6"]


class DriverError(Exception):
    """Anything a driver may raise."""


class DriverUnavailableError(DriverError):
    """The device cannot be reached now; trying later makes sense."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver can do. Keys are contract words; a value of True is yes, a text is no and says why.

    Speakers: ipv4, ipv6, graceful_restart, manual_end_of_rib, dynamic_peers, md5, bfd, evpn, communities.
    Forwarding: ipv4, ipv6, fast_failover, bfd, bfd_timers, last_resort, hold_down, ecmp, drain, tunnels.

    `ranges`: the least and the greatest value of what has a range; without an entry there is none to tell.
    Forwarding: bfd_min_tx_ms, bfd_min_rx_ms, bfd_multiplier.
    """

    driver: str
    version: str
    supports: Mapping[str, bool | str]
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def can(self, word: str) -> bool:
        """True only for an explicit yes."""
        return self.supports.get(word) is True

    def reason(self, word: str) -> str:
        """Why not; for a word the driver does not know, that."""
        answer = self.supports.get(word, f"{self.driver} does not know {word!r}")
        return answer if isinstance(answer, str) else ""


@dataclass(frozen=True, slots=True)
class Action:
    """One small change. `payload` belongs to the driver that planned it; nobody else looks inside.

    `order` puts actions of different drivers into one sequence, make before break:
    10 prepare (groups, neighbours), 20 make (flows), 30 announce, 60 withdraw, 70 unmake, 80 clean up.
    """

    driver: str
    verb: str  # "add", "modify", "remove"
    target: str  # readable and stable, such as "flow 10/1024 10.2.0.0/24" or "neighbour main-east-1"
    reason: str
    order: int
    payload: Any = field(default=None, repr=False)
    routine: bool = False
    """Due in the course of things, such as End-of-RIB in a new session: no sign of somebody's change."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action."""

    action: Action
    status: Literal["done", "failed", "skipped"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """Look again. `about` is a word for the journal ("port", "session", "route", "restart", ...)."""

    about: str
    detail: Mapping[str, Any] = field(default_factory=dict)


# --- speaker -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Neighbor:
    """A BGP neighbour to be configured: one session, over one path. Addresses are plain text."""

    name: str  # the path's name
    local_address: str
    peer_address: str
    local_as: int
    peer_as: int
    passive: bool
    families: tuple[Family, ...]
    hold_time: int = 9
    graceful_restart_time: int = 30
    interface: str | None = None
    password: str | None = field(default=None, repr=False)
    """TCP MD5 signature (RFC 2385); a secret. Capability `md5`."""


@dataclass(frozen=True, slots=True, order=True)
class Announcement:
    """A prefix to be announced over one session."""

    neighbor: str
    prefix: str
    next_hop: str
    med: int | None = None
    communities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeakerIntent:
    """All that a speaker shall do; what is not named is not wanted."""

    local_as: int
    router_id: str
    neighbors: tuple[Neighbor, ...] = ()
    announcements: tuple[Announcement, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """A session as the speaker reports it now. `since` is on the agent's monotonic clock, seconds."""

    neighbor: str
    state: str  # RFC 4271 section 8.2.2, upper case
    since: float
    last_error: str | None = None
    hold_time: int | None = None
    families: tuple[Family, ...] = ()
    flaps: int = 0


@dataclass(frozen=True, slots=True, order=True)
class LearnedRoute:
    """A route in the adjacency RIB in. `stale` while kept over a peer's graceful restart (RFC 4724)."""

    neighbor: str
    prefix: str
    next_hop: str
    as_path: tuple[int, ...] = ()
    origin: str = "igp"
    med: int = 0
    local_preference: int = 100
    communities: tuple[str, ...] = ()
    stale: bool = False


@dataclass(frozen=True, slots=True)
class SpeakerObservation:
    """What the speaker says. `fresh` false: it did not answer; the other fields then mean nothing."""

    at: float
    fresh: bool
    instance: str = ""
    """Changes when the speaker process was restarted."""
    neighbors: tuple[Neighbor, ...] = ()
    sessions: tuple[Session, ...] = ()
    announced: tuple[Announcement, ...] = ()
    learned: tuple[LearnedRoute, ...] = ()
    """Ordered: best first within a prefix (RFC 4271 section 9.1.2.2)."""


# --- forwarding --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class NextHop:
    """A way out of the gateway: WAN port, its own MAC as source, the neighbour's as destination."""

    interface: str
    source_mac: str
    destination_mac: str


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """A remote prefix by the next hops in order of preference; the first live one carries the traffic.

    When none is live, the first two carry each packet as last resort, so that a false alarm on one of them
    costs nothing while the other is dead.
    """

    prefix: str
    next_hops: tuple[NextHop, ...]


@dataclass(frozen=True, slots=True, order=True)
class Adjacency:
    """A host of this cell: its address and MAC, as the gateway's kernel learned them."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True, order=True)
class PortTimers:
    """BFD timers of a WAN port, in milliseconds (RFC 5880 section 4.1)."""

    interface: str
    min_tx_ms: int
    min_rx_ms: int
    multiplier: int
    why: str = field(default="", compare=False)
    """Who wants them, for the reason of an action."""


@dataclass(frozen=True, slots=True)
class ForwardingIntent:
    """All that the gateway shall forward; what is not named is dropped."""

    local_prefixes: tuple[str, ...] = ()
    local_addresses: tuple[str, ...] = ()
    """The gateway's own addresses inside the cell (also health checks): delivered to its kernel."""
    adjacencies: tuple[Adjacency, ...] = ()
    routes: tuple[Route, ...] = ()
    timers: tuple[PortTimers, ...] = ()
    """A port that is not named keeps the timers it has."""


@dataclass(frozen=True, slots=True)
class PortStatus:
    """A WAN port as the switch sees it now. None: not known."""

    interface: str
    link_up: bool | None
    bfd: Literal["admin_down", "down", "init", "up", "off"] | None
    flaps: int = 0


@dataclass(frozen=True, slots=True)
class ForwardingObservation:
    """What the gateway says. `fresh` false: tables unknown. `ports` may be known even then."""

    at: float
    fresh: bool
    instance: str = ""
    """Changes when the switch process was restarted."""
    ports: tuple[PortStatus, ...] = ()
    tables: Any = None
    """The driver's own picture of flows and groups; only its `plan` reads it."""
    timers: tuple[PortTimers, ...] = ()
    """Of the ports with BFD: what the switch is told to use. A port that is not named is not known."""
    unowned: tuple[str, ...] = ()
    """Readable names of objects in the driver's tables that nobody asked for."""


Desired = TypeVar("Desired", contravariant=True)
Observed = TypeVar("Observed")


class Driver(Protocol[Desired, Observed]):
    """See the module's docstring, which is the contract."""

    name: str

    def capabilities(self) -> Capabilities: ...

    def plan(self, desired: Desired, observed: Observed) -> tuple[Action, ...]: ...

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]: ...

    async def observe(self) -> Observed: ...

    def watch(self) -> AsyncIterator[Hint]: ...

    async def close(self) -> None:
        """Let go of connections and tasks. Changes nothing on the device."""
        ...


class SpeakerDriver(Driver[SpeakerIntent, SpeakerObservation], Protocol):
    """Drives a BGP speaker.

    `prepare()` is called once when the agent starts, before anything else: it makes whatever the speaker's
    process waits for (such as a first configuration), leaves alone what is there already, and says whether it
    made something. It must not need the process, which may not run yet.

    `glance()` answers at once and asks nobody: what the last `observe()` saw, with the routes that the
    speaker has told of since. None where that would not do: nothing was seen yet, something was applied,
    anything else than routes was heard of, or the speaker cannot be heard. `at` stays that of `observe()`, so
    a glance never makes what was asked look newer; asking confirms it, soon, and finds what was never told. A
    driver that hears nothing of routes returns None always.

    `order(kind, neighbors)` is pure: the actions, for `apply`, that do something once to sessions of these
    names. "refresh" has the peer send its routes again (RFC 2918), "reset" ends the session, which comes up
    again by itself. An outcome is "failed" where the session is not there; repeating does it again.
    """

    def prepare(self) -> bool: ...

    def glance(self) -> SpeakerObservation | None: ...

    def order(
        self, kind: Literal["refresh", "reset"], neighbors: Sequence[Neighbor]
    ) -> tuple[Action, ...]: ...


class ForwardingDriver(Driver[ForwardingIntent, ForwardingObservation], Protocol):
    """Drives the forwarding of a gateway.

    `boot()` makes the gateway ready to talk to its neighbours without any controller: bridges, ports,
    addresses, base flows, BFD, and the kernel kept quiet beside the pipeline. It is idempotent, touches only
    what is missing or wrong, returns what it changed, and is called at start and after the switch restarted.
    BFD gets the site's timers where it has none; timers that are there are the business of `plan`.
    """

    async def boot(self) -> tuple[str, ...]: ...
