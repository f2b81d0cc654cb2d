"""/v1/connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.northbound import changing, errors, operations, paging
from cellnet_core.northbound.bodies import ResourceRoute, ready
from cellnet_core.northbound.connection_shown import Connection, present
from cellnet_core.northbound.fields import (
    Expected,
    Flag,
    HoldTime,
    Input,
    Link,
    ManagerOf,
    Name,
    NoQuery,
    Output,
    Owner,
    Reference,
    RequestId,
    RestartTime,
    Seconds,
    Tags,
    Text,
)
from cellnet_core.northbound.operations import OperationAnswer
from cellnet_core.northbound.sessions import Session, present_sessions
from cellnet_core.northbound.versions import Version, only_since, speaks
from cellnet_core.northbound.writing import Replace, Write, WriteQuery, put_answers, try_only
from cellnet_core.store.records import ConnectionRecord, TimersRecord

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=ResourceRoute)


class ConnectionInput(Input):
    """A connection as it shall be. Endpoints and profile by id or name; times in seconds, those that are not
    said are the profile's."""

    name: Name
    local_endpoint: Reference
    remote_endpoint: Reference
    families: Annotated[tuple[Literal["ipv4", "ipv6"], ...], Field(min_length=1, max_length=2)] | None = None
    profile: Reference | None = None
    hold_time: HoldTime | None = None
    graceful_restart_time: RestartTime | None = None
    hold_down: Seconds | None = None
    enabled: Flag = True
    description: Text = ""
    managed_by: Owner | None = None
    tags: Tags | None = None
    since: ClassVar[Mapping[str, Version]] = {"profile": (1, 2), "tags": (1, 2)}

    def request(self) -> ConnectionRequest:
        """As the manager takes it."""
        return ConnectionRequest(
            name=self.name,
            local_endpoint=self.local_endpoint,
            remote_endpoint=self.remote_endpoint,
            timers=TimersRecord(self.hold_time, self.graceful_restart_time, self.hold_down),
            profile=self.profile,
            tags=self.tags,
            families=self.families,
            enabled=self.enabled,
            description=self.description,
            managed_by=self.managed_by,
        )


class ConnectionBody(Input):
    connection: ConnectionInput


class ConnectionChange(Input):
    """Some of a connection. A time of its own that becomes null is the profile's again."""

    name: Name | None = None
    families: Annotated[tuple[Literal["ipv4", "ipv6"], ...], Field(min_length=1, max_length=2)] | None = None
    profile: Reference | None = None
    hold_time: HoldTime | None = None
    graceful_restart_time: RestartTime | None = None
    hold_down: Seconds | None = None
    enabled: Flag | None = None
    description: Text | None = None
    managed_by: Owner | None = None
    tags: Tags | None = None

    def over(self, connection: ConnectionRecord) -> ConnectionRequest:
        """What the connection shall be, from what it is."""
        now = ConnectionInput.model_construct(
            name=connection.name,
            local_endpoint=connection.local.id,
            remote_endpoint=connection.remote.id,
            hold_time=connection.own.hold_time,
            graceful_restart_time=connection.own.graceful_restart_time,
            hold_down=connection.own.hold_down,
            enabled=connection.enabled,
            description=connection.description,
        )
        return changing.over(now, self).request()


class ConnectionChangeBody(Input):
    connection: ConnectionChange


class ConnectionList(paging.NamedList):
    local_endpoint_id: paging.FilterText = None
    remote_endpoint_id: paging.FilterText = None
    enabled: paging.FilterText = None
    managed_by: paging.FilterText = None
    state: paging.FilterText = None
    provisioning_status: paging.FilterText = None
    operating_status: paging.FilterText = None
    profile_id: paging.FilterText = None
    since: ClassVar[Mapping[str, Version]] = {"profile_id": (1, 2), "tags": (1, 2)}


class ConnectionAnswer(Output):
    connection: Connection


class ConnectionsAnswer(Output):
    connections: list[Connection]
    connections_links: list[Link]


class SessionsAnswer(Output):
    sessions: list[Session]


@router.get("", responses=errors.answers(), response_model=ConnectionsAnswer)
def list_connections(
    request: Request, manager: ManagerOf, query: Annotated[ConnectionList, Query()]
) -> Response:
    """Connections, by name unless `sort` says otherwise."""
    page = manager.connections.page(query.page_query("name"))
    shown = [present(request, view) for view in page.items]
    links = paging.next_page(request, page, shown[-1]["id"]) if shown else []
    return ready({"connections": shown, "connections_links": links})


@router.post("", status_code=201, responses=errors.answers(409))
def create_connection(write: Write, body: ConnectionBody) -> ConnectionAnswer:
    """Join two endpoints. Validated from both ends; agents then make it so, see the statuses."""
    made = write.manager.connections.create(body.connection.request(), write.request_id)
    shown = present(write.request, made)
    return ConnectionAnswer(connection=write.made(shown, shown["links"]))


@router.get("/{connection}", dependencies=[NoQuery], responses=errors.answers(404))
def show_connection(request: Request, manager: ManagerOf, connection: str) -> ConnectionAnswer:
    """One connection, by id or name."""
    return ConnectionAnswer(connection=present(request, manager.connections.get(connection)))


@router.put("/{connection}", responses=put_answers(ConnectionAnswer))
def put_connection(write: Replace, connection: str, body: ConnectionBody) -> ConnectionAnswer:
    """Replace everything but the endpoints; with a new UUID as address, join them (201), safe to repeat."""
    wanted = body.connection.request()
    put, created = write.manager.connections.put(connection, wanted, write.expected, write.request_id)
    shown = present(write.request, put)
    return ConnectionAnswer(connection=write.made(shown, shown["links"], created=created))


@router.patch("/{connection}", dependencies=[only_since((1, 2))], responses=errors.answers(404, 409, 412))
def patch_connection(write: Replace, connection: str, body: ConnectionChangeBody) -> ConnectionAnswer:
    """Change some of a connection but its endpoints (RFC 7396: what is not said stays)."""
    manager = write.manager.connections
    view = manager.modify(connection, body.connection.over, write.expected, write.request_id)
    return ConnectionAnswer(connection=present(write.request, view))


class DeleteQuery(WriteQuery):
    """`force`: forget it at once, for agents that are gone for good. What such an agent has set up stays."""

    force: bool = False


@router.delete(
    "/{connection}",
    status_code=202,
    responses={**errors.answers(404, 412), 204: {"description": "forgotten by force"}},
    response_model=OperationAnswer | None,
)
def delete_connection(
    request: Request,
    response: Response,
    manager: ManagerOf,
    connection: str,
    expected: Expected,
    request_id: RequestId,
    query: Annotated[DeleteQuery, Query()],
) -> Response | OperationAnswer | None:
    """Have both agents take it down. It answers 404 once both have reported it gone.

    Since version 1.2 the answer is the operation that tells how far they are.
    """
    try_only(query)
    if query.force:
        manager.connections.forget(connection, expected, request_id)
        return Response(status_code=204)
    operation = manager.connections.delete(connection, expected, request_id)
    if not speaks((1, 2)):
        return None
    return operations.started(request, response, operation)


@router.get("/{connection}/sessions", dependencies=[NoQuery], responses=errors.answers(404))
def list_sessions(manager: ManagerOf, connection: str) -> SessionsAnswer:
    """Its BGP sessions, each as either side sees it, by path."""
    return SessionsAnswer(sessions=present_sessions(manager.connections.get(connection)))
