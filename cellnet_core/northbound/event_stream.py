"""/v1/events/stream: events as they happen, as server-sent events (WHATWG HTML, "Server-sent events").

Nothing is queued per listener: the store is the queue. A stream remembers the number of the last event it
sent, is woken, and reads on from there, a page at a time; who reads slowly holds one page and lags.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from cellnet_core.manager.errors import BusyError, InvalidError
from cellnet_core.manager.service import Manager
from cellnet_core.manager.wakeups import EVENTS
from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import AcceptsEventStream
from cellnet_core.northbound.events import Event, present
from cellnet_core.northbound.fields import ManagerOf
from cellnet_core.store.errors import StoreUnavailableError
from cellnet_core.store.listing import Filter, PageQuery

MAX_STREAMS = 100
"""Streams at once; each holds a connection."""
PAGE = 100
HEARTBEAT = 15.0
"""Seconds without an event after which a comment shows that the stream lives (WHATWG: about every 15 s)."""
LARGEST_ID = 2**63 - 1
MEDIA_TYPE = "text/event-stream"

LOG = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/events", tags=["events"], dependencies=[AcceptsEventStream])


class StreamQuery(paging.FilterInput):
    """`after`: the number of the last event seen; without it and `Last-Event-ID`, only what is new comes."""

    after: Annotated[int, Field(ge=0, le=LARGEST_ID)] | None = None
    type: paging.FilterText = None
    severity: paging.FilterText = None
    resource_type: paging.FilterText = None
    resource_id: paging.FilterText = None
    resource_name: paging.FilterText = None


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={**errors.answers(410), 200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def stream_events(
    request: Request,
    manager: ManagerOf,
    query: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[str, Header(json_schema_extra={"pattern": "^[0-9]{0,18}$"})] = "",
) -> StreamingResponse:
    """Events as they happen; after a break go on with `Last-Event-ID` (browsers do), and none is missed."""
    filters = query.filters("after")
    after = _resume(last_event_id, query.after)
    # Also tells of bad filters while an error can still be answered.
    newest = PageQuery(1, None, (("id", "desc"),), filters if after is not None else ())
    page = await asyncio.to_thread(manager.events.page, newest)
    if after is not None:
        await asyncio.to_thread(manager.events.check_marker, after)
    if after is None:
        await asyncio.to_thread(manager.events.page, PageQuery(1, None, (), filters))
        after = page.items[0].id if page.items else 0
    streams: set[object] = request.app.state.streams
    if len(streams) >= MAX_STREAMS:
        raise BusyError(
            "event.too_many_streams", f"{MAX_STREAMS} streams are open already: close one, or poll /v1/events"
        )
    return StreamingResponse(
        _stream(manager, after, filters, streams),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _resume(header: str, after: int | None) -> int | None:
    """Where to go on: the header wins, as it is the later word of a client that repeats its request."""
    if not header:
        return after
    if not (header.isascii() and header.isdigit() and len(header) <= 18):
        raise InvalidError(
            "request.last_event_id",
            f"Last-Event-ID: {header!r} is no event number; leave it out to start new",
        )
    return int(header)


async def _stream(
    manager: Manager, after: int, filters: tuple[Filter, ...], streams: set[object]
) -> AsyncIterator[str]:
    """Until the client goes, the manager ends, or the store fails: then the client comes again."""
    mark = object()
    streams.add(mark)
    wakeups = manager.context.wakeups
    try:
        with wakeups.waiting(EVENTS) as waiter:
            yield ": events\nretry: 500\n\n"
            while True:
                waiter.event.clear()
                query = PageQuery(PAGE, None, (), (*filters, Filter("id", "gt", (str(after),))))
                page = await asyncio.to_thread(manager.events.page, query)
                for event in page.items:
                    after = event.id
                    yield render(present(event))
                if page.more:
                    continue
                if wakeups.closed:
                    return
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await waiter.event.wait()
                except TimeoutError:
                    yield ": still here\n\n"
    except StoreUnavailableError as error:
        LOG.warning("a stream of events ends: %s", error)
    finally:
        streams.discard(mark)


def render(event: Event) -> str:
    """One event; JSON has no line break of its own, so it is one `data` line."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"
