"""What this release adds to the first slice.

While this release is being made, everybody who adds a table or a column appends it in two places: to the
models (`store/schema.py`, or a module that it imports) and here, as a function of its own called from
`upgrade`. A new column needs a `server_default`: there are rows already.
`tests/unit/store/test_migrations.py` compares the two. Only what SQLite does in place: create_table,
create_index, drop_index, add_column, drop_column (no batch mode). After the release this file never changes
again.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

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
    _profiles()
    _operations()
    _drift()


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
    op.add_column("paths", sa.Column("ports", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_paths_ports", "paths", ["ports"])
    connection = op.get_bind()
    ends = sa.text(
        "SELECT p.name, l.cell_id, l.gateway, p.local_interface, r.cell_id, r.gateway, p.remote_interface "
        "FROM paths p JOIN connections c ON c.id = p.connection_id "
        "JOIN endpoints l ON l.id = c.local_endpoint_id JOIN endpoints r ON r.id = c.remote_endpoint_id"
    )
    for name, *found in connection.execute(ends).all():
        text = "\n".join(part for end in sorted((found[:3], found[3:])) for part in end)
        connection.execute(
            sa.text("UPDATE paths SET ports = :ports WHERE name = :name"),
            {"ports": hashlib.sha256(text.encode()).hexdigest(), "name": name},
        )


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


def _profiles() -> None:
    """Connections name a profile; what they had of their own stays their own where it was not the default."""
    profiles = op.create_table(
        "profiles",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        sa.Column("hold_time", sa.Integer, nullable=False),
        sa.Column("graceful_restart_time", sa.Integer, nullable=False),
        sa.Column("hold_down", sa.Double, nullable=False),
        sa.Column("health_interval", sa.Double, nullable=False),
        sa.Column("bfd", sa.JSON, nullable=True),
        sa.Column("prefix_limits", sa.JSON, nullable=False),
        sa.Column("drain_method", sa.String(20), nullable=False),
        sa.Column("password", sa.String(80), nullable=True),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("managed_by", sa.String(63), nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("revision_number", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    default = str(uuid.uuid4())
    moment = datetime.now(UTC).replace(tzinfo=None)
    op.bulk_insert(
        profiles,
        [
            {
                "id": default,
                "name": "default",
                "hold_time": 9,
                "graceful_restart_time": 30,
                "hold_down": 3.0,
                "health_interval": 1.0,
                "bfd": None,
                "prefix_limits": {},
                "drain_method": "auto",
                "password": None,
                "is_default": True,
                "description": "",
                "managed_by": "",
                "tags": [],
                "revision_number": 1,
                "created_at": moment,
                "updated_at": moment,
            }
        ],
    )
    op.add_column("connections", sa.Column("profile_id", sa.String(36), nullable=False, server_default=""))
    op.execute(sa.text("UPDATE connections SET profile_id = :default").bindparams(default=default))
    op.create_index("ix_connections_profile_id", "connections", ["profile_id"])
    for name, kind, usual in (
        ("hold_time", sa.Integer, "9"),
        ("graceful_restart_time", sa.Integer, "30"),
        ("hold_down", sa.Double, "3.0"),
    ):
        op.add_column("connections", sa.Column(f"own_{name}", kind, nullable=True))
        op.execute(f"UPDATE connections SET own_{name} = {name} WHERE {name} <> {usual}")  # noqa: S608 (our names)
        op.drop_column("connections", name)
    for table in ("cells", "endpoints", "connections"):
        op.add_column(table, sa.Column("tags", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("cells", sa.Column("drift_policy", sa.String(10), nullable=False, server_default="repair"))


def _operations() -> None:
    """Work that outlives its request."""
    op.add_column("connections", sa.Column("orders", sa.JSON, nullable=False, server_default="[]"))
    op.create_table(
        "operations",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("resource_type", sa.String(20), nullable=False),
        sa.Column("resource_id", sa.String(36), nullable=False),
        sa.Column("resource_name", sa.String(63), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("error", sa.String, nullable=False),
        sa.Column("request_id", sa.String(60), nullable=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime, nullable=True),
    )
    op.create_index("ix_operations_state", "operations", ["state"])
    op.create_index("ix_operations_created_at", "operations", ["created_at"])
    op.create_index("operations_by_resource", "operations", ["resource_type", "resource_id"])


def _drift() -> None:
    """What somebody else changed at gateways."""
    op.create_table(
        "drifts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("origin", sa.String(120), nullable=False, unique=True),
        sa.Column("cell_id", sa.String(36), nullable=False),
        sa.Column("cell", sa.String(63), nullable=False),
        sa.Column("gateway", sa.String(63), nullable=False),
        sa.Column("driver", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("object", sa.String(400), nullable=False),
        sa.Column("desired", sa.String(400), nullable=False),
        sa.Column("observed", sa.String(400), nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("message", sa.String(400), nullable=False),
        sa.Column("found_at", sa.DateTime, nullable=False),
        sa.Column("over_at", sa.DateTime, nullable=True),
    )
    op.create_index("ix_drifts_cell_id", "drifts", ["cell_id"])
    op.create_index("ix_drifts_state", "drifts", ["state"])
    op.create_index("ix_drifts_found_at", "drifts", ["found_at"])
