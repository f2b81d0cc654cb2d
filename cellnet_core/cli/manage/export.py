"""`cellnet-manage export`: what the database wants, as the file that `cellnet apply` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from cellnet_core.cli import declare
from cellnet_core.cli.manage import locate
from cellnet_core.cli.manage.listing import everything
from cellnet_core.declarative.current import Current, Existing
from cellnet_core.declarative.fields import FIELDS, Kind
from cellnet_core.store import cells, connections, endpoints, profiles
from cellnet_core.store.records import CellRecord, ConnectionRecord, EndpointRecord, ProfileRecord
from cellnet_core.store.session import Session


class Export(declare.Export):
    """Write what is wanted as a file for `cellnet apply`, also while the API is down."""

    def read(self) -> Current:
        """What the database has. Raises UsageError and StoreError."""
        with locate.opened(self) as database, database.read() as session:
            return Current(tuple(_objects(session)))


def _objects(session: Session) -> Iterator[Existing]:
    for cell in everything(session, cells.page):
        yield _existing("cell", cell, asdict(cell))
    for profile in everything(session, profiles.page):
        limits = {"prefix_limits": dict(profile.prefix_limits)}
        yield _existing("profile", profile, asdict(profile) | limits, profile.managed_by)
    for endpoint in everything(session, endpoints.page):
        # The router at a port is what the gateway finds there; a file does not say it.
        ports = [{"interface": p.interface, "addresses": p.addresses} for p in endpoint.interfaces]
        said = asdict(endpoint) | {"cell": endpoint.cell_name, "interfaces": ports}
        yield _existing("endpoint", endpoint, said, endpoint.managed_by)
    for connection in everything(session, connections.page):
        said = {
            **asdict(connection.own),
            "local_endpoint": connection.local.name,
            "remote_endpoint": connection.remote.name,
            "families": connection.families,
            "profile": connection.profile.name,
            "enabled": connection.enabled,
            "description": connection.description,
            "tags": connection.tags,
        }
        yield _existing("connection", connection, said, connection.managed_by, deleting=connection.deleting)


def _existing(
    kind: Kind,
    record: CellRecord | ProfileRecord | EndpointRecord | ConnectionRecord,
    said: Mapping[str, Any],
    managed_by: str = "",
    *,
    deleting: bool = False,
) -> Existing:
    fields = {name: _plain(said[name]) for name in FIELDS[kind] if said[name] is not None}
    return Existing(kind, record.id, record.name, record.revision_number, managed_by, deleting, fields)


def _plain(value: Any) -> Any:
    """As a document has it: lists, not tuples."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
