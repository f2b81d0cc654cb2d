"""Agents that report more than that all is well."""

from __future__ import annotations

from collections.abc import Callable

from cellnet_core.model.wire import IntentDocument, OrderReport, ReportDocument
from tests.unit.manager.world import EAST, MAIN, World, obey

Adapt = Callable[[ReportDocument], ReportDocument]


def report(world: World, cell: str, adapt: Adapt, agent_id: str = "first") -> None:
    """The agent of the cell obeys, and says something more."""
    world.sequence += 1
    made = obey(world.intent(cell), MAIN if cell == "main" else EAST, world.sequence, agent_id)
    world.report(cell, adapt(made))


def carry_out(world: World, state: str = "done", message: str = "") -> None:
    """Both agents do what they are ordered."""
    for cell in ("main", "east"):
        told: IntentDocument = world.intent(cell)

        def ordered(made: ReportDocument, told: IntentDocument = told) -> ReportDocument:
            orders = tuple(
                OrderReport(id=o.id, state=state, message=message)
                for connection in told.connections
                for o in connection.orders
            )
            connections = tuple(c.model_copy(update={"orders": orders}) for c in made.connections)
            return made.model_copy(update={"connections": connections})

        report(world, cell, ordered, "life-1")
