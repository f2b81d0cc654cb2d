"""/v1/connections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import AcceptsJson, JsonRoute
from cellnet_core.northbound.fields import (
    Condition,
    Expected,
    Flag,
    Input,
    Link,
    ManagerOf,
    Name,
    NoQuery,
    Output,
    Owner,
    Reference,
    RequestId,
    Text,
    conditions,
)
from cellnet_core.northbound.sessions import Session, present_sessions
from cellnet_core.store.records import ProfileRecord

router = APIRouter(
    prefix="/v1/connections", tags=["connections"], route_class=JsonRoute, dependencies=[AcceptsJson]
)
Seconds = Annotated[float, Field(strict=True, ge=0, le=3600, allow_inf_nan=False)]


class ConnectionInput(Input):
    """A connection as it shall be. Endpoints by id or name; times in seconds."""

    name: Name
    local_endpoint: Reference
    remote_endpoint: Reference
    families: Annotated[tuple[Literal["ipv4", "ipv6"], ...], Field(min_length=1, max_length=2)] | None = None
    hold_time: Annotated[int, Field(strict=True, ge=3, le=65535)] = 9
    graceful_restart_time: Annotated[int, Field(strict=True, ge=0, le=4095)] = 30
    hold_down: Seconds = 3.0
    enabled: Flag = True
    description: Text = ""
    managed_by: Owner | None = None

    def request(self) -> ConnectionRequest:
        """As the manager takes it."""
        return ConnectionRequest(
            name=self.name,
            local_endpoint=self.local_endpoint,
            remote_endpoint=self.remote_endpoint,
            profile=ProfileRecord(self.hold_time, self.graceful_restart_time, self.hold_down),
            families=self.families,
            enabled=self.enabled,
            description=self.description,
            managed_by=self.managed_by,
        )


class ConnectionBody(Input):
    connection: ConnectionInput


class ConnectionList(paging.ListInput):
    id: paging.FilterText = None
    name: paging.FilterText = None
    local_endpoint_id: paging.FilterText = None
    remote_endpoint_id: paging.FilterText = None
    enabled: paging.FilterText = None
    managed_by: paging.FilterText = None
    state: paging.FilterText = None
    provisioning_status: paging.FilterText = None
    operating_status: paging.FilterText = None


class Path(Output):
    """A pair of ports; addresses IPv4 first."""

    name: str
    local_interface: str
    remote_interface: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]


class Health(Output):
    """Round trips from one gateway to the other's health-check address."""

    cell: str
    gateway: str
    family: str
    ok: bool
    rtt_ms: float | None
    sent: int
    lost: int
    observed_at: datetime


class Learned(Output):
    """The other side's prefixes that one gateway uses."""

    cell: str
    gateway: str
    family: str
    prefixes: tuple[str, ...]
    observed_at: datetime


class Connection(Output):
    """A connection. `health` and `learned` are what was last reported, with the time of that."""

    id: str
    name: str
    description: str
    managed_by: str
    local_endpoint: str
    local_endpoint_id: str
    local_cell: str
    remote_endpoint: str
    remote_endpoint_id: str
    remote_cell: str
    families: tuple[str, ...]
    hold_time: int
    graceful_restart_time: int
    hold_down: float
    enabled: bool
    paths: list[Path]
    state: str
    provisioning_status: str
    operating_status: str
    conditions: list[Condition]
    health: list[Health]
    learned: list[Learned]
    revision_number: int
    observed_revision: int
    created_at: datetime
    updated_at: datetime
    links: list[Link]


class ConnectionAnswer(Output):
    connection: Connection


class ConnectionsAnswer(Output):
    connections: list[Connection]
    connections_links: list[Link]


class SessionsAnswer(Output):
    sessions: list[Session]


@router.get("", responses=errors.answers())
def list_connections(
    request: Request, manager: ManagerOf, query: Annotated[ConnectionList, Query()]
) -> ConnectionsAnswer:
    """Connections, by name unless `sort` says otherwise."""
    page = manager.connections.page(query.page_query("name"))
    last = page.items[-1].record.id if page.items else None
    return ConnectionsAnswer(
        connections=[_present(request, view) for view in page.items],
        connections_links=paging.next_links(request, page.more, last),
    )


@router.post("", status_code=201, dependencies=[NoQuery], responses=errors.answers(409))
def create_connection(
    request: Request, response: Response, manager: ManagerOf, body: ConnectionBody, request_id: RequestId
) -> ConnectionAnswer:
    """Join two endpoints. Validated from both ends; agents then make it so, see the statuses."""
    connection = _present(request, manager.connections.create(body.connection.request(), request_id))
    response.headers["Location"] = connection.links[0].href
    return ConnectionAnswer(connection=connection)


@router.get("/{connection}", dependencies=[NoQuery], responses=errors.answers(404))
def show_connection(request: Request, manager: ManagerOf, connection: str) -> ConnectionAnswer:
    """One connection, by id or name."""
    return ConnectionAnswer(connection=_present(request, manager.connections.get(connection)))


@router.put("/{connection}", dependencies=[NoQuery], responses=errors.answers(404, 409, 412))
def put_connection(
    request: Request,
    manager: ManagerOf,
    connection: str,
    body: ConnectionBody,
    expected: Expected,
    request_id: RequestId,
) -> ConnectionAnswer:
    """Replace everything but the endpoints."""
    view = manager.connections.put(connection, body.connection.request(), expected, request_id)
    return ConnectionAnswer(connection=_present(request, view))


class DeleteQuery(Input):
    """`force`: forget it at once, for agents that are gone for good. What such an agent has set up stays."""

    force: bool = False


@router.delete(
    "/{connection}",
    status_code=202,
    responses={**errors.answers(404, 412), 204: {"description": "forgotten by force"}},
    response_model=None,
)
def delete_connection(
    manager: ManagerOf,
    connection: str,
    expected: Expected,
    request_id: RequestId,
    query: Annotated[DeleteQuery, Query()],
) -> Response | None:
    """Have both agents take it down. It answers 404 once both have reported it gone."""
    if query.force:
        manager.connections.forget(connection, expected, request_id)
        return Response(status_code=204)
    manager.connections.delete(connection, expected, request_id)
    return None


@router.get("/{connection}/sessions", dependencies=[NoQuery], responses=errors.answers(404))
def list_sessions(manager: ManagerOf, connection: str) -> SessionsAnswer:
    """Its BGP sessions, each as either side sees it, by path."""
    return SessionsAnswer(sessions=present_sessions(manager.connections.get(connection)))


def _present(request: Request, view: ConnectionView) -> Connection:
    connection = view.record
    return Connection(
        id=connection.id,
        name=connection.name,
        description=connection.description,
        managed_by=connection.managed_by,
        local_endpoint=connection.local.name,
        local_endpoint_id=connection.local.id,
        local_cell=connection.local.cell_name,
        remote_endpoint=connection.remote.name,
        remote_endpoint_id=connection.remote.id,
        remote_cell=connection.remote.cell_name,
        families=connection.families,
        hold_time=connection.profile.hold_time,
        graceful_restart_time=connection.profile.graceful_restart_time,
        hold_down=connection.profile.hold_down,
        enabled=connection.enabled,
        paths=[
            Path(
                name=path.name,
                local_interface=path.local_interface,
                remote_interface=path.remote_interface,
                local_addresses=path.local_addresses,
                remote_addresses=path.remote_addresses,
            )
            for path in connection.paths
        ],
        state=view.status.state,
        provisioning_status=view.status.provisioning_status,
        operating_status=view.status.operating_status,
        conditions=conditions(view.status.conditions),
        health=_health(view),
        learned=_learned(view),
        revision_number=connection.revision_number,
        observed_revision=view.status.observed_revision,
        created_at=connection.created_at,
        updated_at=connection.updated_at,
        links=[Link(rel="self", href=f"{request.base_url}v1/connections/{connection.id}")],
    )


def _health(view: ConnectionView) -> list[Health]:
    return [
        Health(
            cell=side.endpoint.cell_name,
            gateway=side.endpoint.gateway,
            family=health.family,
            ok=health.ok,
            rtt_ms=health.rtt_ms,
            sent=health.sent,
            lost=health.lost,
            observed_at=received.wall,
        )
        for side, received in zip(view.sides, view.received, strict=True)
        if received is not None and (about := side.about(view.record)) is not None
        for health in about.health
    ]


def _learned(view: ConnectionView) -> list[Learned]:
    return [
        Learned(
            cell=side.endpoint.cell_name,
            gateway=side.endpoint.gateway,
            family=family,
            prefixes=prefixes,
            observed_at=received.wall,
        )
        for side, received in zip(view.sides, view.received, strict=True)
        if received is not None and (about := side.about(view.record)) is not None
        for family, prefixes in about.learned.items()
    ]
