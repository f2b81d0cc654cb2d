"""What a fault may do to a running lab, and what it may know of it.

The lab daemon implements `FaultContext`; `simulator.faults` is written against it and imports no daemon. The
daemon calls two functions of `simulator.faults`:

    parse(document: Mapping[str, Any], inventory: Inventory) -> Fault
        pure; raises FaultError, a ValueError, for what is wrong with the document
    async apply(fault, context, identity, when_over) -> Undo | None
        raises FaultError or FaultTargetError with nothing half-done; None: over at once, nothing to undo;
        `when_over` is called when a fault that runs by itself (a flapping link) has come to its end

and keeps the undo, under the id it gives to the client, until the fault is cleared. A fault that ends by
itself (a freeze of 100 ms) is awaited inside `apply`. Values and protocols only: no I/O here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from simulator.services import ServiceSpec
from topologies.model import Link, Topology

SEGMENT_NODE = "mgmt"
"""Name of the sandbox's own (root) network namespace: it holds the bridge of the management network."""

Undo = Callable[[], Awaitable[None]]
"""Takes a fault back. Called once; must also work when the node or the process it touched is gone."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended. `returncode` is negative for a signal, as in `subprocess`."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """The names that exist in a lab now, with everything added to it and taken from it since it started.

    `nodes` includes `SEGMENT_NODE`. `links` holds what is really there, by name; `topology` is what the lab
    was started from (cells, gateways, addresses). `services` maps a service's name to its node; names are
    "role@node", such as "speaker@main-gw1".
    """

    topology: Topology
    nodes: frozenset[str]
    links: Mapping[str, Link]
    services: Mapping[str, str]


class Clock(Protocol):
    """Monotonic seconds and waiting."""

    def now(self) -> float:
        """Seconds of CLOCK_MONOTONIC, the same in every namespace of the machine."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


class ServiceControl(Protocol):
    """One supervised process of the lab. It is restarted by its supervisor whenever it ends unasked."""

    @property
    def name(self) -> str:
        """ "role@node"."""
        ...

    @property
    def node(self) -> str:
        """The node whose network namespace it runs in."""
        ...

    @property
    def pid(self) -> int | None:
        """Process id inside the sandbox; None while it is not running."""
        ...

    def kill(self, signal: int) -> None:
        """Send the signal to the service's process group. Raises FaultTargetError if it is not running."""
        ...

    def freeze(self) -> None:
        """SIGSTOP to the process group: alive and silent."""
        ...

    def thaw(self) -> None:
        """SIGCONT; harmless when the process is not frozen or gone."""
        ...

    async def restart(self) -> None:
        """Stop it in order and start it again; returns once it is ready (bounded)."""
        ...

    async def stop(self) -> None:
        """Stop it in order and keep it stopped until `start` (bounded)."""
        ...

    async def start(self) -> None:
        """Start it and keep it running; returns once it is ready (bounded). Harmless while it runs."""
        ...


class FirewallDoor(Protocol):
    """The nft rule sets of one node, at hand: `run` takes well under a millisecond."""

    def run(self, commands: str) -> str:
        """All of these commands or none. Returns what is wrong, "" when it is done."""
        ...

    def close(self) -> None:
        """Let go of the node."""
        ...


class FaultContext(Protocol):
    """The lab as a fault sees it. Everything is inside the sandbox; nothing here reaches the host."""

    @property
    def clock(self) -> Clock:
        """The lab's clock."""
        ...

    @property
    def inventory(self) -> Inventory:
        """Names and links as they are now."""
        ...

    def node_pid(self, node: str) -> int:
        """A process (id inside the sandbox) that holds the node's network namespace.

        Raises FaultTargetError.
        """
        ...

    def link(self, name: str) -> Link:
        """The link of that name, with the interface names of both ends. Raises FaultTargetError."""
        ...

    def service(self, name: str) -> ServiceControl:
        """The service of that name. Raises FaultTargetError."""
        ...

    def set_interface(self, node: str, interface: str, *, up: bool) -> None:
        """Set an interface administratively up or down, in under a millisecond (netlink, no program).

        Down takes the carrier from the other end of the cable. Raises FaultTargetError if there is none.
        """
        ...

    def firewall(self, node: str) -> FirewallDoor:
        """A door to the node's rule sets, to be closed. Raises FaultTargetError and FirewallMissingError."""
        ...

    async def add_service(self, spec: ServiceSpec, within: float) -> None:
        """Run one more supervised service; returns when it is ready. One of that name must not be there.

        Raises FaultTargetError when it is not ready in that many seconds; it is then gone again.
        """
        ...

    async def remove_service(self, name: str) -> None:
        """Stop such a service and forget it. Harmless when there is none."""
        ...

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str | None = None, within: float = 10.0
    ) -> Completed:
        """Run a program in the node's network namespace and wait for it, at most `within` seconds.

        Raises FaultTargetError for an unknown node or program and TimeoutError (the program is then killed).
        """
        ...

    def record(self, kind: str, **detail: Any) -> None:
        """Put a line into the lab's timeline, now."""
        ...


class FaultTargetError(LookupError):
    """No such node, link, interface or running service in this lab. The message names what there is."""
