"""/v1/topology and /v1/paths: computed, not stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request

from cellnet_core.manager import pairing
from cellnet_core.manager.errors import InvalidError
from cellnet_core.manager.survey import Link
from cellnet_core.northbound import errors
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import ManagerOf, NoQuery, Output, Reference
from cellnet_core.northbound.versions import since
from cellnet_core.store.records import PathRecord

router = APIRouter(prefix="/v1", tags=["topology"], route_class=ResourceRoute)


class TopologyPath(Output):
    """A path as it is now. ONLINE: both ends use it; DEGRADED: up, in its hold-down; OFFLINE: an end sees it
    down or has no session over it; UNKNOWN: an end cannot tell. `reason` says why it is not ONLINE. `via`:
    the providers' routers on the way, from the local end; since version 1.2."""

    name: str
    connection: str
    local_cell: str
    local_gateway: str
    local_interface: str
    remote_cell: str
    remote_gateway: str
    remote_interface: str
    operating_status: str
    reason: str
    via: tuple[str, ...] = ()


class TopologyConnection(Output):
    """A connection; `surviving_paths` can carry traffic now, of `unknown_paths` nobody can tell."""

    id: str
    name: str
    local_cell: str
    remote_cell: str
    state: str
    operating_status: str
    surviving_paths: int
    unknown_paths: int
    paths: list[TopologyPath]


class TopologyCell(Output):
    id: str
    name: str
    kind: str
    gateways: list[str]
    operating_status: str


class Topology(Output):
    cells: list[TopologyCell]
    connections: list[TopologyConnection]


class TopologyAnswer(Output):
    topology: Topology


class PathsAnswer(Output):
    """The paths between two cells, `from_cell` being the local one in each."""

    from_cell: str
    to_cell: str
    surviving_paths: int
    unknown_paths: int
    paths: list[TopologyPath]


@router.get("/topology", dependencies=[NoQuery], responses=errors.answers())
def show_topology(manager: ManagerOf) -> TopologyAnswer:
    """All cells, connections and paths with their state now; not paged."""
    whole = manager.topology.whole()
    return TopologyAnswer(
        topology=Topology(
            cells=[
                TopologyCell(
                    id=view.record.id,
                    name=view.record.name,
                    kind=view.record.kind,
                    gateways=[agent.record.key.gateway for agent in view.agents],
                    operating_status=view.operating_status,
                )
                for view in whole.cells
            ],
            connections=[_connection(link) for link in whole.links],
        )
    )


@router.get("/paths", responses=errors.answers())
def list_paths(
    request: Request,
    manager: ManagerOf,
    origin: Annotated[Reference, Query(alias="from")],
    target: Annotated[Reference, Query(alias="to")],
) -> PathsAnswer:
    """The paths from one cell to another, and how many of them survive."""
    unknown = sorted(set(request.query_params) - {"from", "to"})
    if unknown:
        raise InvalidError(
            "request.unknown_query", f"unknown {', '.join(map(repr, unknown))}; known are from, to"
        )
    found = manager.topology.between(origin, target)
    return PathsAnswer(
        from_cell=found.origin.name,
        to_cell=found.target.name,
        surviving_paths=sum(link.surviving for link in found.links),
        unknown_paths=sum(link.unknown for link in found.links),
        paths=[path for link in found.links for path in _paths(link, first=found.origin.id)],
    )


def _connection(link: Link) -> TopologyConnection:
    record = link.view.record
    return TopologyConnection(
        id=record.id,
        name=record.name,
        local_cell=record.local.cell_name,
        remote_cell=record.remote.cell_name,
        state=link.view.status.state,
        operating_status=link.view.status.operating_status,
        surviving_paths=link.surviving,
        unknown_paths=link.unknown,
        paths=_paths(link, first=record.local.cell_id),
    )


def _turned(path: PathRecord) -> PathRecord:
    """The path seen from its other end."""
    return replace(path, local_interface=path.remote_interface, remote_interface=path.local_interface)


def _paths(link: Link, first: str) -> list[TopologyPath]:
    """Its paths with the cell `first` (an id) as the local one."""
    record = link.view.record
    near, far = record.local, record.remote
    flipped = near.cell_id != first
    if flipped:
        near, far = far, near
    return [
        TopologyPath(
            name=path.record.name,
            connection=record.name,
            local_cell=near.cell_name,
            local_gateway=near.gateway,
            local_interface=path.record.remote_interface if flipped else path.record.local_interface,
            remote_cell=far.cell_name,
            remote_gateway=far.gateway,
            remote_interface=path.record.local_interface if flipped else path.record.remote_interface,
            operating_status=path.operating_status,
            reason=path.reason,
            **since(
                (1, 2), via=pairing.routers_on(near, far, _turned(path.record) if flipped else path.record)
            ),
        )
        for path in link.paths
    ]
