"""/v1/endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from pydantic import Field

from cellnet_core.manager.resolution import EndpointRequest, PortRequest
from cellnet_core.manager.standing import EndpointView
from cellnet_core.northbound import changing, errors, paging
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import (
    MAX_ITEMS,
    MAX_PREFIXES,
    Address,
    Asn,
    Condition,
    Input,
    Interface,
    InterfaceAddress,
    Link,
    ManagerOf,
    Name,
    NoQuery,
    Output,
    Owner,
    Prefix,
    Reference,
    Tags,
    Text,
    conditions,
)
from cellnet_core.northbound.versions import Version, only_since, since
from cellnet_core.northbound.writing import Replace, Write, put_answers
from cellnet_core.store.records import EndpointRecord, InterfaceRecord, PeerRecord

router = APIRouter(prefix="/v1/endpoints", tags=["endpoints"], route_class=ResourceRoute)


class PeerInput(Input):
    """A provider's router at the far end of a port."""

    name: Name
    asn: Asn
    addresses: Annotated[tuple[InterfaceAddress, ...], Field(min_length=1, max_length=2)]

    def record(self) -> PeerRecord:
        """As the manager takes it."""
        return PeerRecord(self.name, self.asn, self.addresses)


class InterfaceInput(Input):
    """A WAN port. Without addresses or peer: those that the agent reports for it."""

    interface: Interface
    addresses: Annotated[tuple[InterfaceAddress, ...], Field(min_length=1, max_length=2)] | None = None
    peer: PeerInput | None = None
    since: ClassVar[Mapping[str, Version]] = {"peer": (1, 2)}

    def request(self) -> PortRequest:
        """As the manager takes it."""
        return PortRequest(self.interface, self.addresses, None if self.peer is None else self.peer.record())


class EndpointInput(Input):
    """An endpoint as it shall be. What is left out is taken from the agent's report and the cell."""

    name: Name
    cell: Reference
    gateway: Name | None = None
    interfaces: Annotated[tuple[InterfaceInput, ...], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    asn: Asn | None = None
    prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=MAX_PREFIXES)] | None = None
    health_check_addresses: Annotated[tuple[Address, ...], Field(max_length=2)] | None = None
    description: Text = ""
    managed_by: Owner | None = None
    tags: Tags | None = None
    since: ClassVar[Mapping[str, Version]] = {"tags": (1, 2)}

    def request(self) -> EndpointRequest:
        """As the manager takes it."""
        ports = self.interfaces
        return EndpointRequest(
            name=self.name,
            cell=self.cell,
            gateway=self.gateway,
            interfaces=None if ports is None else tuple(port.request() for port in ports),
            asn=self.asn,
            prefixes=self.prefixes,
            health_check_addresses=self.health_check_addresses,
            description=self.description,
            managed_by=self.managed_by,
            tags=self.tags,
        )


class EndpointBody(Input):
    endpoint: EndpointInput


class EndpointChange(Input):
    """Some of an endpoint. Null for what a PUT may leave out: as the agent reports it now."""

    name: Name | None = None
    gateway: Name | None = None
    interfaces: Annotated[tuple[InterfaceInput, ...], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    asn: Asn | None = None
    prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=MAX_PREFIXES)] | None = None
    health_check_addresses: Annotated[tuple[Address, ...], Field(max_length=2)] | None = None
    description: Text | None = None
    managed_by: Owner | None = None
    tags: Tags | None = None

    def over(self, endpoint: EndpointRecord) -> EndpointRequest:
        """What the endpoint shall be, from what it is."""
        now = EndpointInput.model_construct(
            name=endpoint.name,
            cell=endpoint.cell_id,
            gateway=endpoint.gateway,
            interfaces=tuple(_as_said(port) for port in endpoint.interfaces),
            asn=endpoint.asn,
            prefixes=endpoint.prefixes,
            health_check_addresses=endpoint.health_check_addresses,
            description=endpoint.description,
        )
        return changing.over(now, self).request()


def _as_said(port: InterfaceRecord) -> InterfaceInput:
    """The port as a client would say it."""
    peer = port.peer
    return InterfaceInput.model_construct(
        interface=port.interface,
        addresses=port.addresses,
        peer=None
        if peer is None
        else PeerInput.model_construct(name=peer.name, asn=peer.asn, addresses=peer.addresses),
    )


class EndpointChangeBody(Input):
    endpoint: EndpointChange


class EndpointList(paging.NamedList):
    cell: paging.FilterText = None
    cell_id: paging.FilterText = None
    gateway: paging.FilterText = None
    asn: paging.FilterText = None
    managed_by: paging.FilterText = None


class EndpointPeer(Output):
    """A provider's router at the far end of a port, as the agent reports it."""

    name: str
    asn: int
    addresses: tuple[str, ...]


class EndpointInterface(Output):
    """`peer` is there where the far end is no gateway of another cell. Since version 1.2."""

    interface: str
    addresses: tuple[str, ...]
    peer: EndpointPeer | None = None


class Endpoint(Output):
    """An endpoint; `cell` is the name of its cell."""

    id: str
    name: str
    description: str
    managed_by: str
    cell: str
    cell_id: str
    gateway: str
    interfaces: list[EndpointInterface]
    asn: int
    prefixes: tuple[str, ...]
    health_check_addresses: tuple[str, ...]
    provisioning_status: str
    operating_status: str
    conditions: list[Condition]
    revision_number: int
    observed_revision: int
    created_at: datetime
    updated_at: datetime
    links: list[Link]
    tags: tuple[str, ...] = ()


class EndpointAnswer(Output):
    endpoint: Endpoint


class EndpointsAnswer(Output):
    endpoints: list[Endpoint]
    endpoints_links: list[Link]


@router.get("", responses=errors.answers())
def list_endpoints(
    request: Request, manager: ManagerOf, query: Annotated[EndpointList, Query()]
) -> EndpointsAnswer:
    """Endpoints, by name unless `sort` says otherwise."""
    shown, links = paging.listed(request, manager.endpoints.page(query.page_query("name")), _present)
    return EndpointsAnswer(endpoints=shown, endpoints_links=links)


@router.post("", status_code=201, responses=errors.answers(409))
def create_endpoint(write: Write, body: EndpointBody) -> EndpointAnswer:
    """Make an endpoint."""
    made = write.manager.endpoints.create(body.endpoint.request(), write.request_id)
    shown = _present(write.request, made)
    return EndpointAnswer(endpoint=write.made(shown, shown.links))


@router.get("/{endpoint}", dependencies=[NoQuery], responses=errors.answers(404))
def show_endpoint(request: Request, manager: ManagerOf, endpoint: str) -> EndpointAnswer:
    """One endpoint, by id or name."""
    return EndpointAnswer(endpoint=_present(request, manager.endpoints.get(endpoint)))


@router.put("/{endpoint}", responses=put_answers(EndpointAnswer))
def put_endpoint(write: Replace, endpoint: str, body: EndpointBody) -> EndpointAnswer:
    """Replace an endpoint; with a new UUID as address, make one (201), safe to repeat."""
    wanted = body.endpoint.request()
    put, created = write.manager.endpoints.put(endpoint, wanted, write.expected, write.request_id)
    shown = _present(write.request, put)
    return EndpointAnswer(endpoint=write.made(shown, shown.links, created=created))


@router.patch("/{endpoint}", dependencies=[only_since((1, 2))], responses=errors.answers(404, 409, 412))
def patch_endpoint(write: Replace, endpoint: str, body: EndpointChangeBody) -> EndpointAnswer:
    """Change some of an endpoint (RFC 7396: what is not said stays)."""
    view = write.manager.endpoints.modify(endpoint, body.endpoint.over, write.expected, write.request_id)
    return EndpointAnswer(endpoint=_present(write.request, view))


@router.delete("/{endpoint}", status_code=204, responses=errors.answers(404, 409, 412))
def delete_endpoint(write: Replace, endpoint: str) -> None:
    """Forget an endpoint that no connection uses."""
    write.manager.endpoints.delete(endpoint, write.expected, write.request_id)


def _peer(port: InterfaceRecord) -> dict[str, Any]:
    if port.peer is None:
        return {}
    peer = port.peer
    return since((1, 2), peer=EndpointPeer(name=peer.name, asn=peer.asn, addresses=peer.addresses))


def _present(request: Request, view: EndpointView) -> Endpoint:
    endpoint = view.record
    return Endpoint(
        id=endpoint.id,
        name=endpoint.name,
        description=endpoint.description,
        managed_by=endpoint.managed_by,
        cell=endpoint.cell_name,
        cell_id=endpoint.cell_id,
        gateway=endpoint.gateway,
        interfaces=[
            EndpointInterface(interface=port.interface, addresses=port.addresses, **_peer(port))
            for port in endpoint.interfaces
        ],
        asn=endpoint.asn,
        prefixes=endpoint.prefixes,
        health_check_addresses=endpoint.health_check_addresses,
        provisioning_status="ACTIVE",
        operating_status=view.operating_status,
        conditions=conditions(view.conditions),
        revision_number=endpoint.revision_number,
        observed_revision=endpoint.revision_number,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
        links=[Link(rel="self", href=f"{request.base_url}v1/endpoints/{endpoint.id}")],
        **since((1, 2), tags=endpoint.tags),
    )
