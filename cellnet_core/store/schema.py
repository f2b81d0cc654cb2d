"""The tables as they are now. Only this folder sees them; everybody else gets records.

What is added or changed here also goes into the latest revision under `migrations/versions`; a test compares.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Integer, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

REVISION = "0002"
"""The Alembic revision that these tables are."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware times in, aware UTC times out, also where the database knows no time zones (SQLite)."""

    impl = DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (given signature)
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (given signature)
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables of the manager."""

    type_annotation_map = {  # noqa: RUF012 (read by SQLAlchemy as it is)
        datetime: UtcDateTime,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        dict[str, Any]: JSON,
    }


class MetaRow(Base):
    """Facts about the database itself.

    owner: the id of the manager that it belongs to. schema_version: "alembic"; programs before Alembic look
    there.
    """

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))


class CellRow(Base):
    __tablename__ = "cells"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    nova_cell_uuid: Mapped[str | None] = mapped_column(String(36), unique=True)
    asn: Mapped[int] = mapped_column(BigInteger)
    prefixes: Mapped[list[str]]
    description: Mapped[str] = mapped_column(String(255))
    drift_policy: Mapped[str] = mapped_column(String(10), server_default="repair")
    tags: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    revision_number: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class EndpointRow(Base):
    __tablename__ = "endpoints"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    cell_id: Mapped[str] = mapped_column(ForeignKey("cells.id"))
    gateway: Mapped[str] = mapped_column(String(63))
    asn: Mapped[int] = mapped_column(BigInteger)
    prefixes: Mapped[list[str]]
    health_check_addresses: Mapped[list[str]]
    interfaces: Mapped[list[dict[str, Any]]]
    description: Mapped[str] = mapped_column(String(255))
    managed_by: Mapped[str] = mapped_column(String(63), server_default="")
    tags: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    revision_number: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (Index("endpoints_by_agent", "cell_id", "gateway"),)


class ProfileRow(Base):
    """What connections have in common. `password` is a secret and leaves the store for agents only."""

    __tablename__ = "profiles"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    hold_time: Mapped[int]
    graceful_restart_time: Mapped[int]
    hold_down: Mapped[float]
    health_interval: Mapped[float]
    bfd: Mapped[dict[str, Any] | None]
    prefix_limits: Mapped[dict[str, Any]]
    drain_method: Mapped[str] = mapped_column(String(20))
    password: Mapped[str | None] = mapped_column(String(80))
    is_default: Mapped[bool]
    description: Mapped[str] = mapped_column(String(255))
    managed_by: Mapped[str] = mapped_column(String(63))
    tags: Mapped[list[str]]
    revision_number: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ConnectionRow(Base):
    """`conditions` and the two statuses are the last that were worked out; `told_...` is the digest of what
    the agent of that side was told last; desired state is all the rest. `own_...` wins over the profile.
    `orders` are what agents shall do once, and have not done yet."""

    __tablename__ = "connections"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    local_endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id"), index=True)
    remote_endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id"), index=True)
    families: Mapped[list[str]]
    profile_id: Mapped[str] = mapped_column(String(36), server_default="", index=True)
    own_hold_time: Mapped[int | None]
    own_graceful_restart_time: Mapped[int | None]
    own_hold_down: Mapped[float | None]
    enabled: Mapped[bool]
    deleting: Mapped[bool]
    description: Mapped[str] = mapped_column(String(255))
    managed_by: Mapped[str] = mapped_column(String(63), server_default="")
    tags: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    orders: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    revision_number: Mapped[int]
    observed_revision: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), server_default="draft")
    provisioning_status: Mapped[str] = mapped_column(String(20))
    operating_status: Mapped[str] = mapped_column(String(20))
    conditions: Mapped[list[dict[str, Any]]]
    told_local: Mapped[str] = mapped_column(String(64), server_default="")
    told_remote: Mapped[str] = mapped_column(String(64), server_default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    paths: Mapped[list[PathRow]] = relationship(order_by="PathRow.position", cascade="all, delete-orphan")
    __table_args__ = (Index("connections_by_ends", "local_endpoint_id", "remote_endpoint_id"),)


class PathRow(Base):
    """A path in use: a port of the local endpoint and one of the remote endpoint."""

    __tablename__ = "paths"
    name: Mapped[str] = mapped_column(
        # Ranges of names are looked up: they must compare byte by byte, whatever the database's locale.
        String(160).with_variant(String(160, collation="C"), "postgresql"),
        primary_key=True,
    )
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), index=True)
    position: Mapped[int]
    local_interface: Mapped[str] = mapped_column(String(63))
    remote_interface: Mapped[str] = mapped_column(String(63))
    # Which two ports it joins, see `ports.py`.
    ports: Mapped[str] = mapped_column(String(64), server_default="", index=True)
    local_addresses: Mapped[list[str]]
    remote_addresses: Mapped[list[str]]


class PrefixRow(Base):
    """Who announces what, as ranges that compare as text: `first` and `last` are 32 hexadecimal digits."""

    __tablename__ = "prefixes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(String(36), index=True)
    owner: Mapped[str] = mapped_column(String(90))
    cell_id: Mapped[str] = mapped_column(String(36))
    prefix: Mapped[str] = mapped_column(String(50))
    version: Mapped[int]
    first: Mapped[str] = mapped_column(String(32))
    last: Mapped[str] = mapped_column(String(32))
    __table_args__ = (Index("prefixes_by_range", "version", "first", "last", "cell_id"),)


class AgentRow(Base):
    """`lineage`, `astray` and `supersedes` are documents as `model/wire.py` has them."""

    __tablename__ = "agents"
    cell_id: Mapped[str] = mapped_column(ForeignKey("cells.id"), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(63), primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
    lineage: Mapped[list[dict[str, Any]]] = mapped_column(server_default="[]")
    astray: Mapped[dict[str, Any] | None]
    supersedes: Mapped[dict[str, Any] | None]
    confirmed_empty: Mapped[bool]
    inventory: Mapped[dict[str, Any] | None]
    first_seen_at: Mapped[datetime | None]
    cell: Mapped[CellRow] = relationship(lazy="joined", innerjoin=True)


class EventRow(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    time: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(60))
    severity: Mapped[str] = mapped_column(String(10))
    resource_type: Mapped[str] = mapped_column(String(20))
    resource_id: Mapped[str] = mapped_column(String(120))
    resource_name: Mapped[str] = mapped_column(String(120))
    message: Mapped[str]
    request_id: Mapped[str | None] = mapped_column(String(60))
    detail: Mapped[dict[str, Any]]
    __table_args__ = (
        Index("events_by_resource", "resource_type", "resource_id"),
        {"sqlite_autoincrement": True},
    )


class AuditRow(Base):
    """Who changed what; appended, never changed."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    time: Mapped[datetime]
    request_id: Mapped[str] = mapped_column(String(60), index=True)
    user: Mapped[str] = mapped_column(String(63))
    roles: Mapped[list[str]]
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(400))
    action: Mapped[str] = mapped_column(String(10))
    resource_type: Mapped[str] = mapped_column(String(20))
    resource_id: Mapped[str] = mapped_column(String(120))
    resource_name: Mapped[str] = mapped_column(String(120))
    revision_before: Mapped[int | None]
    revision_after: Mapped[int | None]
    changed: Mapped[dict[str, Any]]
    __table_args__ = (
        Index("audit_by_resource", "resource_type", "resource_id"),
        {"sqlite_autoincrement": True},
    )


class CredentialRow(Base):
    """An agent that was enrolled, or whose credential was revoked. No secret: keys are derived."""

    __tablename__ = "agent_credentials"
    cell_id: Mapped[str] = mapped_column(ForeignKey("cells.id"), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(63), primary_key=True)
    serial: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger)
    agent_nonce: Mapped[str | None] = mapped_column(String(64))
    manager_nonce: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime]


class OperationRow(Base):
    """Work that outlives its request. `steps`: what each agent has done of it."""

    __tablename__ = "operations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    resource_type: Mapped[str] = mapped_column(String(20))
    resource_id: Mapped[str] = mapped_column(String(36))
    resource_name: Mapped[str] = mapped_column(String(63))
    state: Mapped[str] = mapped_column(String(12), index=True)
    progress: Mapped[int]
    steps: Mapped[list[dict[str, Any]]]
    error: Mapped[str]
    request_id: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    __table_args__ = (Index("operations_by_resource", "resource_type", "resource_id"),)


class DriftRow(Base):
    """Something at a gateway that somebody else changed. `origin`: which agent's life and number it has."""

    __tablename__ = "drifts"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    origin: Mapped[str] = mapped_column(String(120), unique=True)
    cell_id: Mapped[str] = mapped_column(String(36), index=True)
    cell: Mapped[str] = mapped_column(String(63))
    gateway: Mapped[str] = mapped_column(String(63))
    driver: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(40))
    object: Mapped[str] = mapped_column(String(400))
    desired: Mapped[str] = mapped_column(String(400))
    observed: Mapped[str] = mapped_column(String(400))
    action: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(12), index=True)
    message: Mapped[str] = mapped_column(String(400))
    found_at: Mapped[datetime] = mapped_column(index=True)
    over_at: Mapped[datetime | None]
