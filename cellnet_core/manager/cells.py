"""Cells: declared by the configuration at start, and by requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from cellnet_core.manager import addresses, put, standing
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import ConflictError, InvalidError, NotFoundError, check_revision
from cellnet_core.manager.standing import CellView
from cellnet_core.store import agents, prefixes
from cellnet_core.store import cells as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import AgentRecord, CellRecord
from cellnet_core.store.session import Session

CELL0 = str(UUID(int=0))
"""Nova keeps instances that were never scheduled there; it is no site (nova/cells v2: map_cell0)."""


@dataclass(frozen=True, slots=True)
class CellRequest:
    """What a cell shall be. `id` None: choose one. Identifiers are UUIDs in canonical text."""

    name: str
    asn: int
    kind: Literal["main", "sub"] = "sub"
    id: str | None = None
    nova_cell_uuid: str | None = None
    prefixes: tuple[str, ...] = ()
    description: str = ""
    drift_policy: str | None = None
    """None: as it is, for a new one repair."""
    tags: tuple[str, ...] | None = None
    """None: as they are, for a new one none."""


def require(session: Session, reference: str) -> CellRecord:
    """The cell by id, name or Nova cell uuid. Raises NotFoundError."""
    found = rows.find(session, reference)
    if found is None:
        raise NotFoundError(
            "cell.not_found",
            f"there is no cell {reference!r}: name it by id, name or Nova cell uuid (see /v1/cells)",
        )
    return found


class Cells:
    """Services on cells."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, query: PageQuery) -> Page[CellView]:
        """A page of cells. Raises BadQueryError."""
        with self._context.database.read() as session:
            found = rows.page(session, query)
            known = agents.of_cells(session, (cell.id for cell in found.items))
            views = (self._view(cell, known.get(cell.id, ())) for cell in found.items)
            return Page(tuple(views), found.more)

    def get(self, reference: str) -> CellView:
        """One cell. Raises NotFoundError."""
        with self._context.database.read() as session:
            return self.view(session, require(session, reference))

    def create(self, request: CellRequest, request_id: str | None = None) -> CellView:
        """Declare a cell. Raises InvalidError and ConflictError."""
        with self._context.change(request_id) as change:
            return self.view(change.session, self._add(change, request))

    def put(
        self, reference: str, request: CellRequest, expected: int | None, request_id: str | None = None
    ) -> tuple[CellView, bool]:
        """Replace a cell, or declare it when `reference` is a new UUID; True when it was declared.

        Raises NotFoundError, InvalidError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            cell, chosen = put.target(change.session, reference, expected, rows.find, require)
            if cell is None:
                if request.id not in (None, chosen):
                    raise InvalidError(
                        "cell.id_mismatch", f"cell.id is {request.id}, the address says {chosen}"
                    )
                return self.view(change.session, self._add(change, replace(request, id=chosen))), True
            check_revision("cell", cell.name, cell.revision_number, expected)
            return self.view(change.session, self._replace(change, cell, request)), False

    def modify(
        self,
        reference: str,
        change_it: Callable[[CellRecord], CellRequest],
        expected: int | None,
        request_id: str | None = None,
    ) -> CellView:
        """Change some of a cell: `change_it` says what it shall be from what it is now.

        Raises NotFoundError, InvalidError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            cell = require(change.session, reference)
            check_revision("cell", cell.name, cell.revision_number, expected)
            return self.view(change.session, self._replace(change, cell, change_it(cell)))

    def delete(self, reference: str, expected: int | None = None, request_id: str | None = None) -> None:
        """Forget a cell without endpoints. Raises NotFoundError, ConflictError and PreconditionError."""
        with self._context.change(request_id) as change:
            cell = require(change.session, reference)
            check_revision("cell", cell.name, cell.revision_number, expected)
            count = rows.count_endpoints(change.session, cell.id)
            if count:
                raise ConflictError(
                    "cell.in_use", f"cell {cell.name} has {count} endpoints: delete them first"
                )
            prefixes.replace(change.session, cell.id, "", cell.id, ())
            rows.remove(change.session, cell.id)
            change.event("cell.deleted", ("cell", cell.id, cell.name), f"cell {cell.name} deleted")

    def seed(self, requests: Iterable[CellRequest]) -> tuple[str, ...]:
        """Declare the cells that do not exist yet; returns their names.

        What exists is left as it is, whoever changed it. Raises InvalidError and ConflictError.
        """
        added = []
        with self._context.change() as change:
            for request in requests:
                by_id = rows.find(change.session, request.id) if request.id else None
                if by_id is None and rows.find(change.session, request.name) is None:
                    self._add(change, request)
                    added.append(request.name)
        return tuple(added)

    def view(self, session: Session, cell: CellRecord) -> CellView:
        """The cell as it stands now."""
        return self._view(cell, agents.everyone(session, cell.id))

    def _view(self, cell: CellRecord, known: Iterable[AgentRecord]) -> CellView:
        return CellView(cell, tuple(standing.view_agent(self._context, agent) for agent in known))

    def _add(self, change: Change, request: CellRequest) -> CellRecord:
        cell_id = request.id or self._context.new_id()
        self._check(change.session, request, cell_id)
        if request.id is not None and (same := rows.find(change.session, cell_id)) is not None:
            raise ConflictError("cell.id_in_use", f"cell {same.name} has the id {cell_id}: choose another")
        cell = CellRecord(
            id=cell_id,
            name=request.name,
            kind=request.kind,
            nova_cell_uuid=request.nova_cell_uuid,
            asn=request.asn,
            prefixes=request.prefixes,
            description=request.description,
            revision_number=1,
            created_at=change.at,
            updated_at=change.at,
            drift_policy=request.drift_policy or "repair",
            tags=request.tags or (),
        )
        self._save(change, cell)
        change.event("cell.created", ("cell", cell.id, cell.name), f"cell {cell.name}, AS {cell.asn}")
        return cell

    def _replace(self, change: Change, cell: CellRecord, request: CellRequest) -> CellRecord:
        if request.id is not None and request.id != cell.id:
            raise InvalidError("cell.id_mismatch", f"cell.id is {request.id}, cell {cell.name} has {cell.id}")
        self._check(change.session, request, cell.id)
        used = rows.count_endpoints(change.session, cell.id)
        if used and (request.name, request.asn) != (cell.name, cell.asn):
            raise ConflictError(
                "cell.in_use",
                f"name and asn of cell {cell.name} are in use by {used} endpoints: delete them first",
            )
        wanted = replace(
            cell,
            name=request.name,
            kind=request.kind,
            nova_cell_uuid=request.nova_cell_uuid,
            asn=request.asn,
            prefixes=request.prefixes,
            description=request.description,
            drift_policy=request.drift_policy or cell.drift_policy,
            tags=cell.tags if request.tags is None else request.tags,
        )
        if wanted == cell:
            return cell
        wanted = replace(wanted, revision_number=cell.revision_number + 1, updated_at=change.at)
        self._save(change, wanted)
        if wanted.drift_policy != cell.drift_policy:
            change.touch(*(agent.key for agent in agents.everyone(change.session, cell.id)))
        change.event("cell.updated", ("cell", cell.id, wanted.name), f"cell {wanted.name} updated")
        return wanted

    def _save(self, change: Change, cell: CellRecord) -> None:
        rows.save(change.session, cell)
        prefixes.replace(change.session, cell.id, f"cell {cell.name}", cell.id, cell.prefixes)

    def _check(self, session: Session, request: CellRequest, cell_id: str) -> None:
        """Everything that does not depend on whether the cell exists."""
        if CELL0 in (request.id, request.nova_cell_uuid):
            raise InvalidError(
                "cell.cell0",
                f"{CELL0} is Nova's cell0, which is no site: leave it out, name a cell with hosts",
            )
        same = rows.find(session, request.name)
        if same is not None and same.id != cell_id:
            raise ConflictError(
                "cell.name_in_use", f"there is a cell {request.name} already: choose another name"
            )
        if request.nova_cell_uuid is not None:
            same = rows.find(session, request.nova_cell_uuid)
            if same is not None and same.id != cell_id:
                raise ConflictError(
                    "cell.nova_cell_uuid_in_use",
                    f"cell {same.name} has nova_cell_uuid {request.nova_cell_uuid} already",
                )
        clash = addresses.first_overlap(request.prefixes)
        if clash:
            raise InvalidError("cell.prefix_overlap", f"prefixes {clash[0]} and {clash[1]} overlap; keep one")
        check_prefixes(session, request.prefixes, cell_id)


def check_prefixes(session: Session, wanted: Sequence[str], cell_id: str) -> None:
    """Refuse prefixes that overlap those of another cell. Raises ConflictError."""
    found = prefixes.first_overlap(session, wanted, cell_id)
    if found is not None:
        prefix, claim = found
        raise ConflictError(
            "cell.prefix_overlap",
            f"prefix {prefix} overlaps {claim.prefix} of {claim.owner}: cells cannot share addresses; "
            "renumber one of them",
        )
