"""What most stories begin and end with, and the words they share. Pure.

Which two cells a story plays between, the flows between them, the steps until traffic runs, and what counts
as recovered.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from simulator import stack
from topologies.model import Cell, Gateway, Link, Topology

from .. import ways
from ..actions import Boot, Connect, Disconnect, StartProbes, Watch
from ..measurements import Flow
from ..scenario import Scenario, Step
from ..values import Budget, Expectation
from ..wording import several
from .story import Knobs, UnsuitableTopologyError

RATE = 1000  # packets a second of every flow: one lost packet is one millisecond
HOLD_TIME = 9.0  # seconds of the BGP hold timer that connections have by default
KEEPALIVE = HOLD_TIME / 3

CUT = Budget(
    outage_ms=20,
    lost=20,
    outages=1,
    why="the switch hears of a lost carrier in 5 to 9 ms and the group's next bucket is already installed; "
    "20 ms leaves room for a late probe. One outage only: coming back must cost nothing.",
)
UNUSED = Budget(
    lost=0,
    why="no packet goes this way: taking the bucket of an idle path out of the group, and putting it back, "
    "touches no packet on the others.",
)
NOTHING = Budget(
    lost=0,
    why="this process takes no part in forwarding: flows stay in the switch (secure mode) and routes stay "
    "with the neighbour (graceful restart), so not one packet may be lost.",
)
TURNED = Budget(
    outage_ms=250,
    lost=250,
    outages=1,
    why="these packets come by a provider's router, which must see the fault and turn them itself, over the "
    "other router: measured 10 to 30 ms with BIRD, 70 to 100 ms with FRR, here as in docs/benchmarks.md.",
)
ANEW = 2.5
"""Seconds until packets flow again when BGP begins anew: a speaker calls again after at most one second,
sessions and routes take 0.2 s, plan and flows 0.1 s."""
ANEW_PROVIDED = 5.0
"""The same with a provider's router. FRR ends a session once or twice more while BFD comes up beside it
(Cease, 6/10), which is a second each, and tells its routes a second later; BIRD needs no more than a cell."""
CALM = Budget(lost=0, why="nothing is broken: whatever is lost now, the lab itself loses.")

BACK_ON_PATH = Expectation("path", "traffic is back on the path it used before", 30)
BACK_AGAIN = Expectation("service-back", "the process is back and ready", 30)


class Words(NamedTuple):
    """What a scenario is called and about."""

    name: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Two cells of a topology, and the ways from the first to the second."""

    topology: Topology
    here: Cell
    there: Cell
    links: tuple[Link, ...]

    @property
    def gateway(self) -> Gateway:
        """The gateway of the first cell that the first way leaves by."""
        return next(g for g in self.here.gateways if g.name in (self.links[0].a.node, self.links[0].b.node))

    @property
    def bfd_ms(self) -> int:
        """The interval of BFD in a lab of this topology: larger networks have a slower one (docs/lab.md)."""
        return stack.bfd_interval_ms(self.topology)

    @property
    def silent(self) -> Budget:
        """What a fault that only BFD can see may cost."""
        interval = self.bfd_ms
        most = 3 * interval + 20
        return Budget(
            outage_ms=most,
            lost=most,
            outages=1,
            why=f"BFD at {interval} ms x 3 needs {2 * interval} to {3 * interval} ms to miss three packets, "
            f"and the group then switches at once; {most} ms leaves room for a late probe. One outage only: "
            "coming back must cost nothing.",
        )

    @property
    def provided(self) -> bool:
        """Whether the ways lead to providers' routers and not to the other cell itself."""
        return not self.topology.wan_between(self.here.name, self.there.name)

    def shared(self, budget: Budget, back: Budget = TURNED) -> Budget:
        """That of a fault on a way between the first cell and a provider, where half of it is the provider's:
        ours leave by the next way, but what comes back is turned by the provider's router."""
        if not self.provided or budget == UNUSED:
            return budget
        return replace(budget, towards={self.here.hosts[0].name: back})

    @property
    def anew(self) -> float:
        """Seconds until packets flow again when BGP begins anew."""
        return ANEW_PROVIDED if self.provided else ANEW

    def begin(self) -> tuple[Step, ...]:
        """Boot, connect, traffic, and a moment of calm."""
        here, there = self.here.name, self.there.name
        over = "provider routers" if self.provided else "WAN paths"
        count = len(self.topology.routers) if self.provided else len(self.links)
        return (
            Step(
                "boot",
                "Boot the lab",
                f"Start {len(self.topology.cells)} cells with their gateways, BGP speakers, SDN controllers "
                f"and agents; {here} and {there} are joined by {count} {over}.",
                "Every daemon reports that it is ready.",
                Boot(),
            ),
            Step(
                "connect",
                f"Connect {here} and {there}",
                "Create two endpoints and a connection over the REST API. Nothing else is told to anybody.",
                "BGP sessions come up, routes are learned on both sides, and the connection becomes ONLINE "
                "once packets made the round trip.",
                Connect(here, there),
                (Expectation("status", "the connection is ONLINE", 30, of={"is": "ONLINE"}),),
            ),
            Step(
                "probe",
                "Start real traffic",
                f"{RATE:,} packets a second in each direction, IPv4 and IPv6, and control flows beside them "
                "that cross neither a switch nor the WAN: what those lose, the machine lost.",
                "Everything arrives.",
                StartProbes(self.flows()),
                (Expectation("delivering", "all flows deliver", 10),),
            ),
            Step(
                "calm",
                "Watch it with nothing broken",
                "Two seconds of measuring without a fault.",
                "No packet is lost.",
                Watch(2.0),
                budget=CALM,
            ),
        )

    def end(self) -> tuple[Step, ...]:
        """Take the connection away, and look that nothing of it is left."""
        return (
            Step(
                "disconnect",
                "Take the connection away",
                "Delete the connection and its endpoints over the API.",
                "Sessions, flows and groups are gone, and so is the connection from the API.",
                Disconnect(),
                (Expectation("gone", "nothing of the connection is left", 20),),
            ),
        )

    def flows(self) -> tuple[Flow, ...]:
        """Both directions in both families between the first hosts."""
        return flows(self.here, self.there)

    def tell(self, words: tuple[str, str, str], steps: tuple[Step, ...], seed: int, knobs: Knobs) -> Scenario:
        """The scenario of these steps, with a beginning and an end. `words`: name, title, summary."""
        name, title, summary = words
        parameters: Mapping[str, object] = {**self.topology.parameters, **knobs}
        return Scenario(
            name, title, summary, self.topology, (*self.begin(), *steps, *self.end()), seed, parameters
        )


def flows(one: Cell, other: Cell, rate: int = RATE) -> tuple[Flow, ...]:
    """Both directions in both families between the first hosts of two cells."""
    hosts = (one.hosts[0], other.hosts[0])
    return tuple(
        Flow(
            f"{source.cell} → {destination.cell} IPv{far.version}",
            source.name,
            destination.name,
            str(own.ip),
            str(far.ip),
            rate,
        )
        for source, destination in (hosts, hosts[::-1])
        for own, far in zip(source.addresses, destination.addresses, strict=True)
    )


def find(story: str, topology: Topology, paths: int = 2) -> Ground:
    """The first two cells that have a host each and so many ways to each other.

    Raises UnsuitableTopologyError, which says what to ask for.
    """
    for index, here in enumerate(topology.cells):
        for there in topology.cells[index + 1 :]:
            there_and_back = (
                ways.between(topology, here, there),
                ways.between(topology, there, here),
            )
            if here.hosts and there.hosts and min(map(len, there_and_back)) >= paths:
                return Ground(topology, here, there, there_and_back[0])
    words = {1: "one path", 2: "two paths", 3: "three paths"}.get(paths, f"{paths} paths")
    asks = [f"--set paths={paths} --set hosts=1", f"--topology two-cells --set paths={paths}"]
    if topology.routers:
        asks[0] = f"--set routers={paths} --set hosts=1"
    raise UnsuitableTopologyError(
        f"{story} needs two cells with a host each and {words} between them; topology {topology.name!r} has "
        f"none. Try {several(asks, 'or')}"
    )


def phase(rng: random.Random) -> float:
    """Seconds before a fault: anywhere within BFD's detection time at its fastest."""
    return round(rng.uniform(0.0, 0.03), 4)


def recovered(*more: Expectation) -> tuple[Expectation, ...]:
    """What must be so again after every fault."""
    return (
        Expectation("delivering", "all flows deliver", 30),
        Expectation("status", "the connection is ONLINE", 40, of={"is": "ONLINE"}, for_s=1.0),
        *more,
    )
