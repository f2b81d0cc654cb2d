"""What every request that makes, replaces or changes an object comes with, and how its answer is marked.

Resources say what the object is; dry runs, expected revisions, 201 and `Location` are the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response

from cellnet_core.manager.context import DRY_RUN
from cellnet_core.manager.service import Manager
from cellnet_core.northbound import errors
from cellnet_core.northbound.fields import Expected, Link, ManagerOf, Output, RequestId

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Writing:
    """A request that changes something. Its route declares `Writes`, so that it can be tried."""

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


async def _writing(
    request: Request, response: Response, manager: ManagerOf, request_id: RequestId
) -> Writing:
    return Writing(request, response, manager, request_id)


async def _replacing(
    request: Request, response: Response, manager: ManagerOf, request_id: RequestId, expected: Expected
) -> Replacing:
    return Replacing(request, response, manager, request_id, expected)


Write = Annotated[Writing, Depends(_writing)]
Replace = Annotated[Replacing, Depends(_replacing)]


def put_answers(made: type[Output]) -> dict[int | str, dict[str, Any]]:
    """For the documentation of a PUT: it replaces (200), or makes under the id of the address (201)."""
    return {**errors.answers(404, 409, 412), 201: {"model": made, "description": "made by this request"}}
