"""/v1/profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints

from cellnet_core.manager.profiles import ProfileRequest
from cellnet_core.northbound import changing, errors, paging
from cellnet_core.northbound.bodies import ResourceRoute
from cellnet_core.northbound.fields import (
    Flag,
    HoldTime,
    Input,
    Link,
    ManagerOf,
    Name,
    NoQuery,
    Output,
    Owner,
    RestartTime,
    Seconds,
    Tags,
    Text,
)
from cellnet_core.northbound.versions import only_since
from cellnet_core.northbound.writing import Replace, Write, put_answers
from cellnet_core.store.records import BfdRecord, Family, ProfileRecord

router = APIRouter(
    prefix="/v1/profiles",
    tags=["profiles"],
    route_class=ResourceRoute,
    dependencies=[only_since((1, 2))],
)
DrainMethod = Literal["auto", "gshut", "med", "local-pref", "withdraw"]
Milliseconds = Annotated[int, Field(strict=True, ge=1, le=60_000)]
Limit = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Interval = Annotated[float, Field(strict=True, ge=0.1, le=3600, allow_inf_nan=False)]
# 80 bytes is what kernels take (linux/tcp.h); the signs are those that every speaker can be told.
Password = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.,:@%+=/!?*()<>\-]{1,80}$")]


class BfdInput(Input):
    """BFD timers, in milliseconds."""

    min_tx_ms: Milliseconds
    min_rx_ms: Milliseconds
    multiplier: Annotated[int, Field(strict=True, ge=1, le=255)] = 3


class LimitsInput(Input):
    """The most prefixes that are imported from one session, by family."""

    ipv4: Limit | None = None
    ipv6: Limit | None = None


class ProfileInput(Input):
    """A profile as it shall be. Times in seconds.

    `password` is write-only; left out of a PUT it stays, null takes it away. `drain_method` is for
    maintenance.
    """

    name: Name
    hold_time: HoldTime = 9
    graceful_restart_time: RestartTime = 30
    hold_down: Seconds = 3.0
    health_interval: Interval = 1.0
    bfd: BfdInput | None = None
    prefix_limits: LimitsInput = LimitsInput()
    drain_method: DrainMethod = "auto"
    password: Password | None = Field(None, repr=False, json_schema_extra={"writeOnly": True})
    is_default: Flag = False
    description: Text = ""
    managed_by: Owner | None = None
    tags: Tags = ()

    def request(self) -> ProfileRequest:
        """As the manager takes it."""
        return _request(self)


class ProfileBody(Input):
    profile: ProfileInput


class ProfileChange(Input):
    """Some of a profile."""

    name: Name | None = None
    hold_time: HoldTime | None = None
    graceful_restart_time: RestartTime | None = None
    hold_down: Seconds | None = None
    health_interval: Interval | None = None
    bfd: BfdInput | None = None
    prefix_limits: LimitsInput | None = None
    drain_method: DrainMethod | None = None
    password: Password | None = Field(None, repr=False, json_schema_extra={"writeOnly": True})
    is_default: Flag | None = None
    description: Text | None = None
    managed_by: Owner | None = None
    tags: Tags | None = None

    def over(self, now: ProfileRecord) -> ProfileRequest:
        """What the profile shall be, from what it is. Null takes `bfd` and `password` away."""
        names = ("name", "hold_time", "graceful_restart_time", "hold_down", "health_interval", "drain_method")
        whole = ProfileInput.model_construct(
            **{name: getattr(now, name) for name in (*names, "is_default", "description", "tags")},
            bfd=None if now.bfd is None else BfdInput.model_construct(**asdict(now.bfd)),
            prefix_limits=LimitsInput.model_validate(dict(now.prefix_limits)),
        )
        return changing.over(whole, self).request()


class ProfileChangeBody(Input):
    profile: ProfileChange


class ProfileList(paging.NamedList):
    is_default: paging.FilterText = None
    managed_by: paging.FilterText = None


class Bfd(Output):
    min_tx_ms: int
    min_rx_ms: int
    multiplier: int


class Profile(Output):
    """A profile; `has_password` is all that is told of its password. `bfd` null: as each site has it."""

    id: str
    name: str
    description: str
    managed_by: str
    is_default: bool
    hold_time: int
    graceful_restart_time: int
    hold_down: float
    health_interval: float
    bfd: Bfd | None
    prefix_limits: dict[str, int]
    drain_method: str
    has_password: bool
    tags: tuple[str, ...]
    revision_number: int
    created_at: datetime
    updated_at: datetime
    links: list[Link]


class ProfileAnswer(Output):
    profile: Profile


class ProfilesAnswer(Output):
    profiles: list[Profile]
    profiles_links: list[Link]


@router.get("", responses=errors.answers(404))
def list_profiles(
    request: Request, manager: ManagerOf, query: Annotated[ProfileList, Query()]
) -> ProfilesAnswer:
    """Profiles, by name unless `sort` says otherwise."""
    shown, links = paging.listed(request, manager.profiles.page(query.page_query("name")), present)
    return ProfilesAnswer(profiles=shown, profiles_links=links)


@router.post("", status_code=201, responses=errors.answers(404, 409))
def create_profile(write: Write, body: ProfileBody) -> ProfileAnswer:
    """Make a profile."""
    made = write.manager.profiles.create(body.profile.request(), write.request_id)
    shown = present(write.request, made)
    return ProfileAnswer(profile=write.made(shown, shown.links))


@router.get("/{profile}", dependencies=[NoQuery], responses=errors.answers(404))
def show_profile(request: Request, manager: ManagerOf, profile: str) -> ProfileAnswer:
    """One profile, by id or name."""
    return ProfileAnswer(profile=present(request, manager.profiles.get(profile)))


@router.put("/{profile}", responses=put_answers(ProfileAnswer))
def put_profile(write: Replace, profile: str, body: ProfileBody) -> ProfileAnswer:
    """Replace a profile; with a new UUID as address, make one (201), safe to repeat."""
    wanted = body.profile.request()
    put, created = write.manager.profiles.put(profile, wanted, write.expected, write.request_id)
    shown = present(write.request, put)
    return ProfileAnswer(profile=write.made(shown, shown.links, created=created))


@router.patch("/{profile}", responses=errors.answers(404, 409, 412))
def patch_profile(write: Replace, profile: str, body: ProfileChangeBody) -> ProfileAnswer:
    """Change some of a profile (RFC 7396: what is not said stays)."""
    record = write.manager.profiles.modify(profile, body.profile.over, write.expected, write.request_id)
    return ProfileAnswer(profile=present(write.request, record))


@router.delete("/{profile}", status_code=204, responses=errors.answers(404, 409, 412))
def delete_profile(write: Replace, profile: str) -> None:
    """Forget a profile that no connection names."""
    write.manager.profiles.delete(profile, write.expected, write.request_id)


def _request(said: ProfileInput) -> ProfileRequest:
    bfd, limits = said.bfd, said.prefix_limits
    families: tuple[Family, ...] = ("ipv4", "ipv6")
    values: Mapping[str, Any] = {
        field: getattr(said, field)
        for field in (
            *("hold_time", "graceful_restart_time", "hold_down", "health_interval", "drain_method"),
            *("password", "is_default", "description", "managed_by", "tags"),
        )
    }
    return ProfileRequest(
        name=said.name,
        bfd=None if bfd is None else BfdRecord(bfd.min_tx_ms, bfd.min_rx_ms, bfd.multiplier),
        prefix_limits=tuple((f, value) for f in families if (value := getattr(limits, f)) is not None),
        change_password="password" in said.model_fields_set,
        **values,
    )


def present(request: Request, profile: ProfileRecord) -> Profile:
    """As clients see it."""
    bfd = profile.bfd
    return Profile(
        id=profile.id,
        name=profile.name,
        description=profile.description,
        managed_by=profile.managed_by,
        is_default=profile.is_default,
        hold_time=profile.hold_time,
        graceful_restart_time=profile.graceful_restart_time,
        hold_down=profile.hold_down,
        health_interval=profile.health_interval,
        bfd=None
        if bfd is None
        else Bfd(min_tx_ms=bfd.min_tx_ms, min_rx_ms=bfd.min_rx_ms, multiplier=bfd.multiplier),
        prefix_limits=dict(profile.prefix_limits),
        drain_method=profile.drain_method,
        has_password=profile.password is not None,
        tags=profile.tags,
        revision_number=profile.revision_number,
        created_at=profile.created_at,
        updated_at=profile.updated_at,
        links=[Link(rel="self", href=f"{request.base_url}v1/profiles/{profile.id}")],
    )
