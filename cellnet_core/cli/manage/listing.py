"""`cellnet-manage connection list` and others: what is wanted, and the status that was last worked out.

How things are now is known to a running manager only, so the status is called what it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from cliff.lister import Lister

from cellnet_core.cli.manage import locate
from cellnet_core.store import agents, cells, connections, endpoints
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import CellRecord, ConnectionRecord, EndpointRecord, ProfileRecord
from cellnet_core.store.session import Session

Listed = tuple[Sequence[str], Sequence[Sequence[Any]]]
Item = TypeVar("Item", CellRecord, EndpointRecord, ConnectionRecord, ProfileRecord)
PAGE = 1000


def everything(session: Session, page: Callable[[Session, PageQuery], Page[Item]]) -> Iterator[Item]:
    """All objects, by name, a page at a time."""
    marker: str | None = None
    while True:
        found = page(session, PageQuery(PAGE, marker, (("name", "asc"),)))
        yield from found.items
        if not found.more:
            return
        marker = found.items[-1].id


class Cells(Lister):
    """List cells."""

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:  # noqa: ARG002 (given signature)
        with locate.opened(self) as database, database.read() as session:
            rows = [
                (c.id, c.name, c.kind, c.asn, ", ".join(c.prefixes)) for c in everything(session, cells.page)
            ]
        return ("id", "name", "kind", "asn", "prefixes"), rows


class Endpoints(Lister):
    """List endpoints."""

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:  # noqa: ARG002 (given signature)
        with locate.opened(self) as database, database.read() as session:
            rows = [
                (e.id, e.name, e.cell_name, e.gateway, e.asn, ", ".join(e.prefixes), e.managed_by)
                for e in everything(session, endpoints.page)
            ]
        return ("id", "name", "cell", "gateway", "asn", "prefixes", "managed_by"), rows


class Connections(Lister):
    """List connections with the status that was last worked out."""

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:  # noqa: ARG002 (given signature)
        with locate.opened(self) as database, database.read() as session:
            rows = [
                (
                    *(c.id, c.name, c.local.name, c.remote.name, c.enabled, c.deleting, c.status.state),
                    *(c.status.provisioning_status, c.status.operating_status, c.revision_number),
                )
                for c in everything(session, connections.page)
            ]
        names = (
            *("id", "name", "local_endpoint", "remote_endpoint", "enabled", "deleting", "last_state"),
            *("last_provisioning_status", "last_operating_status", "revision_number"),
        )
        return names, rows


class Agents(Lister):
    """List agents, and whether they stand in another history of the database."""

    def take_action(self, parsed_args: argparse.Namespace) -> Listed:  # noqa: ARG002 (given signature)
        with locate.opened(self) as database, database.read() as session:
            rows = [
                (
                    *(a.cell_name, a.key.gateway, a.generation),
                    "" if a.astray is None else f"generation {a.astray.generation} of {a.astray.owner}",
                    "" if a.first_seen_at is None else a.first_seen_at.isoformat(),
                )
                for a in agents.everyone(session)
            ]
        return ("cell", "gateway", "generation", "astray", "first_seen_at"), rows
