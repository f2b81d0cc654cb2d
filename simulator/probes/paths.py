"""Which links carried a flow, and when it moved from one to another: from what watchers saw. Pure.

A watcher looks at the WAN ports of the gateways and reads the number and the send time in each probe packet,
so all times here are the sender's. What it saw of one flow at one port in one direction is kept as a run,
from the first packet until one of the same flow is seen at another port in that direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

Place = Literal["left", "arrived"]
"""left: where the packets left the sender's cell; arrived: where they came into the receiver's."""


@dataclass(frozen=True, slots=True)
class Run:
    """Packets of one flow that crossed one port of a gateway, without another of that cell in between.

    Times are when the first and the last one were sent, in nanoseconds of CLOCK_MONOTONIC.
    """

    flow: int
    place: Place
    node: str
    device: str
    first_ns: int
    last_ns: int
    packets: int


@dataclass(frozen=True, slots=True)
class Carried:
    """One link that carried a flow for a while: packets sent from `first_s` to `last_s`, CLOCK_MONOTONIC."""

    place: Place
    link: str
    node: str
    first_s: float
    last_s: float
    packets: int

    def document(self, zero_s: float = 0.0) -> dict[str, Any]:
        """As in a report file; times in seconds since `zero_s`."""
        return {
            "place": self.place,
            "link": self.link,
            "node": self.node,
            "first_s": round(self.first_s - zero_s, 6),
            "last_s": round(self.last_s - zero_s, 6),
            "packets": self.packets,
        }


@dataclass(frozen=True, slots=True)
class Switch:
    """A flow moved. `at_s` is when the first packet was sent that came by the new link; `gap_ms` is the time
    between it and the last one that came by the old link, both by the sender's clock."""

    at_s: float
    before: str
    after: str
    gap_ms: float


class Recording:
    """The runs so far; packets are told in the order in which they were seen. `most` runs are kept."""

    def __init__(self, most: int = 4000) -> None:
        self.runs: list[Run] = []
        self.left_out = 0
        self._most = most
        self._open: dict[tuple[int, Place], Run] = {}

    def seen(self, flow: int, place: Place, node: str, device: str, sent_ns: int) -> None:
        """A packet of the flow, sent at that time, crossed a port."""
        key = (flow, place)
        run = self._open.get(key)
        if run is not None and (run.node, run.device) == (node, device):
            last, count = max(run.last_ns, sent_ns), run.packets + 1
            self._open[key] = Run(flow, place, node, device, run.first_ns, last, count)
            return
        if run is not None:
            self._close(run)
        self._open[key] = Run(flow, place, node, device, sent_ns, sent_ns, 1)

    def all(self) -> list[Run]:
        """Those that ended and those that go on."""
        return [*self.runs, *self._open.values()]

    def _close(self, run: Run) -> None:
        if len(self.runs) < self._most:
            self.runs.append(run)
        else:
            self.left_out += 1


def carried(
    runs: Iterable[Run], flow: int, links: Mapping[str, str], stretch: tuple[float, float]
) -> tuple[Carried, ...]:
    """The way of one flow, in order of time; runs that touch `stretch` (seconds) only.

    `links` has the link of each "node:device".
    """
    since, until = stretch
    found = [
        Carried(
            place=run.place,
            link=links[f"{run.node}:{run.device}"],
            node=run.node,
            first_s=run.first_ns / 1e9,
            last_s=run.last_ns / 1e9,
            packets=run.packets,
        )
        for run in runs
        if run.flow == flow and run.last_ns / 1e9 >= since and run.first_ns / 1e9 < until
    ]
    return tuple(sorted(found, key=lambda one: (one.first_s, one.place)))


def switches(path: Sequence[Carried], place: Place = "arrived") -> tuple[Switch, ...]:
    """Where the flow moved to another link, as seen where it left or where it arrived."""
    there = [one for one in path if one.place == place]
    return tuple(
        Switch(after.first_s, before.link, after.link, 1000 * (after.first_s - before.last_s))
        for before, after in pairwise(there)
        if before.link != after.link
    )
