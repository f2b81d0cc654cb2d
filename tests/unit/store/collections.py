"""Every collection that has pages: a dozen objects of each, and what each field of them is.

Values come more than once, so that orders need their last resort; names differ in case and punctuation, which
locales sort in their own ways; what may be unset is unset in some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cellnet_core.store import (
    audit,
    cells,
    connections,
    drifts,
    endpoints,
    events,
    listing,
    operations,
    profiles,
)
from cellnet_core.store.records import (
    AuditRecord,
    BfdRecord,
    CellRecord,
    ConditionRecord,
    ConnectionRecord,
    DriftRecord,
    EndpointRecord,
    EventRecord,
    InterfaceRecord,
    OperationRecord,
    OrderRecord,
    PathRecord,
    PeerRecord,
    ProfileRecord,
    StatusRecord,
    StepRecord,
    TimersRecord,
)
from cellnet_core.store.session import Session

AT = datetime(2026, 1, 31, 12, 30, 0, 125000, tzinfo=UTC)
NAMES = ("a-1", "a_1", "A1", "a.1", "a1", "B-2", "b2", "c", "C-3", "c_3", "z", "Z9")
TAGS: Sequence[tuple[str, ...]] = ((), ("gold",), ("gold", "lab"), ("lab:1",), ("go", "l_b"))
Getter = Callable[[Any], Any]


def identity(kind: int, number: int) -> str:
    """An id; its order is not that of the numbers."""
    return str(UUID(int=kind << 96 | (number * 7 % 13) << 64 | number))


def moment(number: int) -> datetime:
    """Every third is the same."""
    return AT + timedelta(hours=number % 3, microseconds=number % 3)


@dataclass(frozen=True, slots=True)
class Collection:
    """`special`: fields whose value is not the attribute of that name."""

    columns: listing.Columns
    page: Callable[[Session, listing.PageQuery], listing.Page[Any]]
    special: Mapping[str, Getter]

    def value(self, record: Any, field: str) -> Any:
        """What that field of the record is."""
        return self.special[field](record) if field in self.special else getattr(record, field)


COLLECTIONS: Mapping[str, Collection] = {
    "cells": Collection(cells.COLUMNS, cells.page, {}),
    "endpoints": Collection(endpoints.COLUMNS, endpoints.page, {"cell": lambda one: one.cell_name}),
    "profiles": Collection(profiles.COLUMNS, profiles.page, {}),
    "connections": Collection(
        connections.COLUMNS,
        connections.page,
        {
            "local_endpoint_id": lambda one: one.local.id,
            "remote_endpoint_id": lambda one: one.remote.id,
            "profile_id": lambda one: one.profile.id,
            "state": lambda one: one.status.state,
            "provisioning_status": lambda one: one.status.provisioning_status,
            "operating_status": lambda one: one.status.operating_status,
        },
    ),
    "operations": Collection(operations.COLUMNS, operations.page, {}),
    "drifts": Collection(drifts.COLUMNS, drifts.page, {}),
    "events": Collection(events.COLUMNS, events.page, {}),
    "audit": Collection(audit.COLUMNS, audit.page, {}),
}


def fill(session: Session) -> None:
    """All of them."""
    made_cells = [cell(number) for number in range(len(NAMES))]
    for one in made_cells:
        cells.save(session, one)
    made_profiles = [profile(number) for number in range(len(NAMES))]
    for each in made_profiles:
        profiles.save(session, each)
    ends = [endpoint(number, made_cells[number % 5]) for number in range(len(NAMES))]
    for end in ends:
        endpoints.add(session, end)
    for number in range(len(NAMES)):
        local, remote = ends[number], ends[(number * 5 + 1) % len(NAMES)]
        connections.add(session, connection(number, local, remote, made_profiles[number % 3]))
        operations.save(session, operation(number))
        drifts.save(session, drift(number))
    events.add(session, [event(number) for number in range(len(NAMES))])
    audit.add(session, [audited(number) for number in range(len(NAMES))])


def cell(number: int) -> CellRecord:
    nova = None if number % 4 == 0 else identity(9, number)
    return CellRecord(
        id=identity(1, number),
        name=NAMES[number],
        kind="sub" if number else "main",
        nova_cell_uuid=nova,
        asn=4_200_000_000 + number // 2,
        prefixes=(f"10.0.{number}.0/24",),
        description="",
        revision_number=1,
        created_at=moment(number),
        updated_at=moment(number + 1),
        drift_policy=("repair", "adopt", "ignore")[number % 3],
        tags=TAGS[number % len(TAGS)],
    )


def endpoint(number: int, home: CellRecord) -> EndpointRecord:
    peer = PeerRecord("p1", 64512, ("172.16.0.1/30",), passive=True) if number % 2 else None
    return EndpointRecord(
        id=identity(2, number),
        name=NAMES[number],
        cell_id=home.id,
        cell_name=home.name,
        gateway=f"gw{number % 2}",
        asn=home.asn,
        prefixes=home.prefixes,
        health_check_addresses=(),
        interfaces=(InterfaceRecord("wan1", ("172.16.0.2/30",), peer),),
        description="",
        revision_number=1,
        created_at=moment(number),
        updated_at=moment(number),
        managed_by=("", "file")[number % 2],
        tags=TAGS[(number + 1) % len(TAGS)],
    )


def profile(number: int) -> ProfileRecord:
    return ProfileRecord(
        id=identity(3, number),
        name=NAMES[number],
        hold_time=9,
        graceful_restart_time=120,
        hold_down=1.5,
        health_interval=1.0,
        bfd=BfdRecord(10, 10, 3) if number % 2 else None,
        prefix_limits=(("ipv4", 100),),
        drain_method="prepend",
        password=None,
        is_default=number == 3,
        description="",
        managed_by="",
        tags=TAGS[number % len(TAGS)],
        revision_number=1,
        created_at=moment(number),
        updated_at=moment(number),
    )


def connection(
    number: int, local: EndpointRecord, remote: EndpointRecord, its: ProfileRecord
) -> ConnectionRecord:
    well = ConditionRecord("Enabled", "True", "Enabled", "wanted", AT)
    statuses = ("ONLINE", "DEGRADED", "UNKNOWN", "OFFLINE")
    return ConnectionRecord(
        id=identity(4, number),
        name=NAMES[number],
        local=local,
        remote=remote,
        families=("ipv4", "ipv6"),
        profile=its,
        own=TimersRecord(None, 30, 0.5),
        enabled=number % 4 != 0,
        deleting=False,
        paths=(PathRecord(f"{NAMES[number]}--1", "wan1", "wan1", ("172.16.0.1",), ("172.16.0.2",)),),
        description="",
        revision_number=1,
        status=StatusRecord("ACTIVE", statuses[number % 4], 1, (well,), ("active", "degraded")[number % 2]),
        created_at=moment(number),
        updated_at=moment(number),
        tags=TAGS[number % len(TAGS)],
        orders=(OrderRecord(identity(5, number), "refresh"),),
    )


def operation(number: int) -> OperationRecord:
    return OperationRecord(
        id=identity(5, number),
        type="connection.delete",
        resource_type="connection",
        resource_id=identity(4, number),
        resource_name=NAMES[number],
        state=("running", "succeeded")[number % 2],
        progress=50,
        steps=(StepRecord("main/gw1", "done", "gone"),),
        error="",
        request_id=f"req-{number}" if number % 3 else None,
        created_at=moment(number),
        updated_at=moment(number),
        finished_at=moment(number) if number % 2 else None,
    )


def drift(number: int) -> DriftRecord:
    return DriftRecord(
        id=identity(6, number),
        origin=f"life:{number}",
        cell_id=identity(1, number % 5),
        cell=NAMES[number % 5],
        gateway=f"gw{number % 2}",
        driver="openflow",
        kind=("flow-missing", "flow-extra")[number % 2],
        object="table=3",
        desired="",
        observed="",
        action="repair",
        state=("open", "over", "ignored")[number % 3],
        message="",
        found_at=moment(number),
        over_at=moment(number) if number % 3 == 1 else None,
    )


def event(number: int) -> EventRecord:
    return EventRecord(
        id=0,
        time=moment(number),
        type=("connection.created", "connection.deleted")[number % 2],
        severity="info",
        resource_type="connection",
        resource_id=identity(4, number),
        resource_name=NAMES[number],
        message="ä line\nand a second",
        request_id=None,
        detail={"why": ["because"]},
    )


def audited(number: int) -> AuditRecord:
    return AuditRecord(
        id=0,
        time=moment(number),
        request_id=f"req-{number % 4}",
        user=("alice", "Bob", "_x")[number % 3],
        roles=("admin",),
        method="PUT",
        path="/v1/cells/main",
        action=("created", "updated", "deleted")[number % 3],
        resource_type="cell",
        resource_id=identity(1, number),
        resource_name=NAMES[number],
        revision_before=None,
        revision_after=1,
        changed={"name": {"before": None, "after": "é"}},
    )


def as_added(record: Any) -> Any:
    """Without what only the database gives."""
    return replace(record, id=0) if isinstance(record.id, int) else record
