"""How bodies are read and which media types are spoken: stricter than the framework.

JSON that two readers could take for two things is refused: a name that stands twice in an object (RFC 8259
section 4 leaves open which one counts), and NaN or Infinity, which are no JSON at all.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, NoReturn

import orjson
from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from cellnet_core.manager.errors import InvalidError, RequestError

JSON = "application/json"


class NotAcceptableError(RequestError):
    """The caller takes no form that this answer has."""

    title = "Not acceptable"


class MediaTypeError(RequestError):
    """The body is in a form that is not read here."""

    title = "Unsupported media type"


class _StrictRequest(Request):
    """Reads JSON as it is meant, see the module."""

    async def json(self) -> Any:
        """The body. Raises json.JSONDecodeError, UnicodeDecodeError, RecursionError and ValueError."""
        if not hasattr(self, "_strict"):
            self._strict = _loads(await self.body())
        return self._strict


class JsonRoute(APIRoute):
    """A route whose body is read strictly and whose answer is JSON: `APIRouter(route_class=JsonRoute)`.

    What goes for all of them is looked at here: a dependency of each costs ten times as much. A plain
    function is called in a thread, once: the framework would go to a thread again for the answer.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, in_a_thread(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # the framework says Coroutine, and awaits
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            _refuse_ambiguous(request)
            _check_accepted(request, JSON)
            return await handle(_StrictRequest(request.scope, request.receive))

        return strictly


class ResourceRoute(JsonRoute):
    """A route of a resource: a field that the version of the request does not know is left out, as is every
    field of an answer that nobody set."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **{**options, "response_model_exclude_unset": True})


def _refuse_ambiguous(request: Request) -> None:
    """What two readers could take for two things."""
    keys = [key for key, _ in request.query_params.multi_items()]
    if len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise InvalidError(
            "request.invalid_query", f"{', '.join(map(repr, twice))}: more than once; say each thing once"
        )
    if request.method not in ("POST", "PUT", "PATCH"):
        return
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        raise MediaTypeError(
            "request.media_type", f"Content-Encoding: {coding!r} is not read here: send the body as it is"
        )


def in_a_thread(endpoint: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """The same as a coroutine; what is one already is left as it is."""
    if iscoroutinefunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def called(**arguments: Any) -> Any:
        return await run_in_threadpool(endpoint, **arguments)

    return called


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says that the body is JSON (RFC 6839 has the suffix)."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == JSON or (kind.startswith("application/") and kind.endswith("+json"))


def accepts(header: str, kind: str) -> bool:
    """Whether an Accept header allows this media type (RFC 9110 section 12.5.1); empty allows all.

    The most specific range that matches decides; weight 0 is a no.
    """
    if not header.strip():
        return True
    ranges = {kind: 3, f"{kind.partition('/')[0]}/*": 2, "*/*": 1}
    best, weight = 0, 0.0
    for part in header.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        rank = ranges.get(name, 0)
        if rank > best:
            best, weight = rank, _weight(parameters)
    return weight > 0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0


def _check_accepted(request: Request, kind: str) -> None:
    header = ",".join(request.headers.getlist("Accept"))
    if not accepts(header, kind):
        raise NotAcceptableError(
            "request.not_acceptable", f"Accept: {header!r} leaves out {kind}, which is what there is"
        )


async def _accepts_events(request: Request) -> None:
    _check_accepted(request, "text/event-stream")


AcceptsEventStream = Depends(_accepts_events)


def ready(document: dict[str, Any]) -> Response:
    """An answer as it is: to look through a page of a hundred objects again takes longer than to make it."""
    return Response(orjson.dumps(document, option=orjson.OPT_UTC_Z), media_type=JSON)


def _loads(body: bytes) -> Any:
    text = body.decode()

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise json.JSONDecodeError(f"an object has {twice!a} more than once", text, 0)
        return found

    def no_number(word: str) -> NoReturn:
        raise json.JSONDecodeError(f"{word} is no number in JSON", text, 0)

    return json.loads(text, object_pairs_hook=once, parse_constant=no_number)
