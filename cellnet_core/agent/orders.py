"""Orders: what is done once because somebody asked, and what became of it.

An order is known by its id. It is carried out once, also over a restart of the agent (what became of it is on
disk before it is reported), and forgotten when the intent names it no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from cellnet_core.agent.execute import apply
from cellnet_core.agent.storage import Storage
from cellnet_core.drivers.contract import Neighbor, SpeakerDriver
from cellnet_core.model.journal import Journal
from cellnet_core.model.wire import ConnectionIntent, IntentDocument, OrderIntent, OrderReport
from cellnet_core.planner.conditions import listed

SessionOrder = Literal["refresh", "reset"]
ROUND = "reconcile"
"""Done by a round that began after it was heard of."""


class Orders:
    """The orders of one agent."""

    def __init__(self, speaker: SpeakerDriver, storage: Storage, journal: Journal) -> None:
        self._speaker = speaker
        self._storage = storage
        self._journal = journal
        self.reports: dict[str, OrderReport] = {order.id: order for order in storage.load_orders()}
        """What became of them, by id."""

    def due(self, intent: IntentDocument | None) -> tuple[tuple[ConnectionIntent, OrderIntent], ...]:
        """What is still to be done; forgets what the intent no longer names."""
        named = tuple(_named(intent))
        ids = {order.id for _, order in named}
        if gone := set(self.reports) - ids:
            self.reports = {id_: report for id_, report in self.reports.items() if id_ not in gone}
            self._storage.save_orders(tuple(self.reports.values()))
        return tuple((connection, order) for connection, order in named if order.id not in self.reports)

    async def carry_out(
        self,
        due: tuple[tuple[ConnectionIntent, OrderIntent], ...],
        neighbors: tuple[Neighbor, ...],
        problem: str,
    ) -> bool:
        """Do these after a round; `neighbors` are the sessions there are, `problem` why the round failed.

        True when anything was done.
        """
        for connection, order in due:
            state, message = await self._do(connection, order, neighbors, problem)
            self._journal.record(
                "order",
                id=order.id,
                action=order.action,
                connection=connection.name,
                state=state,
                message=message,
            )
            self.reports[order.id] = OrderReport(id=order.id, state=state, message=message)
        if due:
            self._storage.save_orders(tuple(self.reports.values()))
        return bool(due)

    async def _do(
        self, connection: ConnectionIntent, order: OrderIntent, neighbors: tuple[Neighbor, ...], problem: str
    ) -> tuple[str, str]:
        if order.action == ROUND:
            return ("failed", problem) if problem else ("done", "everything was looked at and is as wanted")
        kind = next((kind for kind in get_args(SessionOrder) if kind == order.action), None)
        if kind is None:
            return "failed", f"this agent does not know {order.action!r}: upgrade it"
        names = {path.session for path in connection.paths if not order.paths or path.name in order.paths}
        wanted = [neighbor for neighbor in neighbors if neighbor.name in names]
        if not wanted:
            return "failed", "no session of it is configured here"
        outcomes = await apply(self._speaker, self._speaker.order(kind, wanted))
        failed = [f"{o.action.target}: {o.message}" for o in outcomes if o.status != "done"]
        if failed:
            return "failed", listed(failed)
        return "done", f"{kind} of {listed(neighbor.name for neighbor in wanted)}"


def _named(intent: IntentDocument | None) -> Iterator[tuple[ConnectionIntent, OrderIntent]]:
    for connection in intent.connections if intent is not None else ():
        if connection.phase == "present":
            for order in connection.orders:
                yield connection, order
