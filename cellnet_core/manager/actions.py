"""Actions: what can be done once to a connection, beside changing what is wanted of it.

Maintenance (drain, undrain) will join the table; each action says which sides do it and what it may cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cellnet_core.manager import connections, operations, standing, survey
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import ConflictError, InvalidError
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.store import audit
from cellnet_core.store import connections as rows
from cellnet_core.store.records import ConnectionRecord, OperationRecord, OrderRecord


@dataclass(frozen=True, slots=True)
class Kind:
    """An action. `both`: both sides do it, else one that is heard. `ends_sessions`: packets may be lost."""

    both: bool
    ends_sessions: bool = False


KINDS: Mapping[str, Kind] = {
    "reconcile": Kind(both=True),
    "refresh": Kind(both=True),
    "reset": Kind(both=False, ends_sessions=True),
}


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What shall be done. `path` None: to all paths; `force`: also when it may cut the last path."""

    action: str
    path: str | None = None
    force: bool = False


class Actions:
    """Services that do something once."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def start(self, reference: str, request: ActionRequest, request_id: str | None = None) -> OperationRecord:
        """Have agents do it; the operation says what became of it.

        Raises NotFoundError, InvalidError and ConflictError.
        """
        kind = KINDS[request.action]
        with self._context.change(request_id) as change:
            connection = connections.require(change.session, reference)
            self._refuse(change, connection, request, kind)
            view = standing.view_connection(self._context, change.session, connection)
            places = _places(view, kind)
            name = f"connection.{request.action}"
            operation = operations.begin(change, name, connection, tuple(places.values()))
            order = OrderRecord(
                id=operation.id,
                action=request.action,
                paths=() if request.path is None else (request.path,),
                sides=tuple(places),
            )
            orders = (*connection.orders, order)
            rows.set_orders(change.session, connection.id, orders)
            change.tell(replace(connection, orders=orders))
            resource = ("connection", connection.id, connection.name)
            asked = {"path": request.path, "force": request.force}
            audit.acted(change.session, resource, request.action, operation=operation.id, **asked)
            change.event(
                name,
                resource,
                f"{connection.name}: {request.action} was asked for" + (" by force" if request.force else ""),
                operation=operation.id,
            )
            return operation

    def _refuse(
        self, change: Change, connection: ConnectionRecord, request: ActionRequest, kind: Kind
    ) -> None:
        if connection.deleting or not connection.enabled:
            what = "being deleted" if connection.deleting else "disabled"
            raise ConflictError(
                "connection.not_wanted", f"connection {connection.name} is {what}: there is nothing to act on"
            )
        known = [path.name for path in connection.paths]
        if request.path is not None and request.path not in known:
            raise InvalidError(
                "connection.path_unknown",
                f"connection {connection.name} has no path {request.path!r}; it has {', '.join(known)}",
            )
        if (
            same := operations.running(change.session, connection, f"connection.{request.action}")
        ) is not None:
            raise ConflictError(
                "operation.running",
                f"operation {same.id} does this already: wait until it has ended (60 s at most)",
            )
        _, restart_time, _ = connection.timers
        if kind.ends_sessions and restart_time == 0 and not request.force:
            self._refuse_last(change, connection, request.path)

    def _refuse_last(self, change: Change, connection: ConnectionRecord, path: str | None) -> None:
        """Without graceful restart a session that ends takes its routes along."""
        found = rows.of_cells(change.session, connection.local.cell_id, connection.remote.cell_id)
        views = [standing.view_connection(self._context, change.session, each) for each in found]
        left = [
            state.record.name
            for link in survey.links(views)
            for state in link.paths
            if state.operating_status in survey.SURVIVING
            and not (link.view.record.id == connection.id and path in (None, state.record.name))
        ]
        if not left:
            raise ConflictError(
                "path.last_remaining",
                f"nothing would pass between {connection.local.cell_name} and {connection.remote.cell_name} "
                "until sessions are up again, as graceful restart is off: name one path of several, or force",
            )


def _places(view: ConnectionView, kind: Kind) -> dict[str, str]:
    """Side to the name of its agent, for the sides that have a part in it."""
    sides = dict(zip(("local", "remote"), view.sides, strict=True))
    if not kind.both:
        heard = next((name for name, side in sides.items() if side.fresh), "local")
        sides = {heard: sides[heard]}
    return {name: side.place for name, side in sides.items()}
