"""Endpoints: what a gateway brings to connections."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cellnet_core.manager import cells, resolution, standing
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import ConflictError, InvalidError, NotFoundError, check_revision
from cellnet_core.manager.resolution import EndpointRequest
from cellnet_core.manager.standing import EndpointView
from cellnet_core.model.wire import Inventory
from cellnet_core.store import agents, connections, prefixes
from cellnet_core.store import endpoints as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import EndpointRecord


def require(session: Session, reference: str) -> EndpointRecord:
    """The endpoint by id or name. Raises NotFoundError."""
    found = rows.find(session, reference)
    if found is None:
        raise NotFoundError(
            "endpoint.not_found",
            f"there is no endpoint {reference!r}: name it by id or name (see /v1/endpoints)",
        )
    return found


class Endpoints:
    """Services on endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, query: PageQuery) -> Page[EndpointView]:
        """A page of endpoints. Raises BadQueryError."""
        with self._context.database.read() as session:
            found = rows.page(session, query)
            items = tuple(standing.view_endpoint(self._context, session, e) for e in found.items)
            return Page(items, found.more)

    def get(self, reference: str) -> EndpointView:
        """One endpoint. Raises NotFoundError."""
        with self._context.database.read() as session:
            return standing.view_endpoint(self._context, session, require(session, reference))

    def create(self, request: EndpointRequest, request_id: str | None = None) -> EndpointView:
        """Make an endpoint of what was said and what its agent reported.

        Raises InvalidError and ConflictError.
        """
        with self._context.change(request_id) as change:
            session = change.session
            try:
                cell = cells.require(session, request.cell)
            except NotFoundError as error:
                # 404 is for the address of a request; this is its body.
                raise InvalidError("endpoint.cell_unknown", error.detail) from error
            if (same := rows.find(session, request.name)) is not None:
                raise ConflictError(
                    "endpoint.name_in_use",
                    f"endpoint {same.name} exists already (in cell {same.cell_name}): choose another name",
                )
            inventories = {
                agent.key.gateway: Inventory.model_validate(agent.inventory)
                for agent in agents.everyone(session, cell.id)
                if agent.inventory is not None
            }
            resolved = resolution.resolve(request, cell, inventories)
            cells.check_prefixes(session, resolved.prefixes, cell.id)
            endpoint = EndpointRecord(
                id=self._context.new_id(),
                name=request.name,
                cell_id=cell.id,
                cell_name=cell.name,
                gateway=resolved.gateway,
                asn=resolved.asn,
                prefixes=resolved.prefixes,
                health_check_addresses=resolved.health_check_addresses,
                interfaces=resolved.interfaces,
                description=request.description,
                revision_number=1,
                created_at=change.at,
                updated_at=change.at,
            )
            rows.add(session, endpoint)
            prefixes.replace(session, endpoint.id, f"endpoint {endpoint.name}", cell.id, endpoint.prefixes)
            change.event(
                "endpoint.created",
                ("endpoint", endpoint.id, endpoint.name),
                f"endpoint {endpoint.name} at {endpoint.place}, AS {endpoint.asn}",
            )
            return standing.view_endpoint(self._context, session, endpoint)

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
