"""What every request that makes, replaces or changes an object comes with, and how its answer is marked.

Resources say what the object is; dry runs, expected revisions, 201 and `Location` are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from fastapi import Depends, Query, Request, Response

from cellnet_core.manager.context import DRY_RUN
from cellnet_core.manager.service import Manager
from cellnet_core.northbound import errors
from cellnet_core.northbound.fields import Expected, Input, Link, Output, manager_of
from cellnet_core.northbound.versions import Version

Shown = TypeVar("Shown")


class WriteQuery(Input):
    """`dry_run`: everything is checked and worked out, the answer is what it would be, nothing is changed."""

    since: ClassVar[Mapping[str, Version]] = {"dry_run": (1, 2)}
    dry_run: bool = False


def try_only(query: WriteQuery) -> None:
    """Have what handles this request only try, if that is asked for. To be called in the request's own task:
    what handles it inherits this."""
    DRY_RUN.set(query.dry_run)


@dataclass(frozen=True, slots=True)
class Writing:
    """A request that changes something, or only tries to (`dry_run`)."""

    request: Request
    response: Response
    manager: Manager
    request_id: str

    def made(self, shown: Shown, links: list[Link], *, created: bool = True) -> Shown:
        """An object that was made by POST or PUT, or replaced by PUT: status and Location say which.

        The first of its links is its own address.
        """
        if created:
            self.response.status_code = 201
            if not DRY_RUN.get():
                self.response.headers["Location"] = links[0]["href"]
        return shown


@dataclass(frozen=True, slots=True)
class Replacing(Writing):
    """One that may expect the object to be at a revision (`If-Match`); None expects nothing."""

    expected: int | None


# One dependency, and not one for each of its parts: the framework takes longer to go through them than to do
# all that they ask for.
async def _writing(request: Request, response: Response, query: Annotated[WriteQuery, Query()]) -> Writing:
    try_only(query)
    return Writing(request, response, manager_of(request), errors.request_id(request))


async def _replacing(
    request: Request, response: Response, query: Annotated[WriteQuery, Query()], expected: Expected
) -> Replacing:
    try_only(query)
    return Replacing(request, response, manager_of(request), errors.request_id(request), expected)


Write = Annotated[Writing, Depends(_writing)]
Replace = Annotated[Replacing, Depends(_replacing)]


def put_answers(made: type[Output]) -> dict[int | str, dict[str, Any]]:
    """For the documentation of a PUT: it replaces (200), or makes under the id of the address (201)."""
    return {**errors.answers(404, 409, 412), 201: {"model": made, "description": "made by this request"}}
