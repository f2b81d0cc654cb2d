"""The tables of the first slice: what programs before Alembic called schema version 2.

Databases that those programs made are stamped with this revision, so it must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
    )
    op.create_table(
        "cells",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("nova_cell_uuid", sa.String(36), nullable=True, unique=True),
        sa.Column("asn", sa.BigInteger, nullable=False),
        sa.Column("prefixes", sa.JSON, nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("revision_number", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("cell_id", sa.String(36), sa.ForeignKey("cells.id"), nullable=False),
        sa.Column("gateway", sa.String(63), nullable=False),
        sa.Column("asn", sa.BigInteger, nullable=False),
        sa.Column("prefixes", sa.JSON, nullable=False),
        sa.Column("health_check_addresses", sa.JSON, nullable=False),
        sa.Column("interfaces", sa.JSON, nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("managed_by", sa.String(63), nullable=False, server_default=""),
        sa.Column("revision_number", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    op.create_index("endpoints_by_agent", "endpoints", ["cell_id", "gateway"])
    _connections()
    op.create_table(
        "prefixes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("owner", sa.String(90), nullable=False),
        sa.Column("cell_id", sa.String(36), nullable=False),
        sa.Column("prefix", sa.String(50), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("first", sa.String(32), nullable=False),
        sa.Column("last", sa.String(32), nullable=False),
    )
    op.create_index("ix_prefixes_owner_id", "prefixes", ["owner_id"])
    op.create_index("prefixes_by_range", "prefixes", ["version", "first", "last"])
    op.create_table(
        "agents",
        sa.Column("cell_id", sa.String(36), sa.ForeignKey("cells.id"), primary_key=True),
        sa.Column("gateway", sa.String(63), primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("confirmed_empty", sa.Boolean, nullable=False),
        sa.Column("inventory", sa.JSON, nullable=True),
        sa.Column("first_seen_at", sa.DateTime, nullable=True),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("resource_type", sa.String(20), nullable=False),
        sa.Column("resource_id", sa.String(120), nullable=False),
        sa.Column("resource_name", sa.String(120), nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("request_id", sa.String(60), nullable=True),
        sa.Column("detail", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_resource", "events", ["resource_type", "resource_id"])


def _connections() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("local_endpoint_id", sa.String(36), sa.ForeignKey("endpoints.id"), nullable=False),
        sa.Column("remote_endpoint_id", sa.String(36), sa.ForeignKey("endpoints.id"), nullable=False),
        sa.Column("families", sa.JSON, nullable=False),
        sa.Column("hold_time", sa.Integer, nullable=False),
        sa.Column("graceful_restart_time", sa.Integer, nullable=False),
        sa.Column("hold_down", sa.Double, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("deleting", sa.Boolean, nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("managed_by", sa.String(63), nullable=False, server_default=""),
        sa.Column("revision_number", sa.Integer, nullable=False),
        sa.Column("observed_revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False, server_default="draft"),
        sa.Column("provisioning_status", sa.String(20), nullable=False),
        sa.Column("operating_status", sa.String(20), nullable=False),
        sa.Column("conditions", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_connections_local_endpoint_id", "connections", ["local_endpoint_id"])
    op.create_index("ix_connections_remote_endpoint_id", "connections", ["remote_endpoint_id"])
    op.create_table(
        "paths",
        # Ranges of names are looked up: they must compare byte by byte, whatever the database's locale.
        sa.Column(
            "name",
            sa.String(160).with_variant(sa.String(160, collation="C"), "postgresql"),
            primary_key=True,
        ),
        sa.Column("connection_id", sa.String(36), sa.ForeignKey("connections.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("local_interface", sa.String(63), nullable=False),
        sa.Column("remote_interface", sa.String(63), nullable=False),
        sa.Column("local_addresses", sa.JSON, nullable=False),
        sa.Column("remote_addresses", sa.JSON, nullable=False),
    )
    op.create_index("ix_paths_connection_id", "paths", ["connection_id"])
