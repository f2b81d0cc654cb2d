"""Where errors of the manager, the store and the framework become answers. The only such place."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from cellnet_core.manager.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    PreconditionError,
    RequestError,
)
from cellnet_core.northbound.bodies import MediaTypeError, NotAcceptableError, is_json
from cellnet_core.northbound.envelope import error_document
from cellnet_core.store.errors import BadQueryError, StoreUnavailableError

LOG = logging.getLogger(__name__)
MOST_PROBLEMS = 100
"""So many problems of one request are listed; of the rest, the number."""
STATUS: Mapping[type[RequestError], int] = {
    InvalidError: 400,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    GoneError: 410,
    PreconditionError: 412,
    NotAcceptableError: 406,
    MediaTypeError: 415,
    BusyError: 503,
}


class ErrorEntry(BaseModel):
    """One error (OpenStack API-SIG, "Errors"). `code` is stable, `detail` is for people."""

    request_id: str
    code: str
    status: int
    title: str
    detail: str
    links: list[dict[str, str]]
    min_version: str | None = None
    max_version: str | None = None


class ErrorBody(BaseModel):
    """The body of every answer of 400 and above."""

    errors: list[ErrorEntry]


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: the errors it may answer with."""
    return {status: {"model": ErrorBody} for status in (400, 401, 403, 406, *statuses, 503)}


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make the application, made of these routes, answer every error in our form."""
    app.state.routes = tuple(routes)
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(BadQueryError, _bad_query)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(StoreUnavailableError, _unavailable)
    app.add_exception_handler(Exception, _bug)


def request_id(request: Request) -> str:
    """The id that the envelope gave this request."""
    identifier: str = request.state.request_id
    return identifier


def _answer(
    request: Request,
    status: int,
    code: str,
    title: str,
    details: Sequence[str],
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    entries = [error_document(request_id(request), status, code, title, detail) for detail in details]
    return JSONResponse({"errors": entries}, status, headers)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)
    later = {"Retry-After": "1"} if isinstance(error, BusyError) else None
    return _answer(request, STATUS[type(error)], error.code, error.title, [error.detail], later)


def _bad_query(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BadQueryError)
    return _answer(request, 400, "request.invalid_query", "Bad input", [f"{error.parameter}: {error}"])


def _unavailable(request: Request, error: Exception) -> JSONResponse:
    LOG.error("%s: %s", request_id(request), error)
    detail = f"{error}; nothing was changed, try again"
    return _answer(request, 503, "store.unavailable", "Store unavailable", [detail], {"Retry-After": "1"})


def _bug(request: Request, _error: Exception) -> JSONResponse:
    # The framework raises it again after this answer, so the server logs the traceback.
    detail = f"this is a fault of the manager; its log has the details under {request_id(request)}"
    return _answer(request, 500, "internal_error", "Internal error", [detail])


def _framework(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself: unknown address, wrong method, unreadable body."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        detail = f"there is nothing at {path}; see / for versions and /v1/openapi.json for addresses"
        return _answer(request, 404, "request.unknown_address", "Not found", [detail])
    if error.status_code == 405:
        methods = ", ".join(sorted(_methods(request.app.state.routes, request)))
        detail = f"{path} does not take {request.method}; it takes {methods}"
        return _answer(
            request, 405, "request.method_not_allowed", "Method not allowed", [detail], {"Allow": methods}
        )
    detail = f"{error.detail}: the body must be a JSON object in UTF-8"
    return _answer(request, error.status_code, "request.unreadable", "Bad input", [detail])


def _methods(routes: Sequence[BaseRoute], request: Request) -> set[str]:
    """All methods of this address, not only those of the first route that has it."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is Match.PARTIAL:
            found |= route.methods or set()
    return found - {"HEAD"}


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Every problem of the body and the query at once, each with its place."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if problems[0]["loc"][0] == "path":
        detail = f"there is nothing at {request.url.path}: {problems[0]['msg']}"
        return _answer(request, 404, "request.unknown_address", "Not found", [detail])
    kind = request.headers.get("Content-Type", "")
    if problems[0]["loc"] == ("body",) and problems[0]["type"] != "missing" and not is_json(kind):
        detail = f"Content-Type: {kind!r} is not read here: send a JSON object as application/json"
        return _answer(request, 415, "request.media_type", "Unsupported media type", [detail])
    entries = []
    for problem in problems[:MOST_PROBLEMS]:
        code, detail = _explain(problem)
        entries.append(error_document(request_id(request), 400, code, "Bad input", detail))
    if left := len(problems) - len(entries):
        # A list of 60,000 wrong prefixes would be answered with 16 MB.
        code, _ = _explain(problems[MOST_PROBLEMS])
        detail = f"{left} more problems are not listed: put these right first"
        entries.append(error_document(request_id(request), 400, code, "Bad input", detail))
    return JSONResponse({"errors": entries}, 400)


def _explain(problem: Mapping[str, Any]) -> tuple[str, str]:
    """Code and detail of one problem that pydantic or the framework found."""
    where, *rest = problem["loc"]
    place = ".".join(str(part) for part in rest)
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    if kind == "json_invalid":
        reason = problem.get("ctx", {}).get("error", "")
        return "request.malformed_json", f"the body is not JSON: {reason} at character {rest[0]}"
    if where == "body" and not rest:
        if kind == "missing":
            return "request.body_missing", "the body is missing: send a JSON object"
        if kind in ("model_attributes_type", "model_type", "dict_type"):
            return (
                "request.body_not_object",
                "the body is not a JSON object: send one, with Content-Type: application/json",
            )
    if kind == "unknown_field":
        if where == "query":
            return "request.unknown_query", message
        return "request.unknown_field", _at(place, message)
    if kind == "missing":
        return "request.field_missing", f"{place} is missing"
    return "request.invalid_field" if where == "body" else "request.invalid_query", _at(place, message)


def _at(place: str, message: str) -> str:
    return f"{place}: {message}" if place else message
