"""What the contract suite needs of a device, beyond its driver: ways to look at it and to trouble it.

A rig belongs to one driver; a new driver joins the suite by bringing a rig. Everything a rig does to its
device goes past the driver.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from cellnet_core.drivers.contract import (
    Adjacency,
    Announcement,
    Driver,
    Family,
    ForwardingIntent,
    Neighbor,
    NextHop,
    Route,
    SpeakerIntent,
)
from cellnet_core.drivers.fake import FakeForwarding, FakeSpeaker, FakeWan
from cellnet_core.model.clock import SystemClock
from tests.contract import samples

SPEAKER_WORDS = (
    "ipv4",
    "ipv6",
    "graceful_restart",
    "manual_end_of_rib",
    "dynamic_peers",
    "md5",
    "bfd",
    "evpn",
    "communities",
)
FORWARDING_WORDS = (
    "ipv4",
    "ipv6",
    "fast_failover",
    "bfd",
    "last_resort",
    "hold_down",
    "ecmp",
    "drain",
    "tunnels",
)


class Rig(Protocol):
    """A device with its driver, ready to be tested. Waiting in a rig is bounded."""

    driver: Driver[Any, Any]
    words: tuple[str, ...]
    """Capability words that the driver must answer."""
    intents: tuple[Any, ...]
    """Intents to go through in this order; the last one wants nothing. Each differs from its neighbours."""
    patience: float
    """Seconds for a device to come back, or for a hint to come."""

    async def state(self) -> object:
        """The device's state, read past the driver; comparable."""
        ...

    async def meddle(self) -> None:
        """Take away something that `intents[0]` put there, past the driver."""
        ...

    async def provoke(self) -> None:
        """Let something happen in the network that a driver should hint at."""
        ...

    async def stop(self) -> None:
        """The device goes away."""
        ...

    async def start(self) -> None:
        """The device comes back as a new process; ready for observe."""
        ...


RigFactory = Callable[[], AbstractAsyncContextManager[Rig]]


def speaker_intents(neighbors: tuple[Neighbor, ...]) -> tuple[SpeakerIntent, ...]:
    """Neighbours come, change and go; announcements too. The first intent has all neighbours."""

    def announce(*names: str, med: int | None = None) -> tuple[Announcement, ...]:
        by_name = {neighbor.name: neighbor for neighbor in neighbors}
        return tuple(
            Announcement(name, prefix, by_name[name].local_address, med)
            for name in names
            for prefix in ("10.0.1.0/24", "10.1.0.0/16")
        )

    one, two = neighbors
    as_, router_id = one.local_as, "10.0.1.1"
    return (
        SpeakerIntent(as_, router_id, neighbors, announce(one.name, two.name)),
        SpeakerIntent(as_, router_id, neighbors, announce(one.name, two.name, med=7)),
        SpeakerIntent(as_, router_id, (replace(one, hold_time=30), two), announce(one.name)),
        SpeakerIntent(as_, router_id, (two,), announce(two.name)),
        SpeakerIntent(as_, router_id, neighbors, ()),
        SpeakerIntent(as_, router_id),
    )


def forwarding_intents() -> tuple[ForwardingIntent, ...]:
    """Routes by one and two paths, in both orders; hosts that come, move and go."""
    site = samples.site()
    v4, v6 = samples.prefixes("east")
    first = NextHop("wan1", site.wan[0].mac, samples.mac("east", 1))
    second = NextHop("wan2", site.wan[1].mac, samples.mac("east", 2))
    host = Adjacency("10.0.1.21", "02:00:00:01:01:01")
    base = ForwardingIntent(
        local_prefixes=samples.prefixes("main"),
        local_addresses=("10.0.1.1", "10.0.1.11", "fdce:11:0:1::1", "fdce:11:0:1::11"),
    )
    return (
        replace(base, adjacencies=(host,), routes=(Route(v4, (first, second)), Route(v6, (first, second)))),
        replace(base, adjacencies=(host,), routes=(Route(v4, (second, first)), Route(v6, (second, first)))),
        replace(
            base,
            adjacencies=(replace(host, mac="02:00:00:01:01:99"),),
            routes=(Route(v4, (second,)), Route("10.0.3.0/24", (first,))),
        ),
        base,
        ForwardingIntent(),
    )


# --- the fakes' rigs ---------------------------------------------------------------------------------


class FakeSpeakerRig:
    """A fake speaker with a fake peer."""

    words = SPEAKER_WORDS
    patience = 0.5

    def __init__(self, kind: type[FakeSpeaker]) -> None:
        wan = FakeWan()
        self.driver = kind(SystemClock(), wan)
        self.peer = FakeSpeaker(SystemClock(), wan, "peer")
        families: tuple[Family, ...] = ("ipv4", "ipv6")
        self.intents = speaker_intents(
            (
                Neighbor("p1", "127.0.0.1", "127.0.0.2", 65001, 65002, False, families),
                Neighbor("p2", "127.0.0.1", "127.0.0.3", 65001, 65002, False, families),
            )
        )
        self.peer.neighbors["p1"] = Neighbor("p1", "127.0.0.2", "127.0.0.1", 65002, 65001, True, families)

    async def state(self) -> object:
        return dict(self.driver.neighbors), dict(self.driver.announced)

    async def meddle(self) -> None:
        self.driver.announced.pop(("p1", "10.0.1.0/24"))

    async def provoke(self) -> None:
        self.peer.announced["p1", "10.9.0.0/16"] = Announcement("p1", "10.9.0.0/16", "127.0.0.2")
        self.peer.wan.settle()

    async def stop(self) -> None:
        self.driver.running = False
        self.driver.faults.unavailable = True

    async def start(self) -> None:
        self.driver.faults.unavailable = False
        self.driver.restart()


class FakeForwardingRig:
    """A fake gateway."""

    words = FORWARDING_WORDS
    patience = 0.5

    def __init__(self, kind: type[FakeForwarding]) -> None:
        self.driver = kind(SystemClock(), ["wan1", "wan2"])
        self.intents = forwarding_intents()

    async def state(self) -> object:
        return dict(self.driver.flows), set(self.driver.groups), self.driver.booted

    async def meddle(self) -> None:
        del self.driver.flows["10.0.2.0/24"]

    async def provoke(self) -> None:
        self.driver.set_port("wan1", bfd="down")

    async def stop(self) -> None:
        self.driver.faults.unavailable = True

    async def start(self) -> None:
        self.driver.faults.unavailable = False
        self.driver.restart()


def fake_speaker(kind: type[FakeSpeaker] = FakeSpeaker) -> RigFactory:
    """A rig factory; `kind` may be a lying one."""

    @asynccontextmanager
    async def rig() -> AsyncIterator[Rig]:
        yield FakeSpeakerRig(kind)

    return rig


def fake_forwarding(kind: type[FakeForwarding] = FakeForwarding) -> RigFactory:
    """A rig factory; `kind` may be a lying one."""

    @asynccontextmanager
    async def rig() -> AsyncIterator[Rig]:
        rig = FakeForwardingRig(kind)
        await rig.driver.boot()
        yield rig

    return rig
