"""/v1/audit: who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from cellnet_core.northbound import errors, paging
from cellnet_core.northbound.bodies import JsonRoute
from cellnet_core.northbound.fields import Link, ManagerOf, NoQuery, Output, RowNumber
from cellnet_core.store.records import AuditRecord

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=JsonRoute)


class AuditList(paging.ListInput):
    """In the order of the changes; `marker` is the id of the last record seen."""

    id: paging.FilterText = None
    time: paging.FilterText = None
    request_id: paging.FilterText = None
    user: paging.FilterText = None
    method: paging.FilterText = None
    action: paging.FilterText = None
    resource_type: paging.FilterText = None
    resource_id: paging.FilterText = None
    resource_name: paging.FilterText = None


class AuditEntry(Output):
    """A change of one object. `changed` has the value of each field before and after, secrets masked."""

    id: int
    time: datetime
    request_id: str
    user: str
    roles: tuple[str, ...]
    method: str
    path: str
    action: str
    resource_type: str
    resource_id: str
    resource_name: str
    revision_before: int | None
    revision_after: int | None
    changed: dict[str, Any]


class AuditEntryAnswer(Output):
    audit_record: AuditEntry


class AuditAnswer(Output):
    audit: list[AuditEntry]
    audit_links: list[Link]


@router.get("", responses=errors.answers())
def list_audit(request: Request, manager: ManagerOf, query: Annotated[AuditList, Query()]) -> AuditAnswer:
    """Changes, oldest first unless `sort` says otherwise ("id:desc")."""
    page = manager.audit.page(query.page_query())
    shown, links = paging.listed(request, page, lambda _, record: _present(record))
    return AuditAnswer(audit=shown, audit_links=links)


@router.get("/{record}", dependencies=[NoQuery], responses=errors.answers(404))
def show_audit_record(manager: ManagerOf, record: RowNumber) -> AuditEntryAnswer:
    """One change."""
    return AuditEntryAnswer(audit_record=_present(manager.audit.get(record)))


def _present(record: AuditRecord) -> AuditEntry:
    return AuditEntry(
        id=record.id,
        time=record.time,
        request_id=record.request_id,
        user=record.user,
        roles=record.roles,
        method=record.method,
        path=record.path,
        action=record.action,
        resource_type=record.resource_type,
        resource_id=record.resource_id,
        resource_name=record.resource_name,
        revision_before=record.revision_before,
        revision_after=record.revision_after,
        changed=record.changed,
    )
