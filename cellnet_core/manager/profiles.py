"""Profiles: timers, BFD, limits and authentication that connections have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cellnet_core.manager import capabilities, put, standing
from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import ConflictError, NotFoundError, check_revision
from cellnet_core.store import connections
from cellnet_core.store import profiles as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import BfdRecord, Family, ProfileRecord
from cellnet_core.store.session import Session

DEFAULT_NAME = "default"
TOLD_TO_AGENTS = (
    *("hold_time", "graceful_restart_time", "hold_down", "health_interval", "bfd"),
    *("prefix_limits", "drain_method", "password"),
)


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """What a profile shall be. Times in seconds.

    `change_password`: whether `password` is meant; without it a profile keeps the one it has.
    """

    name: str
    hold_time: int = 9
    graceful_restart_time: int = 30
    hold_down: float = 3.0
    health_interval: float = 1.0
    bfd: BfdRecord | None = None
    prefix_limits: tuple[tuple[Family, int], ...] = ()
    drain_method: str = "auto"
    password: str | None = None
    change_password: bool = False
    is_default: bool = False
    description: str = ""
    managed_by: str | None = None
    tags: tuple[str, ...] = ()


def require(session: Session, reference: str) -> ProfileRecord:
    """The profile by id or name. Raises NotFoundError."""
    found = rows.find(session, reference)
    if found is None:
        raise NotFoundError(
            "profile.not_found",
            f"there is no profile {reference!r}: name it by id or name (see /v1/profiles)",
        )
    return found


def default(session: Session) -> ProfileRecord:
    """The profile of connections that name none."""
    found = rows.default(session)
    assert found is not None, "made when the manager starts, and never deleted"
    return found


class Profiles:
    """Services on profiles."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ensure_default()

    def page(self, query: PageQuery) -> Page[ProfileRecord]:
        """A page of profiles. Raises BadQueryError."""
        with self._context.database.read() as session:
            return rows.page(session, query)

    def get(self, reference: str) -> ProfileRecord:
        """One profile. Raises NotFoundError."""
        with self._context.database.read() as session:
            return require(session, reference)

    def create(self, request: ProfileRequest, request_id: str | None = None) -> ProfileRecord:
        """Make a profile. Raises ConflictError."""
        with self._context.change(request_id) as change:
            return self._add(change, request, self._context.new_id())

    def put(
        self, reference: str, request: ProfileRequest, expected: int | None, request_id: str | None = None
    ) -> tuple[ProfileRecord, bool]:
        """Replace a profile, or make it when `reference` is a new UUID; True when it was made.

        Raises NotFoundError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            before, chosen = put.target(change.session, reference, expected, rows.find, require)
            if before is None:
                return self._add(change, request, chosen), True
            check_revision("profile", before.name, before.revision_number, expected)
            return self._replace(change, before, request), False

    def modify(
        self,
        reference: str,
        change_it: Callable[[ProfileRecord], ProfileRequest],
        expected: int | None,
        request_id: str | None = None,
    ) -> ProfileRecord:
        """Change some of a profile: `change_it` says what it shall be from what it is now.

        Raises NotFoundError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            before = require(change.session, reference)
            check_revision("profile", before.name, before.revision_number, expected)
            return self._replace(change, before, change_it(before))

    def delete(self, reference: str, expected: int | None = None, request_id: str | None = None) -> None:
        """Forget a profile that no connection names.

        Raises NotFoundError, ConflictError and PreconditionError.
        """
        with self._context.change(request_id) as change:
            profile = require(change.session, reference)
            check_revision("profile", profile.name, profile.revision_number, expected)
            if profile.is_default:
                raise ConflictError(
                    "profile.is_default",
                    f"profile {profile.name} is that of connections that name none: "
                    "make another the default first (is_default)",
                )
            users = connections.of_profile(change.session, profile.id)
            if users:
                raise ConflictError(
                    "profile.in_use",
                    f"profile {profile.name} is used by connection {', '.join(c.name for c in users)}: "
                    "give them another first",
                )
            rows.remove(change.session, profile.id)
            resource = ("profile", profile.id, profile.name)
            change.event("profile.deleted", resource, f"profile {profile.name} deleted")

    def _ensure_default(self) -> None:
        """There is always one default."""
        with self._context.database.read() as session:
            if rows.default(session) is not None:
                return
        with self._context.change() as change:
            if rows.default(change.session) is None:
                self._add(change, ProfileRequest(DEFAULT_NAME, is_default=True), self._context.new_id())

    def _add(self, change: Change, request: ProfileRequest, profile_id: str) -> ProfileRecord:
        self._check(change.session, request, profile_id)
        profile = ProfileRecord(
            id=profile_id,
            name=request.name,
            hold_time=request.hold_time,
            graceful_restart_time=request.graceful_restart_time,
            hold_down=request.hold_down,
            health_interval=request.health_interval,
            bfd=request.bfd,
            prefix_limits=request.prefix_limits,
            drain_method=request.drain_method,
            password=request.password,
            is_default=request.is_default,
            description=request.description,
            managed_by=request.managed_by or "",
            tags=request.tags,
            revision_number=1,
            created_at=change.at,
            updated_at=change.at,
        )
        self._only_default(change, profile)
        rows.save(change.session, profile)
        resource = ("profile", profile.id, profile.name)
        change.event("profile.created", resource, f"profile {profile.name} created")
        return profile

    def _replace(self, change: Change, before: ProfileRecord, request: ProfileRequest) -> ProfileRecord:
        self._check(change.session, request, before.id)
        after = replace(
            before,
            name=request.name,
            hold_time=request.hold_time,
            graceful_restart_time=request.graceful_restart_time,
            hold_down=request.hold_down,
            health_interval=request.health_interval,
            bfd=request.bfd,
            prefix_limits=request.prefix_limits,
            drain_method=request.drain_method,
            password=request.password if request.change_password else before.password,
            is_default=request.is_default,
            description=request.description,
            managed_by=before.managed_by if request.managed_by is None else request.managed_by,
            tags=request.tags,
        )
        if after == before:
            return before
        if before.is_default and not after.is_default:
            raise ConflictError(
                "profile.is_default",
                f"profile {before.name} is the default, and there must be one: make another the default",
            )
        after = replace(after, revision_number=before.revision_number + 1, updated_at=change.at)
        self._only_default(change, after)
        rows.save(change.session, after)
        if any(getattr(before, name) != getattr(after, name) for name in TOLD_TO_AGENTS):
            self._revise_users(change, after)
        resource = ("profile", after.id, after.name)
        change.event("profile.updated", resource, f"profile {after.name}: revision {after.revision_number}")
        return after

    def _only_default(self, change: Change, profile: ProfileRecord) -> None:
        """The one that was the default is it no more."""
        former = rows.default(change.session)
        if profile.is_default and former is not None and former.id != profile.id:
            revision = former.revision_number + 1
            rows.save(
                change.session,
                replace(former, is_default=False, revision_number=revision, updated_at=change.at),
            )

    def _revise_users(self, change: Change, after: ProfileRecord) -> None:
        """A new revision of each connection that has it: agents take it over, the least that it takes."""
        users = connections.of_profile(change.session, after.id)
        for connection in users:
            capabilities.check_profile(change.session, after, connection.local, connection.remote)
            revision = connection.revision_number + 1
            revised = replace(connection, profile=after, revision_number=revision, updated_at=change.at)
            connections.update(change.session, revised)
            change.tell(revised)
            change.event(
                "connection.updated",
                ("connection", connection.id, connection.name),
                f"{connection.name}: revision {revision}, as profile {after.name} changed",
            )
        change.finish()  # what agents reported before is about older generations
        for connection in users:
            found = connections.get(change.session, connection.id)
            if found is not None:
                standing.settle(change, found)

    def _check(self, session: Session, request: ProfileRequest, profile_id: str) -> None:
        same = rows.find(session, request.name)
        if same is not None and same.id != profile_id:
            raise ConflictError(
                "profile.name_in_use", f"there is a profile {request.name} already: choose another name"
            )
