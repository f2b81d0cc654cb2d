"""Fault to repair, side by side: the same fault at a random moment on the path in use, under the same probe.

Each rival is up beside cellnet, on a lab of the same two-cell topology. In each round both get their turn, in
random order, so that whatever the machine does meanwhile hits both alike.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from simulator import lab as labs
from simulator.client import LabClient
from simulator.probes import flows as probe_flows
from simulator.probes import reports
from simulator.probes.session import ProbeSession
from tests.bench import lifecycle, networks, outliers
from tests.bench.settled import settled
from topologies import catalogue
from topologies.model import LinkKind, Topology

KINDS = ("blackhole", "cut")
OURS = "cellnet"
RATE = 2000
REPAIR_SECONDS = 8.0
READY_SECONDS = 30.0
LEAD_SECONDS = 0.1
SETTLE_SECONDS = 2.0
FAULTS_A_SESSION = 25
POLL_SECONDS = 0.1
CALM_LOOKS = 2
DOUBTS_TOLD = 3


@dataclass(slots=True)
class Taken:
    """What was measured of one network: milliseconds by kind of fault, and what was left out and why."""

    outages: dict[str, list[float]] = field(default_factory=dict)
    inconclusive: list[str] = field(default_factory=list)

    def add(self, other: Taken) -> None:
        """As well as this."""
        for kind, values in other.outages.items():
            self.outages.setdefault(kind, []).extend(values)
        self.inconclusive += other.inconclusive

    def summary(self) -> dict[str, Any]:
        """For the JSON."""
        result: dict[str, Any] = {kind: _summary(values) for kind, values in self.outages.items()}
        result["inconclusive"] = self.inconclusive
        return result


@dataclass(slots=True)
class Contestant:
    """A network, its lab, and how to see that both its paths are usable, within how many seconds.

    `ours`: it is cellnet.
    """

    name: str
    client: LabClient
    ready: Callable[[], bool]
    ours: bool = True
    ready_within: float = READY_SECONDS
    measured: Taken = field(default_factory=Taken)
    _session: ProbeSession | None = None
    _faults: int = 0

    def probe(self, topology: Topology) -> ProbeSession:
        """The flow that has been running for a while: interpreters that start make switches late.

        A new one now and then, because what it remembers grows.
        """
        if self._session is not None and self._faults >= FAULTS_A_SESSION:
            self.rest()
        if self._session is None:
            flow = next(f for f in probe_flows.between(topology, "main", "east", RATE) if f.family == 4)
            self._session = ProbeSession(self.client, [flow], name="bench")
            self._session.start()
            self._faults = 0
            time.sleep(SETTLE_SECONDS)
        self._faults += 1
        return self._session

    def rest(self) -> None:
        """Send no more until the next fault."""
        if self._session is not None:
            self._session.stop()
            self._session = None

    def taken(self) -> Taken:
        """What was measured since it was last taken."""
        taken, self.measured = self.measured, Taken()
        return taken


def start(name: str, topology: Topology) -> Contestant:
    """Bring a network up: "cellnet", "ovs", "bird", "frr", "bird-defaults" or "frr-defaults"."""
    print(f"bench: starting {name}", file=sys.stderr, flush=True)
    ours = name == OURS
    client = labs.up(topology, name=f"bench-{name}", services=ours)
    try:
        if ours:
            lifecycle.wait_online(client, lifecycle.connect(client))
            return Contestant(name, client, cellnet_ready(client, topology))
        kind, _, defaults = name.partition("-")
        networks.START[kind](client, topology, None if defaults else networks.Timers())
        return Contestant(name, client, networks.READY[kind](client, topology), ours=False)
    except BaseException:
        client.down(keep_logs=True)
        raise


def cellnet_ready(client: LabClient, topology: Topology) -> Callable[[], bool]:
    """Whether BFD is up on both paths at both ends, with the timers that were asked for."""
    gateways = [cell.gateways[0].name for cell in topology.cells]

    def ready() -> bool:
        return all(
            settled(client.exec(gateway, ["ovs-appctl", "-t", "ovs-vswitchd", "bfd/show"]).stdout, 2)
            for gateway in gateways
        )

    return ready


def run(rivals: list[str], rounds: int, alone: int, seed: int) -> dict[str, Any]:
    """Outages in milliseconds: cellnet beside each rival in turn, and cellnet alone.

    Two labs at a time are what two processors bear without false alarms of BFD. `rounds` are pairs with each
    rival and kind of fault, 0 for no rival at all; `alone` is how often cellnet meets the first kind with no
    other lab beside it (the other no more than `rounds` times).
    """
    chance = random.Random(seed)
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    own = start(OURS, topology)
    found: dict[str, Any] = {}
    try:
        for kind, count in zip(KINDS, (alone, min(alone, rounds)), strict=True):
            for number in range(count):
                one(own, topology, kind, chance)
                if number % 50 == 49:
                    print(f"bench: {number + 1} of {count} x {kind} alone", file=sys.stderr, flush=True)
        own.rest()
        found["alone"] = {OURS: own.taken().summary()}
        _tell("alone", found["alone"])
        for name in rivals if rounds else ():
            rival = start(name, topology)
            try:
                for _ in range(rounds):
                    for kind in KINDS:
                        for each in chance.sample([own, rival], 2):
                            one(each, topology, kind, chance)
            finally:
                own.rest()
                rival.rest()
                rival.client.down()
            found[name] = {OURS: own.taken().summary(), name: rival.taken().summary()}
            _tell(f"beside {name}", found[name])
    finally:
        own.client.down()
    return found


def ratios(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Median outage of each rival divided by cellnet's beside it, by kind of fault; where both have one."""
    result: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for rival, both in found.items():
        for kind in KINDS:
            own = both[OURS].get(kind, {}).get("median_ms")
            other = both.get(rival, {}).get(kind, {}).get("median_ms")
            if own and other is not None:
                result[kind][rival] = round(other / own, 2)
    return result


def one(each: Contestant, topology: Topology, kind: str, chance: random.Random) -> None:
    """One fault on the path in use, and its outage."""
    session = each.probe(topology)
    link = ""
    for _ in range(CALM_LOOKS):  # a false alarm just before would make it another fault than was meant
        _until(each.ready, each.ready_within, f"{each.name}: both paths usable")
        link = _link_in_use(each.client, topology)
    time.sleep(chance.uniform(0.0, 0.1))  # the random phase
    began = time.monotonic()
    fault = each.client.inject({"kind": kind, "link": link})
    _until(lambda: _repaired(session, began), REPAIR_SECONDS, f"{each.name}: repair after {kind} of {link}")
    report = session.snapshot(since_s=began - LEAD_SECONDS)
    each.client.clear(fault)
    longest = max((outage.duration_ms for outage in report.measured[0].figures.outages), default=0.0)
    if each.ours:
        outliers.keep(each.client, kind, longest, began)
    if doubts := reports.distrust(report):
        each.measured.inconclusive.append(f"{kind}: {longest:.1f} ms; {'; '.join(doubts)}")
        return
    each.measured.outages.setdefault(kind, []).append(longest)


def _repaired(session: ProbeSession, since: float) -> bool:
    """The flow has been whole for the last quarter of a second that can be judged."""
    now = time.monotonic()
    if now - since < 0.6:
        return False
    figures = session.snapshot(since_s=now - 0.55).measured[0].figures
    return figures.sent > 0 and figures.lost == 0


def _link_in_use(client: LabClient, topology: Topology) -> str:
    """The WAN link that carries the flow now: the one whose port sends most, by the kernel's counters."""
    gateway = topology.cells[0].gateways[0].name
    links = topology.links_of(gateway, LinkKind.WAN)
    ports = {link.name: (link.a if link.a.node == gateway else link.b).name for link in links}

    def sent() -> dict[str, int]:
        shown = client.exec(gateway, ["cat", "/proc/net/dev"]).stdout
        return {
            name: int(match.group(1))
            for name, port in ports.items()
            if (match := re.search(rf"^\s*{port}:(?:\s+\d+){{9}}\s+(\d+)", shown, re.MULTILINE))
        }

    before = sent()
    time.sleep(0.2)
    after = sent()
    return max(ports, key=lambda name: after[name] - before[name])


def _until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)  # each look costs processes


def _tell(where: str, found: dict[str, Any]) -> None:
    for name, values in found.items():
        medians = ", ".join(f"{kind} {values[kind]['median_ms']} ms" for kind in KINDS if kind in values)
        doubts = values["inconclusive"]
        print(f"bench: {where}: {name}: median {medians or 'none'}; {len(doubts)} left out", file=sys.stderr)
        for doubt in doubts[:DOUBTS_TOLD]:
            print(f"bench:   {doubt}", file=sys.stderr)
        if len(doubts) > DOUBTS_TOLD:
            print(f"bench:   and {len(doubts) - DOUBTS_TOLD} more, in the report", file=sys.stderr)
    sys.stderr.flush()


def _summary(values: list[float]) -> dict[str, Any]:
    ordered = sorted(values)
    p95 = quantiles(ordered, n=20)[-1] if len(ordered) > 1 else ordered[0]
    return {
        "count": len(ordered),
        "median_ms": round(median(ordered), 1),
        "p95_ms": round(p95, 1),
        "min_ms": round(ordered[0], 1),
        "max_ms": round(ordered[-1], 1),
    }
