"""What probes measured, as values, and the cutting of it into windows of time.

Pure. Times are seconds on the machine's monotonic clock; an outage is timed by the sender's stamps: from the
last packet that arrived before it to the first one that arrived after it, so a slow receiver makes none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow to be probed: `rate` packets a second from one node to an address of another.

    A `control` flow crosses neither a switch nor the WAN: what it loses, the harness itself lost.
    """

    name: str
    source: str
    destination: str
    source_address: str
    address: str
    rate: int = 1000
    control: bool = False


@dataclass(frozen=True, slots=True)
class Outage:
    """Consecutive packets that never arrived. `start` is when the first of them was due."""

    start: float
    duration_ms: float
    lost: int

    @property
    def end(self) -> float:
        """When the first packet after it was sent."""
        return self.start + self.duration_ms / 1000


@dataclass(frozen=True, slots=True)
class FlowMeasurement:
    """What one flow saw from `start` to `end`. Lateness is the sender's: send time minus due time."""

    flow: Flow
    start: float
    end: float
    sent: int
    received: int
    lost: int
    duplicated: int = 0
    reordered: int = 0
    outages: tuple[Outage, ...] = ()
    lateness_p99_ms: float = 0.0
    lateness_max_ms: float = 0.0

    @property
    def worst_outage_ms(self) -> float:
        """The longest outage; 0 when there was none."""
        return max((outage.duration_ms for outage in self.outages), default=0.0)

    @property
    def rate_sent(self) -> float:
        """Packets a second that really left the sender."""
        return self.sent / (self.end - self.start) if self.end > self.start else 0.0


def without_shared(measured: FlowMeasurement, control: FlowMeasurement) -> FlowMeasurement:
    """`measured` without the outages that overlap one of the control flow: the harness lost those packets."""
    own = tuple(
        outage
        for outage in measured.outages
        if not any(outage.start < other.end and other.start < outage.end for other in control.outages)
    )
    excused = sum(outage.lost for outage in measured.outages) - sum(outage.lost for outage in own)
    return replace(measured, outages=own, lost=max(0, measured.lost - excused))
