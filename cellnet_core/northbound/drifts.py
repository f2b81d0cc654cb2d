"""/v1/drifts: what somebody else changed at gateways, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import Link, ManagerOf, NoQuery, Output
from cellnet_core.northbound.versions import only_since
from cellnet_core.store.records import DriftRecord

router = APIRouter(
    prefix="/v1/drifts",
    tags=["drifts"],
    route_class=ResourceRoute,
    dependencies=[only_since((1, 2))],
)


class DriftList(paging.ListInput):
    id: paging.FilterText = None
    cell: paging.FilterText = None
    cell_id: paging.FilterText = None
    gateway: paging.FilterText = None
    kind: paging.FilterText = None
    object: paging.FilterText = None
    action: paging.FilterText = None
    state: paging.FilterText = None
    found_at: paging.FilterText = None


class Drift(Output):
    """`state`: `open` while it is repaired, `ignored`, `adopted`, or `over`. `action` is what was done about
    it, `message` why that is not the policy's, or why it failed."""

    id: str
    cell: str
    cell_id: str
    gateway: str
    driver: str
    kind: str
    object: str
    desired: str
    observed: str
    action: str
    state: str
    message: str
    found_at: datetime
    over_at: datetime | None
    links: list[Link]


class DriftAnswer(Output):
    drift: Drift


class DriftsAnswer(Output):
    drifts: list[Drift]
    drifts_links: list[Link]


@router.get("", responses=errors.answers(404))
def list_drifts(request: Request, manager: ManagerOf, query: Annotated[DriftList, Query()]) -> DriftsAnswer:
    """Drift, the newest first unless `sort` says otherwise; `?state=neq:over` is what is there now."""
    shown, links = paging.listed(request, manager.drifts.page(query.page_query("found_at:desc")), present)
    return DriftsAnswer(drifts=shown, drifts_links=links)


@router.get("/{drift}", dependencies=[NoQuery], responses=errors.answers(404))
def show_drift(request: Request, manager: ManagerOf, drift: str) -> DriftAnswer:
    """One drift."""
    return DriftAnswer(drift=present(request, manager.drifts.get(drift)))


def present(request: Request, drift: DriftRecord) -> Drift:
    """As clients see it."""
    return Drift(
        id=drift.id,
        cell=drift.cell,
        cell_id=drift.cell_id,
        gateway=drift.gateway,
        driver=drift.driver,
        kind=drift.kind,
        object=drift.object,
        desired=drift.desired,
        observed=drift.observed,
        action=drift.action,
        state=drift.state,
        message=drift.message,
        found_at=drift.found_at,
        over_at=drift.over_at,
        links=[Link(rel="self", href=f"{request.base_url}v1/drifts/{drift.id}")],
    )
