"""Profiles in the store."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from cellnet_core.store import listing
from cellnet_core.store.records import BfdRecord, Family, ProfileRecord
from cellnet_core.store.schema import ProfileRow

COLUMNS: listing.Columns = {
    "id": ProfileRow.id,
    "name": ProfileRow.name,
    "is_default": ProfileRow.is_default,
    "managed_by": ProfileRow.managed_by,
    "tags": ProfileRow.tags,
    "created_at": ProfileRow.created_at,
    "updated_at": ProfileRow.updated_at,
}
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")


def find(session: Session, reference: str) -> ProfileRecord | None:
    """The profile with that id or name."""
    same = or_(ProfileRow.id == reference, ProfileRow.name == reference)
    rows = list(session.scalars(select(ProfileRow).where(same)))
    rows.sort(key=lambda row: row.id != reference)
    return record(rows[0]) if rows else None


def default(session: Session) -> ProfileRecord | None:
    """The profile of connections that name none."""
    row = session.scalars(select(ProfileRow).where(ProfileRow.is_default)).first()
    return None if row is None else record(row)


def page(session: Session, query: listing.PageQuery) -> listing.Page[ProfileRecord]:
    """A page of profiles."""
    rows, more = listing.fetch(session, select(ProfileRow), COLUMNS, query)
    return listing.Page(tuple(record(row) for row in rows), more)


def save(session: Session, profile: ProfileRecord) -> None:
    """Add the profile, or replace the one with its id."""
    bfd = profile.bfd
    session.merge(
        ProfileRow(
            id=profile.id,
            name=profile.name,
            hold_time=profile.hold_time,
            graceful_restart_time=profile.graceful_restart_time,
            hold_down=profile.hold_down,
            health_interval=profile.health_interval,
            bfd=None
            if bfd is None
            else {"min_tx_ms": bfd.min_tx_ms, "min_rx_ms": bfd.min_rx_ms, "multiplier": bfd.multiplier},
            prefix_limits=dict(profile.prefix_limits),
            drain_method=profile.drain_method,
            password=profile.password,
            is_default=profile.is_default,
            description=profile.description,
            managed_by=profile.managed_by,
            tags=list(profile.tags),
            revision_number=profile.revision_number,
            created_at=profile.created_at,
            updated_at=profile.updated_at,
        )
    )
    session.flush()


def remove(session: Session, profile_id: str) -> None:
    """Forget a profile that no connection names."""
    session.delete(session.get_one(ProfileRow, profile_id))
    session.flush()


def record(row: ProfileRow | Row[Any]) -> ProfileRecord:
    """The row as a value."""
    return ProfileRecord(
        id=row.id,
        name=row.name,
        hold_time=row.hold_time,
        graceful_restart_time=row.graceful_restart_time,
        hold_down=row.hold_down,
        health_interval=row.health_interval,
        bfd=None if row.bfd is None else BfdRecord(**row.bfd),
        prefix_limits=tuple((f, row.prefix_limits[f]) for f in FAMILIES if f in row.prefix_limits),
        drain_method=row.drain_method,
        password=row.password,
        is_default=row.is_default,
        description=row.description,
        managed_by=row.managed_by,
        tags=tuple(row.tags),
        revision_number=row.revision_number,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
