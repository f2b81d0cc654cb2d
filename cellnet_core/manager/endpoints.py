"""Endpoints: what a gateway brings to connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cellnet_core.manager import cells, pairing, put, resolution, standing
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import ConflictError, InvalidError, NotFoundError, check_revision
from cellnet_core.manager.resolution import EndpointRequest
from cellnet_core.manager.standing import EndpointView
from cellnet_core.model.wire import Inventory
from cellnet_core.store import agents, connections, prefixes
from cellnet_core.store import endpoints as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import AgentKey, AgentRecord, CellRecord, ConnectionRecord, EndpointRecord
from cellnet_core.store.session import Session

FIXED_IN_USE = ("gateway", "interfaces", "asn")
"""What paths and sessions rest on."""
TOLD_TO_AGENTS = ("prefixes", "health_check_addresses")
"""What agents make so and may change under a living connection."""


def require(session: Session, reference: str) -> EndpointRecord:
    """The endpoint by id or name. Raises NotFoundError."""
    found = rows.find(session, reference)
    if found is None:
        raise not_found(reference)
    return found


def not_found(reference: str) -> NotFoundError:
    """What to say of an endpoint that is not there."""
    return NotFoundError(
        "endpoint.not_found",
        f"there is no endpoint {reference!r}: name it by id or name (see /v1/endpoints)",
    )


class Endpoints:
    """Services on endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, query: PageQuery) -> Page[EndpointView]:
        """A page of endpoints. Raises BadQueryError."""
        with self._context.database.read() as session:
            found = rows.page(session, query)
            return Page(standing.view_endpoints(self._context, session, found.items), found.more)

    def get(self, reference: str) -> EndpointView:
        """One endpoint. Raises NotFoundError."""
        with self._context.database.read() as session:
            return standing.view_endpoint(self._context, session, require(session, reference))

    def create(self, request: EndpointRequest, request_id: str | None = None) -> EndpointView:
        """Make an endpoint of what was said and what its agent reported.

        Raises InvalidError and ConflictError.
        """
        with self._context.change(request_id) as change:
            return self._add(change, request, self._context.new_id())

    def put(
        self,
        reference: str,
        request: EndpointRequest,
        expected: int | None,
        request_id: str | None = None,
    ) -> tuple[EndpointView, bool]:
        """Replace an endpoint, or make it when `reference` is a new UUID; True when it was made.

        While connections use it, its cell, gateway, interfaces and AS number stay; a change of what it
        announces or answers on is a new revision of each of them. Raises NotFoundError, InvalidError,
        ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            before, chosen = put.target(change.session, reference, expected, rows.find, require)
            if before is None:
                return self._add(change, request, chosen), True
            check_revision("endpoint", before.name, before.revision_number, expected)
            return self._replace(change, before, request), False

    def modify(
        self,
        reference: str,
        change_it: Callable[[EndpointRecord], EndpointRequest],
        expected: int | None,
        request_id: str | None = None,
    ) -> EndpointView:
        """Change some of an endpoint: `change_it` says what it shall be from what it is now.

        As with `put`. Raises NotFoundError, InvalidError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            before = require(change.session, reference)
            check_revision("endpoint", before.name, before.revision_number, expected)
            return self._replace(change, before, change_it(before))

    def _add(self, change: Change, request: EndpointRequest, endpoint_id: str) -> EndpointView:
        endpoint = _resolve(change, request, endpoint_id)
        rows.add(change.session, endpoint)
        owner = f"endpoint {endpoint.name}"
        prefixes.add(change.session, endpoint.id, owner, endpoint.cell_id, endpoint.prefixes)
        change.event(
            "endpoint.created",
            ("endpoint", endpoint.id, endpoint.name),
            f"endpoint {endpoint.name} at {endpoint.place}, AS {endpoint.asn}",
        )
        return standing.view_endpoint(self._context, change.session, endpoint)

    def _replace(self, change: Change, before: EndpointRecord, request: EndpointRequest) -> EndpointView:
        session = change.session
        after = replace(
            _resolve(change, request, before.id, before),
            managed_by=before.managed_by if request.managed_by is None else request.managed_by,
            tags=before.tags if request.tags is None else request.tags,
            revision_number=before.revision_number,
            created_at=before.created_at,
            updated_at=before.updated_at,
        )
        if after.cell_id != before.cell_id:
            raise ConflictError(
                "endpoint.cell_fixed",
                f"endpoint {before.name} is in cell {before.cell_name} and cannot move to {after.cell_name}: "
                "delete it and create another",
            )
        if after == before:
            return standing.view_endpoint(self._context, session, before)
        users = connections.of_endpoint(session, before.id)
        fixed = [name for name in FIXED_IN_USE if getattr(before, name) != getattr(after, name)]
        if users and fixed:
            raise ConflictError(
                "endpoint.in_use",
                f"{' and '.join(fixed)} of endpoint {before.name} cannot change while connection "
                f"{', '.join(c.name for c in users)} uses it: delete that first and wait until it is gone",
            )
        after = replace(after, revision_number=before.revision_number + 1, updated_at=change.at)
        rows.update(session, after)
        _claim(change, after)
        if any(getattr(before, name) != getattr(after, name) for name in TOLD_TO_AGENTS):
            revised = [_revise(change, connection, before, after) for connection in users]
            change.finish()  # what agents reported before is about older generations
            standing.settle_all(change, revised)
        change.event(
            "endpoint.updated",
            ("endpoint", after.id, after.name),
            f"endpoint {after.name}: revision {after.revision_number}",
        )
        return standing.view_endpoint(self._context, session, after)

    def delete(self, reference: str, expected: int | None = None, request_id: str | None = None) -> None:
        """Forget an endpoint that no connection uses.

        Raises NotFoundError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            endpoint = require(change.session, reference)
            check_revision("endpoint", endpoint.name, endpoint.revision_number, expected)
            users = connections.of_endpoint(change.session, endpoint.id)
            if users:
                names = ", ".join(c.name + (" (being deleted)" if c.deleting else "") for c in users)
                raise ConflictError(
                    "endpoint.in_use",
                    f"endpoint {endpoint.name} is used by connection {names}: delete that first "
                    "and wait until it is gone",
                )
            prefixes.replace(change.session, endpoint.id, "", endpoint.cell_id, ())
            rows.remove(change.session, endpoint.id)
            change.event(
                "endpoint.deleted",
                ("endpoint", endpoint.id, endpoint.name),
                f"endpoint {endpoint.name} deleted",
            )


def _resolve(
    change: Change, request: EndpointRequest, endpoint_id: str, before: EndpointRecord | None = None
) -> EndpointRecord:
    """The endpoint as it shall be, at revision 1. Raises InvalidError and ConflictError.

    Who only repeats what an endpoint is may change its name, say, whatever its gateway has become since.
    """
    session = change.session
    try:
        cell = cells.require(session, request.cell)
    except NotFoundError as error:
        # 404 is for the address of a request; this is its body.
        raise InvalidError("endpoint.cell_unknown", error.detail) from error
    same = rows.find(session, request.name)
    if same is not None and same.id != endpoint_id:
        raise ConflictError(
            "endpoint.name_in_use",
            f"endpoint {same.name} exists already (in cell {same.cell_name}): choose another name",
        )
    resolved = resolution.resolved(before) if before is not None else None
    if resolved is None or not resolution.repeats(request, resolved):
        resolved = resolution.resolve(request, cell, _inventories(session, request, cell))
    # The cell's own prefixes were checked when the cell got them, and everybody since against them.
    new = [prefix for prefix in resolved.prefixes if prefix not in cell.prefixes]
    cells.check_prefixes(session, new, cell.id)
    return EndpointRecord(
        id=endpoint_id,
        name=request.name,
        cell_id=cell.id,
        cell_name=cell.name,
        gateway=resolved.gateway,
        asn=resolved.asn,
        prefixes=resolved.prefixes,
        health_check_addresses=resolved.health_check_addresses,
        interfaces=resolved.interfaces,
        description=request.description,
        managed_by=request.managed_by or "",
        tags=request.tags or (),
        revision_number=1,
        created_at=change.at,
        updated_at=change.at,
    )


def _inventories(session: Session, request: EndpointRequest, cell: CellRecord) -> dict[str, Inventory]:
    """What gateways of the cell offer, by name; of the one that was named, only that."""
    if request.gateway is None:
        known: Iterable[AgentRecord | None] = agents.everyone(session, cell.id)
    else:
        known = (agents.find(session, AgentKey(cell.id, request.gateway)),)
    return {
        agent.key.gateway: Inventory.model_validate(agent.inventory)
        for agent in known
        if agent is not None and agent.inventory is not None
    }


def _claim(change: Change, endpoint: EndpointRecord) -> None:
    owner = f"endpoint {endpoint.name}"
    prefixes.replace(change.session, endpoint.id, owner, endpoint.cell_id, endpoint.prefixes)


def _revise(
    change: Change, connection: ConnectionRecord, before: EndpointRecord, after: EndpointRecord
) -> ConnectionRecord:
    """A connection over another announcement: valid from both ends still, and a new revision for agents."""
    local = after if connection.local.id == before.id else connection.local
    remote = after if connection.remote.id == before.id else connection.remote
    pairing.check_ends(local, remote)
    pairing.choose_families(local, remote, connection.families)
    revision = connection.revision_number + 1
    revised = replace(connection, local=local, remote=remote, revision_number=revision, updated_at=change.at)
    connections.update(change.session, revised)
    change.tell(revised)
    change.event(
        "connection.updated",
        ("connection", connection.id, connection.name),
        f"{connection.name}: revision {revision}, as endpoint {after.name} changed",
    )
    return revised
