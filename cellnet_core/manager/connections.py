"""Connections: validated from both ends before any agent hears of them, and told to both at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cellnet_core.manager import (
    capabilities,
    endpoints,
    findings,
    operations,
    pairing,
    profiles,
    put,
    standing,
    status,
)
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import ConflictError, InvalidError, NotFoundError, check_revision
from cellnet_core.manager.pairing import PortPair
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.store import connections as rows
from cellnet_core.store import endpoints as endpoint_rows
from cellnet_core.store import ports as port_keys
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import (
    ConnectionRecord,
    EndpointRecord,
    Family,
    OperationRecord,
    ProfileRecord,
    TimersRecord,
)
from cellnet_core.store.session import Session

OF_THE_PROFILE = TimersRecord()


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """What a connection shall be. Endpoints by id or name; families None: all that both ends have."""

    name: str
    local_endpoint: str
    remote_endpoint: str
    timers: TimersRecord = OF_THE_PROFILE
    """Its own; what is None comes from the profile."""
    families: tuple[Family, ...] | None = None
    enabled: bool = True
    description: str = ""
    managed_by: str | None = None
    """None: as it is, for a new one nobody's."""
    profile: str | None = None
    """By id or name. None: as it is, for a new one the default."""
    tags: tuple[str, ...] | None = None
    """None: as they are, for a new one none."""


def require(session: Session, reference: str) -> ConnectionRecord:
    """The connection by id or name. Raises NotFoundError."""
    found = rows.find(session, reference)
    if found is None:
        raise NotFoundError(
            "connection.not_found",
            f"there is no connection {reference!r}: name it by id or name (see /v1/connections)",
        )
    return found


class Connections:
    """Services on connections."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, query: PageQuery) -> Page[ConnectionView]:
        """A page of connections. Raises BadQueryError."""
        with self._context.database.read() as session:
            found = rows.page(session, query)
            return Page(standing.view_connections(self._context, session, found.items), found.more)

    def get(self, reference: str) -> ConnectionView:
        """One connection. Raises NotFoundError."""
        with self._context.database.read() as session:
            return standing.view_connection(self._context, session, require(session, reference))

    def create(self, request: ConnectionRequest, request_id: str | None = None) -> ConnectionView:
        """Validate both ends and tell both agents. Raises InvalidError and ConflictError."""
        with self._context.change(request_id) as change:
            return self._add(change, request, self._context.new_id())

    def _add(self, change: Change, request: ConnectionRequest, connection_id: str) -> ConnectionView:
        session = change.session
        local, remote = _ends(session, request)
        pairing.check_ends(local, remote)
        for same in rows.in_the_way(session, request.name, local.id, remote.id):
            if request.name in (same.id, same.name):
                raise ConflictError(
                    "connection.name_in_use",
                    f"there is a connection {request.name} already: choose another name",
                )
            raise ConflictError(
                "connection.exists",
                f"{local.name} and {remote.name} are joined by connection {same.name} already"
                + (", which is being deleted: wait until it is gone" if same.deleting else ""),
            )
        connection = self._plan(
            session,
            ConnectionRecord(
                id=connection_id,
                name=request.name,
                local=local,
                remote=remote,
                families=(),
                profile=_profile(session, request.profile) or profiles.default(session),
                own=request.timers,
                enabled=request.enabled,
                deleting=False,
                paths=(),
                description=request.description,
                revision_number=1,
                status=status.NEW,
                created_at=change.at,
                updated_at=change.at,
                managed_by=request.managed_by or "",
                tags=request.tags or (),
            ),
            request.families,
        )
        connection = change.introduce(connection)
        change.event(
            "connection.created",
            ("connection", connection.id, connection.name),
            f"{connection.name}: {local.place} - {remote.place} by {_names(connection)}",
        )
        change.finish()  # what agents reported before is about older generations
        view = standing.view_connection(self._context, session, connection)
        # With its first status, so that its row is written once.
        rows.add(session, replace(connection, status=view.status))
        standing.announce(change, view)
        return view

    def put(
        self,
        reference: str,
        request: ConnectionRequest,
        expected: int | None,
        request_id: str | None = None,
    ) -> tuple[ConnectionView, bool]:
        """Replace all but the endpoints, or join them when `reference` is a new UUID; True when joined.

        Raises NotFoundError, InvalidError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            session = change.session
            before, chosen = put.target(session, reference, expected, rows.find, require)
            if before is None:
                return self._add(change, request, chosen), True
            check_revision("connection", before.name, before.revision_number, expected)
            return self._replace(change, before, request), False

    def modify(
        self,
        reference: str,
        change_it: Callable[[ConnectionRecord], ConnectionRequest],
        expected: int | None,
        request_id: str | None = None,
    ) -> ConnectionView:
        """Change some of a connection: `change_it` says what it shall be from what it is now.

        Raises NotFoundError, InvalidError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            before = require(change.session, reference)
            check_revision("connection", before.name, before.revision_number, expected)
            return self._replace(change, before, change_it(before))

    def _replace(
        self, change: Change, before: ConnectionRecord, request: ConnectionRequest
    ) -> ConnectionView:
        session = change.session
        _refuse_deleting(before)
        for field, wanted, has in (
            ("local_endpoint", request.local_endpoint, before.local),
            ("remote_endpoint", request.remote_endpoint, before.remote),
        ):
            if wanted not in (has.id, has.name):
                raise ConflictError(
                    "connection.endpoint_fixed",
                    f"{field} of {before.name} is {has.name} and cannot become {wanted}: "
                    "delete the connection and create another",
                )
        same = rows.find(session, request.name)
        if same is not None and same.id != before.id:
            raise ConflictError("connection.name_in_use", f"there is a connection {request.name} already")
        after = replace(
            before,
            name=request.name,
            profile=_profile(session, request.profile) or before.profile,
            own=request.timers,
            enabled=request.enabled,
            description=request.description,
            managed_by=before.managed_by if request.managed_by is None else request.managed_by,
            tags=before.tags if request.tags is None else request.tags,
        )
        if after.profile != before.profile:
            capabilities.check_profile(session, after.profile, after.local, after.remote)
        if request.families is not None and set(request.families) != set(before.families):
            after = self._plan(session, after, request.families)
        if after == before:
            return standing.view_connection(self._context, session, before)
        after = replace(after, revision_number=before.revision_number + 1, updated_at=change.at)
        rows.update(session, after)
        change.tell(after)
        change.event(
            "connection.updated",
            ("connection", after.id, after.name),
            f"{after.name}: revision {after.revision_number}",
        )
        return self._settled(change, after)

    def delete(
        self, reference: str, expected: int | None = None, request_id: str | None = None
    ) -> OperationRecord:
        """Have both agents take it down; it is forgotten once both reported it gone. Safe to repeat.

        The operation says how far they are. Raises NotFoundError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            connection = require(change.session, reference)
            check_revision("connection", connection.name, connection.revision_number, expected)
            under_way = operations.running(change.session, connection, operations.DELETE)
            if under_way is not None:
                return under_way
            places = (connection.local.place, connection.remote.place)
            operation = operations.begin(change, operations.DELETE, connection, places)
            if connection.deleting:
                return operation  # since before there were operations
            revision = connection.revision_number + 1
            connection = replace(connection, deleting=True, revision_number=revision, updated_at=change.at)
            rows.set_deleting(change.session, connection.id, revision, change.at)
            change.tell(connection)
            change.event(
                "connection.deleting",
                ("connection", connection.id, connection.name),
                f"{connection.name}: agents are told to take it down",
            )
            self._settled(change, connection)
            return operations.require(change.session, operation.id)

    def forget(self, reference: str, expected: int | None = None, request_id: str | None = None) -> None:
        """Forget a connection now, whether or not its agents have taken it down: for agents gone for good.

        An agent that still reports takes it down, as its intent does not name it any more. One that cannot
        be reached keeps sessions and flows of it until it asks again, and nothing here knows of them.
        Raises NotFoundError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            connection = require(change.session, reference)
            check_revision("connection", connection.name, connection.revision_number, expected)
            view = standing.view_connection(self._context, change.session, connection)
            left = [side.place for side in view.sides if not findings.is_absent(connection, side)]
            rows.remove(change.session, connection.id)
            change.untell(connection)
            operations.gone(change, connection, forced=True)
            text = f"{connection.name} is forgotten by force"
            if left:
                text += f"; {' and '.join(left)} had not taken it down and may still have it"
            change.event(
                "connection.deleted",
                ("connection", connection.id, connection.name),
                text,
                "warning",
                forced=True,
                not_taken_down=left,
            )

    def _settled(self, change: Change, connection: ConnectionRecord) -> ConnectionView:
        """Give agents their new generations first: what they reported before is about older ones."""
        change.finish()
        view = standing.view_connection(self._context, change.session, connection)
        standing.write_down(change, (view,))
        return view

    def _plan(
        self, session: Session, connection: ConnectionRecord, wanted: tuple[Family, ...] | None
    ) -> ConnectionRecord:
        """Choose families and paths; refuse what the drivers cannot do or another connection uses."""
        local, remote = connection.local, connection.remote
        families = pairing.choose_families(local, remote, wanted)
        for end in (local, remote):
            capabilities.check_families(session, end, families)
        capabilities.check_profile(session, connection.profile, local, remote)
        pairs = pairing.pair(local, remote, families)
        joined = {_ports(connection, ports): ports for ports in pairs}
        taken = set()
        for name, used, user_id in rows.paths_in_use(session, pairing.path_stem(local, remote), joined):
            if user_id != connection.id:
                taken.add(name)
                if used in joined:
                    _refuse_used(session, connection, joined[used], user_id)
        return replace(connection, families=families, paths=pairing.name_paths(local, remote, pairs, taken))


def _ends(session: Session, request: ConnectionRequest) -> tuple[EndpointRecord, EndpointRecord]:
    """Raises InvalidError for one that is not there."""
    local, remote = endpoint_rows.find_two(session, request.local_endpoint, request.remote_endpoint)
    # 404 is for the address of a request; this is its body.
    if local is None:
        raise _unknown("local_endpoint", request.local_endpoint)
    if remote is None:
        raise _unknown("remote_endpoint", request.remote_endpoint)
    return local, remote


def _unknown(field: str, reference: str) -> InvalidError:
    return InvalidError("connection.endpoint_unknown", f"{field}: {endpoints.not_found(reference).detail}")


def _refuse_deleting(connection: ConnectionRecord) -> None:
    if connection.deleting:
        raise ConflictError("connection.deleting", f"connection {connection.name} is being deleted")


def _ports(connection: ConnectionRecord, ports: PortPair) -> str:
    """The key that a path between these ports is found by."""
    return port_keys.key(
        (connection.local.agent, ports.local_interface), (connection.remote.agent, ports.remote_interface)
    )


def _refuse_used(session: Session, connection: ConnectionRecord, ports: PortPair, user_id: str) -> None:
    user = rows.get(session, user_id)
    raise ConflictError(
        "connection.path_in_use",
        f"the path from {ports.local_interface} of {connection.local.place} to {ports.remote_interface} of "
        f"{connection.remote.place} belongs to connection {user_id if user is None else user.name}: "
        "name other interfaces in an endpoint",
    )


def _profile(session: Session, reference: str | None) -> ProfileRecord | None:
    """The profile that was named, None when none was. Raises InvalidError."""
    if reference is None:
        return None
    try:
        return profiles.require(session, reference)
    except NotFoundError as error:
        # 404 is for the address of a request; this is its body.
        raise InvalidError("connection.profile_unknown", f"profile: {error.detail}") from error


def _names(connection: ConnectionRecord) -> str:
    return ", ".join(path.name for path in connection.paths)
