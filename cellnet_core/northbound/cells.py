"""/v1/cells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Literal, cast

from fastapi import APIRouter, Query, Request
from pydantic import Field

from cellnet_core.manager.cells import CellRequest
from cellnet_core.manager.standing import CellView
from cellnet_core.northbound import changing, errors, paging
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import (
    MAX_ITEMS,
    Asn,
    Input,
    Link,
    ManagerOf,
    Name,
    NoQuery,
    Output,
    Prefix,
    Tags,
    Text,
    Uuid,
)
from cellnet_core.northbound.versions import Version, only_since, since
from cellnet_core.northbound.writing import Replace, Write, put_answers
from cellnet_core.store.records import CellRecord

router = APIRouter(prefix="/v1/cells", tags=["cells"], route_class=ResourceRoute)


Kind = Literal["main", "sub"]


class CellInput(Input):
    """A cell as it shall be."""

    name: Name
    asn: Asn
    kind: Kind = "sub"
    id: Uuid | None = None
    nova_cell_uuid: Uuid | None = None
    prefixes: Annotated[tuple[Prefix, ...], Field(max_length=MAX_ITEMS)] = ()
    description: Text = ""
    drift_policy: Literal["repair", "ignore", "adopt"] | None = None
    tags: Tags | None = None
    since: ClassVar[Mapping[str, Version]] = {"drift_policy": (1, 2), "tags": (1, 2)}

    def request(self) -> CellRequest:
        """As the manager takes it."""
        return CellRequest(
            name=self.name,
            asn=self.asn,
            kind=self.kind,
            id=self.id,
            nova_cell_uuid=self.nova_cell_uuid,
            prefixes=self.prefixes,
            description=self.description,
            drift_policy=self.drift_policy,
            tags=self.tags,
        )


class CellBody(Input):
    cell: CellInput


class CellChange(Input):
    """Some of a cell."""

    name: Name | None = None
    asn: Asn | None = None
    kind: Kind | None = None
    nova_cell_uuid: Uuid | None = None
    prefixes: Annotated[tuple[Prefix, ...], Field(max_length=MAX_ITEMS)] | None = None
    description: Text | None = None
    drift_policy: Literal["repair", "ignore", "adopt"] | None = None
    tags: Tags | None = None

    def over(self, cell: CellRecord) -> CellRequest:
        """What the cell shall be, from what it is."""
        now = CellInput.model_construct(
            name=cell.name,
            asn=cell.asn,
            kind=cast(Kind, cell.kind),
            nova_cell_uuid=cell.nova_cell_uuid,
            prefixes=cell.prefixes,
            description=cell.description,
        )
        return changing.over(now, self).request()


class CellChangeBody(Input):
    cell: CellChange


class CellList(paging.NamedList):
    kind: paging.FilterText = None
    asn: paging.FilterText = None
    nova_cell_uuid: paging.FilterText = None
    drift_policy: paging.FilterText = None
    since: ClassVar[Mapping[str, Version]] = {"drift_policy": (1, 2), "tags": (1, 2)}


class Cell(Output):
    """A cell. `operating_status` is that of its agents; NO_MONITOR: none was ever heard of.

    `drift_policy`: what its agents do about what somebody else changed.
    """

    id: str
    name: str
    description: str
    kind: str
    nova_cell_uuid: str | None
    asn: int
    prefixes: tuple[str, ...]
    gateways: list[str]
    provisioning_status: str
    operating_status: str
    revision_number: int
    observed_revision: int
    created_at: datetime
    updated_at: datetime
    links: list[Link]
    drift_policy: str = ""
    tags: tuple[str, ...] = ()


class CellAnswer(Output):
    cell: Cell


class CellsAnswer(Output):
    cells: list[Cell]
    cells_links: list[Link]


@router.get("", responses=errors.answers())
def list_cells(request: Request, manager: ManagerOf, query: Annotated[CellList, Query()]) -> CellsAnswer:
    """Cells, by name unless `sort` says otherwise."""
    shown, links = paging.listed(request, manager.cells.page(query.page_query("name")), _present)
    return CellsAnswer(cells=shown, cells_links=links)


@router.post("", status_code=201, responses=errors.answers(409))
def create_cell(write: Write, body: CellBody) -> CellAnswer:
    """Declare a cell."""
    made = write.manager.cells.create(body.cell.request(), write.request_id)
    shown = _present(write.request, made)
    return CellAnswer(cell=write.made(shown, shown.links))


@router.get("/{cell}", dependencies=[NoQuery], responses=errors.answers(404))
def show_cell(request: Request, manager: ManagerOf, cell: str) -> CellAnswer:
    """One cell, by id, name or Nova cell uuid."""
    return CellAnswer(cell=_present(request, manager.cells.get(cell)))


@router.put("/{cell}", responses=put_answers(CellAnswer))
def put_cell(write: Replace, cell: str, body: CellBody) -> CellAnswer:
    """Replace a cell; with a new UUID as address, declare one (201), safe to repeat."""
    wanted = body.cell.request()
    put, created = write.manager.cells.put(cell, wanted, write.expected, write.request_id)
    shown = _present(write.request, put)
    return CellAnswer(cell=write.made(shown, shown.links, created=created))


@router.patch("/{cell}", dependencies=[only_since((1, 2))], responses=errors.answers(404, 409, 412))
def patch_cell(write: Replace, cell: str, body: CellChangeBody) -> CellAnswer:
    """Change some of a cell (RFC 7396: what is not said stays)."""
    view = write.manager.cells.modify(cell, body.cell.over, write.expected, write.request_id)
    return CellAnswer(cell=_present(write.request, view))


@router.delete("/{cell}", status_code=204, responses=errors.answers(404, 409, 412))
def delete_cell(write: Replace, cell: str) -> None:
    """Forget a cell without endpoints."""
    write.manager.cells.delete(cell, write.expected, write.request_id)


def _present(request: Request, view: CellView) -> Cell:
    cell = view.record
    return Cell(
        id=cell.id,
        name=cell.name,
        description=cell.description,
        kind=cell.kind,
        nova_cell_uuid=cell.nova_cell_uuid,
        asn=cell.asn,
        prefixes=cell.prefixes,
        gateways=[agent.record.key.gateway for agent in view.agents],
        provisioning_status="ACTIVE",
        operating_status=view.operating_status,
        revision_number=cell.revision_number,
        observed_revision=cell.revision_number,
        created_at=cell.created_at,
        updated_at=cell.updated_at,
        links=[Link(rel="self", href=f"{request.base_url}v1/cells/{cell.id}")],
        **since((1, 2), drift_policy=cell.drift_policy, tags=cell.tags),
    )
