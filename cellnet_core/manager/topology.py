"""The network as a whole, and what is between two cells: one consistent view of the store."""

from __future__ import annotations

from dataclasses import dataclass

from cellnet_core.manager import cells, standing, survey
from cellnet_core.manager.cells import Cells
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import InvalidError, NotFoundError
from cellnet_core.manager.standing import CellView
from cellnet_core.manager.survey import Link
from cellnet_core.store import cells as cell_rows
from cellnet_core.store import connections
from cellnet_core.store.records import CellRecord


@dataclass(frozen=True, slots=True)
class Whole:
    """Every cell and every connection."""

    cells: tuple[CellView, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The connections from one cell to another. Gateways announce their own cell's prefixes only, so a third
    cell is never on the way."""

    origin: CellRecord
    target: CellRecord
    links: tuple[Link, ...]


class Topology:
    """Computed from what is stored and reported at each request. Costs what the answer holds."""

    def __init__(self, context: Context, cells_service: Cells) -> None:
        self._context = context
        self._cells = cells_service

    def whole(self) -> Whole:
        """All of it."""
        with self._context.database.read() as session:
            found = [self._cells.view(session, cell) for cell in cell_rows.everyone(session)]
            views = standing.view_connections(self._context, session, connections.everyone(session))
        return Whole(tuple(found), survey.links(views))

    def between(self, origin: str, target: str) -> Between:
        """What joins two cells. Raises InvalidError."""
        with self._context.database.read() as session:
            ends = []
            for key, reference in (("from", origin), ("to", target)):
                try:
                    ends.append(cells.require(session, reference))
                except NotFoundError as error:
                    # 404 is for the address of a request; this is its query.
                    raise InvalidError("path.cell_unknown", f"{key}: {error.detail}") from error
            one, other = ends
            if one.id == other.id:
                raise InvalidError("path.same_cell", f"from and to are both cell {one.name}: name two cells")
            views = standing.view_connections(
                self._context, session, connections.of_cells(session, one.id, other.id)
            )
        return Between(one, other, survey.links(views))
