"""Profiles in the store."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import Row, Select, Table, bindparam, or_, select

from cellnet_core.store import listing, texts
from cellnet_core.store.records import BfdRecord, Family, ProfileRecord
from cellnet_core.store.schema import ProfileRow
from cellnet_core.store.session import Session

REMEMBERED = 512
"""Profiles, those that were read last."""
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")


PROFILES = cast(Table, ProfileRow.__table__)
COLUMNS: listing.Columns = {
    "id": PROFILES.c.id,
    "name": PROFILES.c.name,
    "is_default": PROFILES.c.is_default,
    "managed_by": PROFILES.c.managed_by,
    "tags": PROFILES.c.tags,
    "created_at": PROFILES.c.created_at,
    "updated_at": PROFILES.c.updated_at,
}


@cache
def columns() -> Select[Any]:
    """Everything that a record is made of."""
    return select(*texts.columns(PROFILES))


@cache
def _named() -> Select[Any]:
    said = bindparam("reference", type_=PROFILES.c.name.type)
    return columns().where(or_(PROFILES.c.id == said, PROFILES.c.name == said))


@cache
def _default() -> Select[Any]:
    return columns().where(PROFILES.c.is_default)


@cache
def with_ids() -> Select[Any]:
    """Those with the `ids` that are bound."""
    return columns().where(PROFILES.c.id.in_(bindparam("ids", expanding=True)))


def find(session: Session, reference: str) -> ProfileRecord | None:
    """The profile with that id or name."""
    rows = list(session.execute(_named(), {"reference": reference}))
    rows.sort(key=lambda row: row.id != reference)
    return record(rows[0]) if rows else None


def default(session: Session) -> ProfileRecord | None:
    """The profile of connections that name none."""
    row = session.execute(_default()).first()
    return None if row is None else record(row)


def page(session: Session, query: listing.PageQuery) -> listing.Page[ProfileRecord]:
    """A page of profiles."""
    rows, more = listing.fetch(session, columns(), COLUMNS, query)
    return listing.Page(tuple(record(row) for row in rows), more)


def save(session: Session, profile: ProfileRecord) -> None:
    """Add the profile, or replace the one with its id."""
    bfd = profile.bfd
    session.mapped.merge(
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
    session.mapped.delete(session.mapped.get_one(ProfileRow, profile_id))
    session.flush()


def record(row: Row[Any]) -> ProfileRecord:
    """A row of `columns` as a value; the same row is the same value."""
    return _record(tuple(row))


_FIELDS = tuple(PROFILES.columns.keys())


@lru_cache(maxsize=REMEMBERED)
def _record(values: tuple[Any, ...]) -> ProfileRecord:
    row = dict(zip(_FIELDS, values, strict=True))
    bfd, limits = texts.document(row.pop("bfd") or "null"), texts.document(row.pop("prefix_limits"))
    return ProfileRecord(
        **{
            **row,
            "bfd": None if bfd is None else BfdRecord(**bfd),
            "prefix_limits": tuple((family, limits[family]) for family in FAMILIES if family in limits),
            "tags": texts.words(row["tags"]),
            "created_at": texts.moment(row["created_at"]),
            "updated_at": texts.moment(row["updated_at"]),
        }
    )
