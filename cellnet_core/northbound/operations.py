"""/v1/operations: work that outlives its request."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from cellnet_core.manager.context import DRY_RUN
from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import Link, ManagerOf, NoQuery, Output
from cellnet_core.northbound.versions import only_since, speaks
from cellnet_core.store.records import OperationRecord

router = APIRouter(
    prefix="/v1/operations",
    tags=["operations"],
    route_class=ResourceRoute,
    dependencies=[only_since((1, 2))],
)


class OperationList(paging.ListInput):
    id: paging.FilterText = None
    type: paging.FilterText = None
    state: paging.FilterText = None
    resource_type: paging.FilterText = None
    resource_id: paging.FilterText = None
    resource_name: paging.FilterText = None
    request_id: paging.FilterText = None


class Step(Output):
    """What one agent has done: `waiting`, `done` or `failed`, with its own words."""

    place: str
    state: str
    message: str


class Operation(Output):
    """`state`: running, succeeded or failed; `progress` in percent; `error`: why it failed."""

    id: str
    type: str
    resource_type: str
    resource_id: str
    resource_name: str
    state: str
    progress: int
    steps: list[Step]
    error: str
    request_id: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    links: list[Link]


class OperationAnswer(Output):
    operation: Operation


class OperationsAnswer(Output):
    operations: list[Operation]
    operations_links: list[Link]


@router.get("", responses=errors.answers(404))
def list_operations(
    request: Request, manager: ManagerOf, query: Annotated[OperationList, Query()]
) -> OperationsAnswer:
    """Operations, the newest first unless `sort` says otherwise. They are kept for a week after their end."""
    page = manager.operations.page(query.page_query("created_at:desc"))
    shown, found = paging.listed(request, page, present)
    return OperationsAnswer(operations=shown, operations_links=found)


@router.get("/{operation}", dependencies=[NoQuery], responses=errors.answers(404))
def show_operation(request: Request, manager: ManagerOf, operation: str) -> OperationAnswer:
    """One operation."""
    return OperationAnswer(operation=present(request, manager.operations.get(operation)))


def links(request: Request, resource_id: str) -> list[Link]:
    """From an object to what is done to it."""
    if not speaks((1, 2)):
        return []
    return [Link(rel="operations", href=f"{request.base_url}v1/operations?resource_id={resource_id}")]


def started(request: Request, response: Response, operation: OperationRecord) -> OperationAnswer:
    """The answer to a request whose work goes on: 202, and where to look."""
    shown = present(request, operation)
    if not DRY_RUN.get():
        response.headers["Location"] = shown.links[0]["href"]
    return OperationAnswer(operation=shown)


def present(request: Request, operation: OperationRecord) -> Operation:
    """As clients see it."""
    return Operation(
        id=operation.id,
        type=operation.type,
        resource_type=operation.resource_type,
        resource_id=operation.resource_id,
        resource_name=operation.resource_name,
        state=operation.state,
        progress=operation.progress,
        steps=[Step(place=s.place, state=s.state, message=s.message) for s in operation.steps],
        error=operation.error,
        request_id=operation.request_id,
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        finished_at=operation.finished_at,
        links=[
            Link(rel="self", href=f"{request.base_url}v1/operations/{operation.id}"),
            Link(
                rel="resource",
                href=f"{request.base_url}v1/{operation.resource_type}s/{operation.resource_id}",
            ),
        ],
    )
