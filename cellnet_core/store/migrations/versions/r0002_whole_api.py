"""What this release adds to the first slice.

While this release is being made, everybody who adds a table or a column appends it in two places: to the models
(`store/schema.py`, or a module that it imports) and here, as a function of its own called from `upgrade`. A new
column needs a `server_default`: there are rows already. `tests/unit/store/test_migrations.py` compares the two.
Only what SQLite does in place: create_table, create_index, drop_index, add_column, drop_column (no batch mode).
After the release this file never changes again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One part after the other; a part may rely on those before it."""
    _versioned_by_alembic()
    _what_agents_were_told()
    _found_by_one_look()
    _who_changed_what()
    _enrolled_agents()


def _versioned_by_alembic() -> None:
    """Programs before Alembic read this row, and refuse the database from now on."""
    op.execute("UPDATE meta SET value = 'alembic' WHERE key = 'schema_version'")


def _what_agents_were_told() -> None:
    """A connection remembers what each side was told of it; an agent, how its generations came about."""
    op.add_column("connections", sa.Column("told_local", sa.String(64), nullable=False, server_default=""))
    op.add_column("connections", sa.Column("told_remote", sa.String(64), nullable=False, server_default=""))
    op.drop_column("agents", "digest")
    op.add_column("agents", sa.Column("lineage", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("agents", sa.Column("astray", sa.JSON, nullable=True))
    op.add_column("agents", sa.Column("supersedes", sa.JSON, nullable=True))


def _found_by_one_look() -> None:
    """Indexes without which a change costs what exists, and not what it touches."""
    op.create_index("connections_by_ends", "connections", ["local_endpoint_id", "remote_endpoint_id"])
    op.drop_index("prefixes_by_range", "prefixes")
    op.create_index("prefixes_by_range", "prefixes", ["version", "first", "last", "cell_id"])


def _who_changed_what() -> None:
    """The audit."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("request_id", sa.String(60), nullable=False),
        sa.Column("user", sa.String(63), nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("path", sa.String(400), nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("resource_type", sa.String(20), nullable=False),
        sa.Column("resource_id", sa.String(120), nullable=False),
        sa.Column("resource_name", sa.String(120), nullable=False),
        sa.Column("revision_before", sa.Integer, nullable=True),
        sa.Column("revision_after", sa.Integer, nullable=True),
        sa.Column("changed", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_request_id", "audit", ["request_id"])
    op.create_index("audit_by_resource", "audit", ["resource_type", "resource_id"])


def _enrolled_agents() -> None:
    """Which one-time token each agent used, and what was said then; no secret."""
    op.create_table(
        "agent_credentials",
        sa.Column("cell_id", sa.String(36), sa.ForeignKey("cells.id"), primary_key=True),
        sa.Column("gateway", sa.String(63), primary_key=True),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("agent_nonce", sa.String(64), nullable=True),
        sa.Column("manager_nonce", sa.String(64), nullable=True),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
