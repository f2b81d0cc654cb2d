"""Operations: work that outlives its request, followed by what agents report.

An operation runs until every agent that it needs has done its part, or one says that it cannot, or PATIENCE
is over: an order that comes an hour late would surprise everybody. A deletion has no such end: it is waited
for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cellnet_core.manager import findings
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import NotFoundError
from cellnet_core.manager.findings import Side, Sides
from cellnet_core.store import connections
from cellnet_core.store import operations as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import ConnectionRecord, OperationRecord, StepRecord
from cellnet_core.store.session import Session

DELETE = "connection.delete"
PATIENCE = timedelta(seconds=60)
"""How long agents may take for what they are to do once."""
KEPT = timedelta(days=7)
"""How long an operation is remembered after its end."""
STAGES = {"withdraw": 25, "unroute": 50, "close": 75}
"""How far a take-down is in each of its stages, in percent."""


class Operations:
    """Reading of operations; they are made by deletions and actions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, query: PageQuery) -> Page[OperationRecord]:
        """A page of operations. Raises BadQueryError."""
        with self._context.database.read() as session:
            return rows.page(session, query)

    def get(self, operation_id: str) -> OperationRecord:
        """One operation. Raises NotFoundError."""
        with self._context.database.read() as session:
            return require(session, operation_id)

    def expire(self) -> None:
        """End what took too long, and forget what ended long ago. Costs what runs."""
        now = self._context.wall()
        with self._context.database.read() as session:
            late = [op.id for op in rows.running(session) if _is_late(op, now - op.created_at)]
        if not late:
            return
        with self._context.change() as change:
            rows.forget(change.session, now - KEPT)
            for operation_id in late:
                found = rows.find(change.session, operation_id)
                if found is not None and found.state == rows.RUNNING:
                    silent = ", ".join(step.place for step in found.steps if step.state == "waiting")
                    seconds = PATIENCE.total_seconds()
                    text = f"no answer from {silent} within {seconds:.0f} s; nothing waits for it"
                    _end(change, found, "failed", text)


def require(session: Session, operation_id: str) -> OperationRecord:
    """The operation with that id. Raises NotFoundError."""
    found = rows.find(session, operation_id)
    if found is None:
        raise NotFoundError(
            "operation.not_found", f"there is no operation {operation_id!r}: see /v1/operations"
        )
    return found


def _is_late(operation: OperationRecord, age: timedelta) -> bool:
    return operation.type != DELETE and age > PATIENCE


def running(session: Session, connection: ConnectionRecord, type_: str) -> OperationRecord | None:
    """The operation of this type that is under way for the connection."""
    return next((op for op in rows.running(session, connection.id) if op.type == type_), None)


def begin(
    change: Change, type_: str, connection: ConnectionRecord, places: tuple[str, ...]
) -> OperationRecord:
    """A new operation on a connection; `places`: the agents that have a part in it."""
    operation = OperationRecord(
        id=change.context.new_id(),
        type=type_,
        resource_type="connection",
        resource_id=connection.id,
        resource_name=connection.name,
        state=rows.RUNNING,
        progress=0,
        steps=tuple(StepRecord(place, "waiting") for place in places),
        error="",
        request_id=change.request_id,
        created_at=change.at,
        updated_at=change.at,
    )
    rows.save(change.session, operation)
    return operation


def is_due(session: Session, connection: ConnectionRecord, sides: Sides) -> bool:
    """Whether there is progress to write down. Costs nothing for a connection that nothing is done to."""
    if not connection.orders and not connection.deleting:
        return False
    return any(_advanced(op, connection, sides) != op for op in rows.running(session, connection.id))


def follow(change: Change, connection: ConnectionRecord, sides: Sides) -> None:
    """Write down how far the operations on a connection are."""
    if not connection.orders and not connection.deleting:
        return
    for operation in rows.running(change.session, connection.id):
        now = _advanced(operation, connection, sides)
        if now == operation:
            continue
        failed = [f"{step.place}: {step.message}" for step in now.steps if step.state == "failed"]
        if all(step.state != "waiting" for step in now.steps) and operation.type != DELETE:
            _end(change, now, "failed" if failed else "succeeded", "; ".join(failed))
        else:
            rows.save(change.session, replace(now, updated_at=change.at))


def gone(change: Change, connection: ConnectionRecord, *, forced: bool = False) -> None:
    """The connection is forgotten: its deletion succeeded, and nothing else can be done to it."""
    for operation in rows.running(change.session, connection.id):
        if operation.type == DELETE:
            text = "forgotten by force" if forced else "gone"
            steps = tuple(
                step if step.state == "done" else replace(step, state="done", message=text)
                for step in operation.steps
            )
            _end(change, replace(operation, steps=steps), "succeeded", "")
        else:
            _end(change, operation, "failed", f"connection {connection.name} was deleted")


def _advanced(operation: OperationRecord, connection: ConnectionRecord, sides: Sides) -> OperationRecord:
    by_place = {side.place: side for side in sides}
    steps = tuple(
        _step(operation, step, connection, side)
        if step.state == "waiting" and (side := by_place.get(step.place)) is not None
        else step
        for step in operation.steps
    )
    parts = [100 if step.state != "waiting" else STAGES.get(step.message, 0) for step in steps]
    progress = max(operation.progress, sum(parts) // max(1, len(parts)))
    return replace(operation, steps=steps, progress=progress)


def _step(
    operation: OperationRecord, step: StepRecord, connection: ConnectionRecord, side: Side
) -> StepRecord:
    about = side.about(connection)
    if operation.type == DELETE:
        if findings.is_absent(connection, side):
            return replace(step, state="done", message="gone")
        return replace(step, message=about.stage) if about is not None and about.stage in STAGES else step
    said = None if about is None else next((o for o in about.orders if o.id == operation.id), None)
    if said is None:
        return step
    return replace(step, state="done" if said.state == "done" else "failed", message=said.message[:200])


def _end(change: Change, operation: OperationRecord, state: str, error: str) -> None:
    """It is over: agents are told so no more, and everybody else once."""
    ended = replace(
        operation, state=state, progress=100, error=error, updated_at=change.at, finished_at=change.at
    )
    rows.save(change.session, ended)
    connection = connections.get(change.session, operation.resource_id)
    if connection is not None and any(order.id == operation.id for order in connection.orders):
        left = tuple(order for order in connection.orders if order.id != operation.id)
        connections.set_orders(change.session, connection.id, left)
        change.tell(replace(connection, orders=left))
    change.event(
        f"operation.{state}",
        ("operation", ended.id, ended.resource_name),
        f"{ended.type} of {ended.resource_name} {state}" + (f": {error}" if error else ""),
        "info" if state == "succeeded" else "warning",
        type=ended.type,
    )
