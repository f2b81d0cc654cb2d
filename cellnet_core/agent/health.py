"""Health checks: real packets between the two gateways' health addresses, one check per family.

A check sends nothing until its connection's routes are installed, then fast until the first answer comes
back, then steadily. One lost packet is no fault: LOSSES in a row are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal
from cellnet_core.model.wire import HealthReport

STEADY = 1.0
FAST = 0.075
FAST_FOR = 10.0
"""Seconds after which a check that never succeeded becomes a steady one."""
TIMEOUT = 0.5
LOSSES = 3


class Pinger(Protocol):
    """Sends one ICMP echo request and waits for its answer."""

    async def ping(self, source: str, destination: str, wait: float) -> float | None:
        """Round trip in milliseconds; None when no answer came within `wait` seconds."""
        ...


class IcmpPinger:
    """The real thing, on a raw socket: needs CAP_NET_RAW in its network namespace."""

    async def ping(self, source: str, destination: str, wait: float) -> float | None:
        """See Pinger. A source address that is not there now is a lost packet."""
        from icmplib import ICMPLibError, async_ping

        try:
            host = await async_ping(
                destination, count=1, timeout=wait, source=source, privileged=True, payload_size=16
            )
        except ICMPLibError:
            return None
        return float(host.avg_rtt) if host.is_alive else None


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What is checked: one family of one connection."""

    connection: str
    family: Literal["ipv4", "ipv6"]
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Health:
    """Result so far. `rtt_ms` of the last answer."""

    ok: bool = False
    rtt_ms: float | None = None
    sent: int = 0
    lost: int = 0
    lost_in_a_row: int = 0
    inherited: bool = False
    """Begun by a new agent over flows that were there before it."""

    @property
    def known(self) -> bool:
        """Whether `ok` is to be believed: not before an answer or LOSSES, where packets passed already."""
        return not self.inherited or self.ok or self.lost_in_a_row >= LOSSES


def advance(health: Health, rtt_ms: float | None) -> Health:
    """One more packet was sent: its round trip, or None if it was lost."""
    if rtt_ms is not None:
        return replace(health, ok=True, rtt_ms=round(rtt_ms, 3), sent=health.sent + 1, lost_in_a_row=0)
    row = health.lost_in_a_row + 1
    return replace(
        health,
        ok=health.ok and row < LOSSES,
        sent=health.sent + 1,
        lost=health.lost + 1,
        lost_in_a_row=row,
    )


@dataclass
class _Check:
    task: asyncio.Task[None]
    health: Health = field(default_factory=Health)


class HealthChecker:
    """Runs a check for each target whose routes are installed."""

    def __init__(self, pinger: Pinger, clock: Clock, journal: Journal, changed: Callable[[], None]) -> None:
        self._pinger = pinger
        self._clock = clock
        self._journal = journal
        self._changed = changed
        self._wanted: tuple[Target, ...] = ()
        self._checks: dict[Target, _Check] = {}
        self._intervals: Mapping[str, float] = {}
        self._settled = False

    def update(
        self,
        wanted: Iterable[Target],
        installed: Iterable[Target],
        intervals: Mapping[str, float],
        *,
        observed: bool,
    ) -> None:
        """Check the installed ones from now on. Call from within the event loop.

        `intervals`: seconds between two checks by connection. `observed`: the devices have been seen in this
        agent's life; until then what is not installed is not known.
        """
        self._wanted = tuple(sorted(wanted))
        self._intervals = intervals
        now = set(installed)
        for target in [target for target in self._checks if target not in now]:
            check = self._checks.pop(target)
            check.task.cancel()
            if check.health.ok:
                self._record(target, replace(check.health, ok=False))
                self._changed()
        for target in sorted(now - set(self._checks)):
            task = asyncio.create_task(self._run(target), name=f"health {target}")
            self._checks[target] = _Check(task, Health(inherited=not self._settled))
        self._settled = self._settled or observed

    def reports(self, connection: str) -> tuple[HealthReport, ...]:
        """What is known of a connection, family by family."""
        return tuple(
            HealthReport(
                family=target.family,
                local_address=target.source,
                remote_address=target.destination,
                ok=health.ok,
                known=health.known,
                rtt_ms=health.rtt_ms if health.ok else None,
                sent=health.sent,
                lost=health.lost,
            )
            for target in self._wanted
            if target.connection == connection
            for health in (self._health(target),)
        )

    def _health(self, target: Target) -> Health:
        check = self._checks.get(target)
        return Health(inherited=not self._settled) if check is None else check.health

    async def close(self) -> None:
        """Stop all checks."""
        tasks = [check.task for check in self._checks.values()]
        self._checks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, target: Target) -> None:
        started = self._clock.now()
        ever = False
        patience = FAST
        while True:
            began = self._clock.now()
            fast = not ever and began - started < FAST_FOR
            rtt = await self._pinger.ping(target.source, target.destination, patience if fast else TIMEOUT)
            patience = min(TIMEOUT, patience * 1.1)  # a long way needs a longer wait
            ever = ever or rtt is not None
            check = self._checks.get(target)
            if check is None or check.task is not asyncio.current_task():
                # Ended in the moment of an answer: before Python 3.12 waiting with a timeout forgets that.
                return
            before, check.health = check.health, advance(check.health, rtt)
            if before.ok != check.health.ok:
                self._record(target, check.health)
            if (before.ok, before.known) != (check.health.ok, check.health.known):
                self._changed()
            pause = FAST if not ever and fast else self._intervals.get(target.connection, STEADY)
            await self._clock.sleep(max(0.0, began + pause - self._clock.now()))

    def _record(self, target: Target, health: Health) -> None:
        self._journal.record(
            "health",
            connection=target.connection,
            family=target.family,
            local_address=target.source,
            remote_address=target.destination,
            ok=health.ok,
            rtt_ms=health.rtt_ms,
            sent=health.sent,
            lost=health.lost,
        )
