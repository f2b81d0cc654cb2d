"""Events: what happened, in order."""

from __future__ import annotations

from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import GoneError, NotFoundError
from cellnet_core.store import events as rows
from cellnet_core.store import pruning
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

    def check_marker(self, after: int) -> None:
        """Raises GoneError if events behind that number are kept no longer. 0 means: all that are kept."""
        with self._context.database.read() as session:
            oldest = pruning.oldest_event(session)
        if after > 0 and oldest is not None and after < oldest - 1:
            raise GoneError(
                "event.marker_gone",
                f"events {after + 1} to {oldest - 1} are kept no longer, some may be missed: read again what "
                f"you follow, then go on from {oldest - 1}, or without a number",
            )

    def get(self, event_id: int) -> EventRecord:
        """One event. Raises NotFoundError."""
        with self._context.database.read() as session:
            found = rows.find(session, event_id)
        if found is None:
            raise NotFoundError("event.not_found", f"there is no event {event_id}")
        return found
