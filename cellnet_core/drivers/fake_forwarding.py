"""A fake gateway: a flow table, groups and ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cellnet_core.drivers.contract import (
    Action,
    Capabilities,
    DriverUnavailableError,
    ForwardingIntent,
    ForwardingObservation,
    NextHop,
    PortStatus,
    PortTimers,
)
from cellnet_core.drivers.fake_device import FakeDevice
from cellnet_core.model.clock import Clock

Flow = tuple[NextHop, ...] | str
"""What a prefix or address leads to: a group (named by its next hops in order), or a MAC, or a word."""


@dataclass(frozen=True, slots=True)
class FakeTables:
    """Flows by match, and groups: next hops in order of preference."""

    flows: dict[str, Flow]
    groups: frozenset[tuple[NextHop, ...]]


class FakeForwarding(FakeDevice):
    """A gateway with a flow table and groups. Nothing outlives a restart but the names of its ports."""

    def __init__(self, clock: Clock, ports: Sequence[str] = (), name: str = "fake-forwarding") -> None:
        super().__init__(name, clock)
        self.booted = False
        self.looked: list[float] = []
        """When it was observed, on its clock."""
        self.spoiled: tuple[str, ...] = ()
        """Parts of the boot that somebody undid; `boot` makes them again and says so."""
        self.flows: dict[str, Flow] = {}
        self.groups: set[tuple[NextHop, ...]] = set()
        self.timers = {port: PortTimers(port, 10, 10, 3) for port in ports}
        """As `boot` makes them, until `apply` or somebody makes them others."""
        self.ports = {port: PortStatus(port, link_up=True, bfd="up") for port in ports}

    def capabilities(self) -> Capabilities:
        """See the contract."""
        no = "a fake forwards no packets"
        return Capabilities(
            self.name,
            "1",
            {
                "ipv4": True,
                "ipv6": True,
                "fast_failover": True,
                "bfd": True,
                "bfd_timers": True,
                "last_resort": True,
                "hold_down": "the agent does it",
                "ecmp": no,
                "drain": no,
                "tunnels": no,
            },
            {"bfd_min_tx_ms": (10, 10_000), "bfd_min_rx_ms": (10, 10_000), "bfd_multiplier": (2, 255)},
        )

    async def boot(self) -> tuple[str, ...]:
        """See the contract."""
        await self._answer()
        if self.faults.unavailable:
            raise DriverUnavailableError(f"{self.name} is switched off (faults.unavailable)")
        if self.booted:
            mended, self.spoiled = self.spoiled, ()
            return mended
        self.booted = True
        self.changed("boot")
        return ("bridge", *(f"port {name}" for name in sorted(self.ports)))

    def plan(self, desired: ForwardingIntent, observed: ForwardingObservation) -> tuple[Action, ...]:
        """See the contract."""
        if not observed.fresh or not isinstance(observed.tables, FakeTables):
            return ()
        flows, groups = expand(desired)
        have = observed.tables
        actions = [self._action("add", _group_name(hops), 10, (None, hops)) for hops in groups - have.groups]
        actions += [
            self._action("modify" if match in have.flows else "add", f"flow {match}", 20, (match, flow))
            for match, flow in flows.items()
            if have.flows.get(match) != flow
        ]
        known = {timers.interface: timers for timers in observed.timers}
        actions += [
            self._action("modify", f"bfd {each.interface}", 25, (None, each))
            for each in desired.timers
            if each.interface in known and known[each.interface] != each
        ]
        actions += [
            self._action("remove", f"flow {match}", 70, (match, flow))
            for match, flow in have.flows.items()
            if match not in flows
        ]
        actions += [
            self._action("remove", _group_name(hops), 80, (None, hops)) for hops in have.groups - groups
        ]
        return tuple(sorted(actions, key=lambda action: (action.order, action.target)))

    async def observe(self) -> ForwardingObservation:
        """See the contract."""
        self.looked.append(self.clock.now())
        await self._answer()
        ports = tuple(self.ports[name] for name in sorted(self.ports)) if self.booted else ()
        if self.faults.unavailable or self.faults.stale or not self.booted:
            return ForwardingObservation(
                self.clock.now(),
                fresh=False,
                instance="" if self.faults.unavailable else self.instance,
                ports=() if self.faults.unavailable else ports,
            )
        return ForwardingObservation(
            at=self.clock.now(),
            fresh=True,
            instance=self.instance,
            ports=ports,
            tables=FakeTables(dict(self.flows), frozenset(self.groups)),
            timers=tuple(self.timers[name] for name in sorted(self.timers)),
        )

    def restart(self) -> None:
        """The switch dies and comes back: no bridge, no flows; `boot` is needed."""
        self.restarts += 1
        self.booted = False
        self.flows, self.groups = {}, set()
        self.changed("restart")

    def set_port(
        self, interface: str, *, link_up: bool = True, bfd: Literal["down", "up", "off"] = "up"
    ) -> None:
        """Carrier and BFD of a port change."""
        old = self.ports[interface]
        flaps = old.flaps + (old.bfd == "up" and bfd != "up")
        self.ports[interface] = PortStatus(interface, link_up, bfd, flaps)
        self.changed("port")

    def lose(self, match: str) -> None:
        """Delete a flow behind the driver's back."""
        del self.flows[match]
        self.changed("drift")

    def plant(self, match: str, flow: Flow = "local") -> None:
        """Add a flow behind the driver's back."""
        self.flows[match] = flow
        self.changed("drift")

    def retime(self, interface: str, min_tx_ms: int, min_rx_ms: int, multiplier: int) -> None:
        """Change the BFD timers of a port behind the driver's back."""
        self.timers[interface] = PortTimers(interface, min_tx_ms, min_rx_ms, multiplier)
        self.changed("timers")

    def next_hops(self, prefix: str) -> tuple[NextHop, ...]:
        """Where packets to a prefix go, in order of preference; () when they are dropped."""
        flow = self.flows.get(prefix)
        return flow if isinstance(flow, tuple) and flow in self.groups else ()

    def _do(self, action: Action) -> str:
        match, value = action.payload
        if isinstance(value, PortTimers):
            self.timers[value.interface] = value
        elif match is not None:
            if action.verb == "remove":
                self.flows.pop(match, None)
            elif isinstance(value, tuple) and value not in self.groups:
                return f"no {_group_name(value)}; add it first"
            else:
                self.flows[match] = value
        elif action.verb == "remove":  # flows to it go too: OpenFlow 1.3.5 section 6.5
            self.groups.discard(value)
            self.flows = {kept: flow for kept, flow in self.flows.items() if flow != value}
        else:
            self.groups.add(value)
        return ""

    def _action(self, verb: str, target: str, order: int, payload: object) -> Action:
        reason = {"add": "wanted, not there", "modify": "differs", "remove": "there, not wanted"}[verb]
        return Action(self.name, verb, target, reason, order, payload)


def expand(desired: ForwardingIntent) -> tuple[dict[str, Flow], frozenset[tuple[NextHop, ...]]]:
    """Flows and groups of an intent."""
    flows: dict[str, Flow] = dict.fromkeys(desired.local_prefixes, "glean")
    flows |= dict.fromkeys(desired.local_addresses, "local")
    flows |= {adjacency.address: adjacency.mac for adjacency in desired.adjacencies}
    flows |= {route.prefix: route.next_hops for route in desired.routes}
    return flows, frozenset(route.next_hops for route in desired.routes)


def _group_name(hops: tuple[NextHop, ...]) -> str:
    return "group " + "+".join(f"{hop.interface}/{hop.destination_mac}" for hop in hops)
