"""/v1/events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import JsonRoute
from cellnet_core.northbound.fields import Link, ManagerOf, NoQuery, Output, RowNumber
from cellnet_core.store.records import EventRecord

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=JsonRoute)


class EventList(paging.ListInput):
    """In the order in which they happened; `marker` is the id of the last event seen."""

    id: paging.FilterText = None
    time: paging.FilterText = None
    type: paging.FilterText = None
    severity: paging.FilterText = None
    resource_type: paging.FilterText = None
    resource_id: paging.FilterText = None
    resource_name: paging.FilterText = None


class Event(Output):
    """Something that happened. `id` only grows."""

    id: int
    time: datetime
    type: str
    severity: str
    resource_type: str
    resource_id: str
    resource_name: str
    message: str
    request_id: str | None
    detail: dict[str, Any]


class EventAnswer(Output):
    event: Event


class EventsAnswer(Output):
    events: list[Event]
    events_links: list[Link]


@router.get("", responses=errors.answers())
def list_events(request: Request, manager: ManagerOf, query: Annotated[EventList, Query()]) -> EventsAnswer:
    """Events, oldest first unless `sort` says otherwise ("id:desc")."""
    page = manager.events.page(query.page_query())
    shown, links = paging.listed(request, page, lambda _, event: present(event))
    return EventsAnswer(events=shown, events_links=links)


@router.get("/{event}", dependencies=[NoQuery], responses=errors.answers(404))
def show_event(manager: ManagerOf, event: RowNumber) -> EventAnswer:
    """One event."""
    return EventAnswer(event=present(manager.events.get(event)))


def present(event: EventRecord) -> Event:
    """As clients see it."""
    return Event(
        id=event.id,
        time=event.time,
        type=event.type,
        severity=event.severity,
        resource_type=event.resource_type,
        resource_id=event.resource_id,
        resource_name=event.resource_name,
        message=event.message,
        request_id=event.request_id,
        detail=event.detail,
    )
