"""Databases of any size, written straight into the tables: what thousands of requests would have left.

Two shapes. `spread`: gateways with as many ports as they have endpoints, connections all over. `hub`: one
gateway that every connection ends at, the other ends each in a cell of their own.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import insert, select, update

from cellnet_core.manager import intent
from cellnet_core.model.wire import Inventory, PortInventory, Term
from cellnet_core.store import connections, ports
from cellnet_core.store.database import Database
from cellnet_core.store.records import AgentKey
from cellnet_core.store.schema import (
    AgentRow,
    CellRow,
    ConnectionRow,
    EndpointRow,
    EventRow,
    PathRow,
    PrefixRow,
    ProfileRow,
)
from cellnet_core.store.session import Session

AT = datetime(2026, 1, 1, tzinfo=UTC)
PER_GATEWAY = 50


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of everything. A connection joins two endpoints; the rest of the endpoints stand alone."""

    endpoints: int
    connections: int
    kind: Literal["spread", "hub"] = "spread"

    def home(self, endpoint: int) -> int:
        """The number of the endpoint's cell (one gateway each)."""
        if self.kind == "hub":
            return 0 if endpoint % 2 == 0 else 1 + endpoint // 2
        cells = max(2, self.endpoints // PER_GATEWAY)
        return endpoint % cells

    @property
    def cells(self) -> int:
        return 1 + max(self.home(endpoint) for endpoint in range(self.endpoints))


def identity(kind: int, number: int) -> str:
    """The id of an object of the population."""
    return str(uuid.UUID(int=kind << 64 | number))


def cell_prefixes(cell: int) -> list[str]:
    """What it announces."""
    return [f"10.{cell // 256}.{cell % 256}.0/24", f"fdce:11:0:{cell:x}::/64"]


def gateway_of(cell: int) -> AgentKey:
    """The agent of that cell."""
    return AgentKey(identity(1, cell), f"c{cell}-gw1")


def port(endpoint: int, *, bare: bool = False) -> dict[str, Any]:
    """The WAN port of an endpoint; the two ends of connection n share subnet n."""
    link, end = endpoint // 2, 1 + endpoint % 2
    number = link * 4 + end
    v4 = f"172.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    v6 = f"fdce:11:ffff:{link:x}::{end}"
    suffix = ("", "") if bare else ("/30", "/64")
    return {"interface": f"wan{endpoint}", "addresses": [v4 + suffix[0], v6 + suffix[1]]}


def inventory(shape: Shape, cell: int) -> Inventory:
    """What the cell's gateway offers."""
    mine = (number for number in range(shape.endpoints) if shape.home(number) == cell)
    return Inventory(
        asn=100_000 + cell,
        router_id="10.0.0.1",
        prefixes=tuple(cell_prefixes(cell)),
        health_addresses=(f"10.{cell // 256}.{cell % 256}.11", f"fdce:11:0:{cell:x}::11"),
        ports=tuple(PortInventory.model_validate(port(number)) for number in mine),
    )


def populate(database: Database, shape: Shape) -> None:
    """Fill an empty database."""
    with database.write() as session:
        _cells(session, shape)
        _endpoints(session, shape)
        _connections(session, shape)
        _told(session)


def _stamp(**fields: Any) -> dict[str, Any]:
    return {"revision_number": 1, "created_at": AT, "updated_at": AT, "description": "", **fields}


def _cells(session: Session, shape: Shape) -> None:
    numbers = range(shape.cells)
    session.mapped.execute(
        insert(CellRow),
        [
            _stamp(
                id=identity(1, n),
                name=f"c{n}",
                kind="sub" if n else "main",
                asn=100_000 + n,
                prefixes=cell_prefixes(n),
            )
            for n in numbers
        ],
    )
    session.mapped.execute(
        insert(PrefixRow),
        [claim for n in numbers for claim in _claims(identity(1, n), f"cell c{n}", n)],
    )
    ports_of: dict[int, list[int]] = {n: [] for n in numbers}
    for endpoint in range(shape.endpoints):
        ports_of[shape.home(endpoint)].append(endpoint)
    session.mapped.execute(
        insert(AgentRow),
        [
            {
                "cell_id": identity(1, n),
                "gateway": f"c{n}-gw1",
                "generation": 1,
                "lineage": [Term(id="population", first=1).model_dump()],
                "astray": None,
                "supersedes": None,
                "confirmed_empty": False,
                "inventory": {
                    **inventory(Shape(0, 0), n).model_dump(mode="json"),
                    "ports": [port(endpoint) | {"peer": None} for endpoint in ports_of[n]],
                },
                "first_seen_at": AT,
            }
            for n in numbers
        ],
    )


def _claims(owner_id: str, owner: str, cell: int) -> list[dict[str, Any]]:
    from cellnet_core.store.prefixes import _range

    rows = []
    for prefix in cell_prefixes(cell):
        version, first, last = _range(prefix)
        rows.append(
            {
                "owner_id": owner_id,
                "owner": owner,
                "cell_id": identity(1, cell),
                "prefix": prefix,
                "version": version,
                "first": first,
                "last": last,
            }
        )
    return rows


def _endpoints(session: Session, shape: Shape) -> None:
    numbers = range(shape.endpoints)
    session.mapped.execute(
        insert(EndpointRow),
        [
            _stamp(
                id=identity(2, n),
                name=f"e{n}",
                cell_id=identity(1, cell := shape.home(n)),
                gateway=f"c{cell}-gw1",
                asn=100_000 + cell,
                prefixes=cell_prefixes(cell),
                health_check_addresses=[f"10.{cell // 256}.{cell % 256}.11", f"fdce:11:0:{cell:x}::11"],
                interfaces=[port(n)],
            )
            for n in numbers
        ],
    )
    session.mapped.execute(
        insert(PrefixRow),
        [claim for n in numbers for claim in _claims(identity(2, n), f"endpoint e{n}", shape.home(n))],
    )


def _connections(session: Session, shape: Shape) -> None:
    profile = session.scalar(select(ProfileRow.id)) or ""
    numbers = range(shape.connections)
    if not numbers:
        return
    session.mapped.execute(
        insert(ConnectionRow),
        [
            _stamp(
                id=identity(3, n),
                name=f"n{n}",
                local_endpoint_id=identity(2, 2 * n),
                remote_endpoint_id=identity(2, 2 * n + 1),
                families=["ipv4", "ipv6"],
                profile_id=profile,
                enabled=True,
                deleting=False,
                observed_revision=1,
                state="active",
                provisioning_status="ACTIVE",
                operating_status="ONLINE",
                conditions=[],
            )
            for n in numbers
        ],
    )
    session.mapped.execute(insert(PathRow), [_path(shape, n) for n in numbers])
    session.mapped.execute(
        insert(EventRow),
        [
            {
                "time": AT,
                "type": "connection.created",
                "severity": "info",
                "resource_type": "connection",
                "resource_id": identity(3, n),
                "resource_name": f"n{n}",
                "message": "populated",
                "detail": {},
            }
            for n in numbers
        ],
    )


def _path(shape: Shape, number: int) -> dict[str, Any]:
    near, far = port(2 * number, bare=True), port(2 * number + 1, bare=True)
    ends = (gateway_of(shape.home(2 * number)), gateway_of(shape.home(2 * number + 1)))
    return {
        "name": f"c{shape.home(2 * number)}-c{shape.home(2 * number + 1)}-n{number}",
        "connection_id": identity(3, number),
        "position": 0,
        "local_interface": near["interface"],
        "remote_interface": far["interface"],
        "ports": ports.key((ends[0], near["interface"]), (ends[1], far["interface"])),
        "local_addresses": near["addresses"],
        "remote_addresses": far["addresses"],
    }


def _told(session: Session) -> None:
    """Digests of what the agents were told, as the manager keeps them."""
    rows = [
        {
            "id": found.id,
            "told_local": intent.digest(intent.told(found.local.agent, found)),
            "told_remote": intent.digest(intent.told(found.remote.agent, found)),
        }
        for found in connections.everyone(session)
    ]
    if rows:
        session.mapped.execute(update(ConnectionRow), rows)
