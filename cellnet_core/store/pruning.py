"""Forgetting what happened long ago: old events, and drifts that are over. Bounded: a batch at a time.

Open drifts are never touched, and the newest event stays whatever its age: by it a listener is told what it
missed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select

from cellnet_core.store.drifts import OVER
from cellnet_core.store.schema import DriftRow, EventRow
from cellnet_core.store.session import Session


def oldest_event(session: Session) -> int | None:
    """The number of the oldest event that is kept; None: there was none ever."""
    return session.scalar(select(func.min(EventRow.id)))


def prune_events(session: Session, before: datetime, keep: int, batch: int) -> int:
    """Remove the oldest events, at most `batch`: those from before that time, and those beyond the `keep`
    newest. How many it were. Costs what is removed, but for one walk along `keep` numbers."""
    newest = session.scalar(select(func.max(EventRow.id)))
    if newest is None:
        return 0
    beyond = session.scalar(select(EventRow.id).order_by(EventRow.id.desc()).offset(max(keep, 1)).limit(1))
    oldest = session.execute(
        select(EventRow.id, EventRow.time).where(EventRow.id < newest).order_by(EventRow.id).limit(batch)
    ).all()
    last = None
    for number, time in oldest:
        if time >= before and (beyond is None or number > beyond):
            break
        last = number
    if last is None:
        return 0
    session.execute(delete(EventRow).where(EventRow.id <= last))
    return sum(number <= last for number, _ in oldest)


def drift_horizon(session: Session, before: datetime, keep: int) -> datetime:
    """Drifts that were over by then are not kept: too old, or beyond the `keep` newest."""
    over = select(DriftRow.over_at).where(DriftRow.state == OVER, DriftRow.over_at.is_not(None))
    beyond = session.scalar(over.order_by(DriftRow.over_at.desc()).offset(keep).limit(1))
    return before if beyond is None else max(before, beyond)


def prune_drifts(session: Session, before: datetime, keep: int, batch: int) -> int:
    """Remove drifts that are over, the oldest first, at most `batch`. How many it were."""
    horizon = drift_horizon(session, before, keep)
    gone = session.scalars(
        select(DriftRow.id)
        .where(DriftRow.state == OVER, DriftRow.over_at <= horizon)
        .order_by(DriftRow.over_at, DriftRow.id)
        .limit(batch)
    )
    if gone:
        session.execute(delete(DriftRow).where(DriftRow.id.in_(gone), DriftRow.state == OVER))
    return len(gone)
