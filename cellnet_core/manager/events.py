"""Events: what happened, in order."""

from __future__ import annotations

from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import NotFoundError
from cellnet_core.store import events as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import EventRecord


class Events:
    """Reading of events; they are made by changes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, query: PageQuery) -> Page[EventRecord]:
        """A page of events. Raises BadQueryError."""
        with self._context.database.read() as session:
            return rows.page(session, query)

    def get(self, event_id: int) -> EventRecord:
        """One event. Raises NotFoundError."""
        with self._context.database.read() as session:
            found = rows.find(session, event_id)
        if found is None:
            raise NotFoundError("event.not_found", f"there is no event {event_id}")
        return found
