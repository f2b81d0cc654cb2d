"""How clients see a connection: what it shall be, how it stands, and what both sides last said of it."""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired

from fastapi import Request
from typing_extensions import TypedDict

from cellnet_core.manager import pairing
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.northbound import operations
from cellnet_core.northbound.fields import Condition, Link, conditions
from cellnet_core.northbound.versions import speaks
from cellnet_core.store.records import ConnectionRecord, PathRecord


class Path(TypedDict):
    """A pair of ports; addresses IPv4 first. `via`: the providers' routers on the way, from the local end;
    none on a fibre. Since version 1.2."""

    name: str
    local_interface: str
    remote_interface: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]
    via: NotRequired[tuple[str, ...]]


class Health(TypedDict):
    """Round trips from one gateway to the other's health-check address."""

    cell: str
    gateway: str
    family: str
    ok: bool
    rtt_ms: float | None
    sent: int
    lost: int
    observed_at: datetime


class Learned(TypedDict):
    """The other side's prefixes that one gateway uses."""

    cell: str
    gateway: str
    family: str
    prefixes: tuple[str, ...]
    observed_at: datetime


class Timers(TypedDict):
    """What is in force, in seconds."""

    hold_time: int
    graceful_restart_time: int
    hold_down: float


class Connection(TypedDict):
    """A connection. `health` and `learned` are what was last reported, with the time of that.

    Since version 1.2 its own `hold_time`, `graceful_restart_time` and `hold_down` are null where those of the
    profile count, and `timers` are those in force; before, these fields are those in force.
    """

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
    hold_time: int | None
    graceful_restart_time: int | None
    hold_down: float | None
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
    profile: NotRequired[str]
    profile_id: NotRequired[str]
    timers: NotRequired[Timers]
    tags: NotRequired[tuple[str, ...]]


def present(request: Request, view: ConnectionView) -> Connection:
    """The connection as the version of this request knows it."""
    connection = view.record
    newer = speaks((1, 2))
    own = connection.own
    hold_time, restart_time, hold_down = connection.timers
    health, learned = _said(view)
    # A page has a hundred of these: a literal is made in half the time of a call with as many keywords.
    shown: Connection = {
        "id": connection.id,
        "name": connection.name,
        "description": connection.description,
        "managed_by": connection.managed_by,
        "local_endpoint": connection.local.name,
        "local_endpoint_id": connection.local.id,
        "local_cell": connection.local.cell_name,
        "remote_endpoint": connection.remote.name,
        "remote_endpoint_id": connection.remote.id,
        "remote_cell": connection.remote.cell_name,
        "families": connection.families,
        "hold_time": own.hold_time if newer else hold_time,
        "graceful_restart_time": own.graceful_restart_time if newer else restart_time,
        "hold_down": own.hold_down if newer else hold_down,
        "enabled": connection.enabled,
        "paths": [_path(connection, path, newer) for path in connection.paths],
        "state": view.status.state,
        "provisioning_status": view.status.provisioning_status,
        "operating_status": view.status.operating_status,
        "conditions": conditions(view.status.conditions),
        "health": health,
        "learned": learned,
        "revision_number": connection.revision_number,
        "observed_revision": view.status.observed_revision,
        "created_at": connection.created_at,
        "updated_at": connection.updated_at,
        "links": [
            {"rel": "self", "href": f"{request.base_url}v1/connections/{connection.id}"},
            *operations.links(request, connection.id),
        ],
    }
    if newer:
        shown["profile"] = connection.profile.name
        shown["profile_id"] = connection.profile.id
        shown["tags"] = connection.tags
        shown["timers"] = Timers(hold_time=hold_time, graceful_restart_time=restart_time, hold_down=hold_down)
    return shown


def _path(connection: ConnectionRecord, path: PathRecord, newer: bool) -> Path:
    shown: Path = {
        "name": path.name,
        "local_interface": path.local_interface,
        "remote_interface": path.remote_interface,
        "local_addresses": path.local_addresses,
        "remote_addresses": path.remote_addresses,
    }
    if newer:
        shown["via"] = pairing.routers_on(connection.local, connection.remote, path)
    return shown


def _said(view: ConnectionView) -> tuple[list[Health], list[Learned]]:
    """Round trips and prefixes in use, as either side last reported them."""
    health: list[Health] = []
    learned: list[Learned] = []
    for side, received in zip(view.sides, view.received, strict=True):
        about = None if received is None else side.about(view.record)
        if received is None or about is None:
            continue
        cell, gateway, at = side.endpoint.cell_name, side.endpoint.gateway, received.wall
        health += [
            {
                "cell": cell,
                "gateway": gateway,
                "family": tried.family,
                "ok": tried.ok,
                "rtt_ms": tried.rtt_ms,
                "sent": tried.sent,
                "lost": tried.lost,
                "observed_at": at,
            }
            for tried in about.health
        ]
        learned += [
            {"cell": cell, "gateway": gateway, "family": family, "prefixes": prefixes, "observed_at": at}
            for family, prefixes in about.learned.items()
        ]
    return health, learned
