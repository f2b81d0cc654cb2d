"""Forgets old events and drifts that are over, a bounded batch at a time, so that no writer waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cellnet_core.manager.context import Context
from cellnet_core.store import pruning as rows
from cellnet_core.store.session import Session

INTERVAL = 60.0
"""Seconds between two looks for what is old."""
BATCH = 500
"""Rows of each kind that one transaction removes; while there are more, the next follows soon."""
SLACK = timedelta(seconds=10)
"""How much later a drift may seem to have ended when its agent tells of it again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is kept: the newest so many, and nothing older than so many days."""

    events: int = 100_000
    events_days: float = 90.0
    drifts: int = 10_000
    drifts_days: float = 90.0

    def forgets(self, session: Session, over_at: datetime, now: datetime) -> bool:
        """Whether a drift that was over by then is not kept; an agent may tell of it still."""
        before = now - timedelta(days=self.drifts_days)
        return over_at <= rows.drift_horizon(session, before, self.drifts) + SLACK


class Pruning:
    """One per manager. `tick` may run in any thread, as often as one likes."""

    def __init__(self, context: Context, limits: Limits) -> None:
        self._context = context
        self._limits = limits
        self._due = context.clock.now()

    def tick(self) -> None:
        """Remove a batch if it is time. Raises StoreUnavailableError."""
        now = self._context.clock.now()
        if now < self._due:
            return
        self._due = now + INTERVAL
        wall, limits = self._context.wall(), self._limits
        with self._context.database.write() as session:
            events = rows.prune_events(
                session, wall - timedelta(days=limits.events_days), limits.events, BATCH
            )
            drifts = rows.prune_drifts(
                session, wall - timedelta(days=limits.drifts_days), limits.drifts, BATCH
            )
        if events or drifts:
            self._context.journal.record("pruned", events=events, drifts=drifts)
        if BATCH in (events, drifts):
            self._due = now
