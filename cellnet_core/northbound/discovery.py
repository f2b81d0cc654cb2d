"""/ and /v1/: which versions there are (OpenStack API-SIG, "Version Discovery")."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from cellnet_core.northbound import errors
from cellnet_core.northbound.fields import Link, NoQuery, Output
from cellnet_core.northbound.versions import MAX_VERSION, MIN_VERSION, text

router = APIRouter(tags=["versions"])


class Version(Output):
    """A major version and the range of its microversions."""

    id: str
    status: str
    min_version: str
    max_version: str
    version: str
    links: list[Link]


class VersionsAnswer(Output):
    versions: list[Version]


class VersionAnswer(Output):
    version: Version


@router.get("/", dependencies=[NoQuery], responses=errors.answers())
def list_versions(request: Request) -> VersionsAnswer:
    """All major versions."""
    return VersionsAnswer(versions=[_v1(request)])


@router.get("/v1", include_in_schema=False, dependencies=[NoQuery], response_model=VersionAnswer)
@router.get("/v1/", dependencies=[NoQuery], responses=errors.answers())
def show_version(request: Request) -> VersionAnswer:
    """Version 1."""
    return VersionAnswer(version=_v1(request))


def _v1(request: Request) -> Version:
    links: list[Any] = [
        Link(rel="self", href=f"{request.base_url}v1/"),
        Link(rel="describedby", href=f"{request.base_url}v1/openapi.json"),
    ]
    return Version(
        id="v1",
        status="CURRENT",
        min_version=text(MIN_VERSION),
        max_version=text(MAX_VERSION),
        version=text(MAX_VERSION),
        links=links,
    )
