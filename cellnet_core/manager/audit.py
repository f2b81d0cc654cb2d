"""The audit: who changed what, written with the change itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cellnet_core.manager.caller import Caller
from cellnet_core.manager.errors import NotFoundError
from cellnet_core.store import audit as rows
from cellnet_core.store.database import Database
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import AuditRecord
from cellnet_core.store.session import Session


def write(session: Session, caller: Caller, at: datetime, seen: Iterable[rows.Seen]) -> None:
    """Append what was seen, in the transaction of the change."""
    rows.add(
        session,
        (
            AuditRecord(
                id=0,
                time=at,
                request_id=caller.request_id,
                user=caller.user,
                roles=caller.roles,
                method=caller.method,
                path=caller.path[:400],
                action=each.action,
                resource_type=each.resource_type,
                resource_id=each.resource_id,
                resource_name=each.name,
                revision_before=each.revision_before,
                revision_after=each.revision_after,
                changed=rows.changed_fields(each),
            )
            for each in seen
        ),
    )


class Audit:
    """Reading of the audit; it is written by changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: PageQuery) -> Page[AuditRecord]:
        """A page of records. Raises BadQueryError."""
        with self._database.read() as session:
            return rows.page(session, query)

    def get(self, record_id: int) -> AuditRecord:
        """One record. Raises NotFoundError."""
        with self._database.read() as session:
            found = rows.find(session, record_id)
        if found is None:
            raise NotFoundError("audit.not_found", f"there is no audit record {record_id}")
        return found
