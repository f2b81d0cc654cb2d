"""From records to figures: what was lost, doubled, out of order, and for how long nothing got through. Pure.

**Outage.** Packets i..j of a flow are consecutive, all lost, and j+1 arrived. The outage starts when i was
sent and lasts until j+1 was sent: `duration = send_time(j+1) - send_time(i)`. Both times are the *sender's*:
a gap between arrivals without a loss is no outage (a busy receiver makes such gaps), and neither is a pause
of the sender (it is lateness, reported beside). The true outage is at most one sending interval longer or
shorter. One that reaches the end of the flow is `open`: it lasts until the last packet was sent.

**Reordered** (RFC 4737): arrived after a packet with a higher number. **Duplicated**: arrived again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from simulator.probes.histogram import Histogram
from simulator.probes.stalls import Progress, Stall

_MISSING, _SEEN = 0, 1


@dataclass(frozen=True, slots=True)
class Outage:
    """A run of consecutive lost packets. `start_s` is CLOCK_MONOTONIC seconds, by the sender's clock."""

    start_s: float
    duration_ms: float
    lost: int
    open: bool = False

    @property
    def end_s(self) -> float:
        """When the first packet that arrived again was sent."""
        return self.start_s + self.duration_ms / 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """One flow over one stretch of time. Delays are one-way, in milliseconds; 0 where nothing arrived.

    `widest_send_gap_ms` is the longest the sender itself paused: no outage shorter than it is certain.
    """

    sent: int
    received: int
    lost: int
    duplicated: int
    reordered: int
    outages: tuple[Outage, ...]
    delay_ms_p50: float
    delay_ms_p99: float
    delay_ms_max: float
    widest_send_gap_ms: float

    @property
    def longest_outage_ms(self) -> float:
        """0 if there was none."""
        return max((outage.duration_ms for outage in self.outages), default=0.0)


class FlowRecord:
    """Everything known of one flow so far; grows by what both ends wrote down, in any interleaving."""

    def __init__(self) -> None:
        self._sent: array[int] = array("q")
        self._seen = bytearray()
        self._early: list[tuple[int, int]] = []  # arrivals whose send record has not been read yet
        self._highest = -1
        self._reordered: array[int] = array("I")
        self._duplicated: array[int] = array("I")
        self._delays = Histogram()
        self._progress = Progress()

    def add_sent(self, times: Sequence[int]) -> None:
        """Send times in nanoseconds, of the sequence numbers that follow those known."""
        self._sent.extend(times)
        self._seen.extend(bytes(len(times)))
        early, self._early = self._early, []
        for number, time in early:
            self._arrived(number, time)

    def add_received(self, numbers: Sequence[int], times: Sequence[int]) -> None:
        """Sequence numbers and arrival times in nanoseconds, in order of arrival."""
        for number, time in zip(numbers, times, strict=True):
            self._arrived(number, time)

    def _arrived(self, number: int, time: int) -> None:
        if number >= len(self._sent):
            self._early.append((number, time))
            return
        if self._seen[number]:
            self._duplicated.append(number)
            return
        self._seen[number] = _SEEN
        self._delays.add((time - self._sent[number]) // 1000)
        self._progress.delivered(number, time, self._sent)
        if number < self._highest:
            self._reordered.append(number)
        else:
            self._highest = number

    def figures(self, since: int | None = None, until: int | None = None) -> Figures:
        """Of the packets sent from `since` to before `until` (nanoseconds); of all without.

        While a flow runs, `until` must lie so far back that what was sent then has arrived or never will.
        Delays are always those of the whole flow.
        """
        first = 0 if since is None else bisect_left(self._sent, since)
        last = len(self._sent) if until is None else max(bisect_left(self._sent, until), first)
        lost = self._seen.count(_MISSING, first, last)
        return Figures(
            sent=last - first,
            received=last - first - lost,
            lost=lost,
            duplicated=sum(first <= number < last for number in self._duplicated),
            reordered=sum(first <= number < last for number in self._reordered),
            outages=self._outages(first, last),
            delay_ms_p50=self._delays.quantile_ms(0.5),
            delay_ms_p99=self._delays.quantile_ms(0.99),
            delay_ms_max=self._delays.max_ms,
            widest_send_gap_ms=self._widest_gap(first, last),
        )

    def stalls(self, since: int, until: int) -> tuple[Stall, ...]:
        """Of a flow over a connection: stretches without progress that began in that time (nanoseconds)."""
        return self._progress.stalls(since, until, self._sent)

    def _outages(self, first: int, last: int) -> tuple[Outage, ...]:
        found = []
        at = self._seen.find(_MISSING, first, last)
        while at >= 0:
            # An outage that began in this stretch is followed to its end, also past the stretch.
            after = self._seen.find(_SEEN, at)
            still_open = after < 0
            if still_open:
                after = last
            end = self._sent[after - 1] if still_open else self._sent[after]
            found.append(
                Outage(
                    start_s=self._sent[at] / 1e9,
                    duration_ms=(end - self._sent[at]) / 1e6,
                    lost=after - at,
                    open=still_open,
                )
            )
            at = self._seen.find(_MISSING, after, last) if after < last else -1
        return tuple(found)

    def _widest_gap(self, first: int, last: int) -> float:
        times = self._sent[first:last]
        return max((b - a for a, b in pairwise(times)), default=0) / 1e6
