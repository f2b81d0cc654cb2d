"""What is the same for every request: its id, and the version of the API it speaks. Plain ASGI, outermost.

Being outermost, it also marks answers that the framework makes on its own (404, 405, 500).
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any

import microversion_parse
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cellnet_core.manager.errors import SERVICE_TYPE
from cellnet_core.northbound.versions import MAX_VERSION, MIN_VERSION, SPOKEN, Version, text

MAX_BODY = 1024 * 1024
"""Bytes."""
MAX_REPORT = 8 * MAX_BODY
"""Bytes of an agent's report: room for connections that learn 100,000 prefixes and more."""
BODY_TIMEOUT = 30.0
"""Seconds in which a body must have come: who sends slower only holds a connection."""


_VERSION = re.compile("[0-9]{1,9}[.][0-9]{1,9}")


class BodyTooLargeError(Exception):
    """A body without a length turned out to be too long; whatever is made of that, the answer is 413."""


class BodyTooSlowError(Exception):
    """A body did not come in time; whatever is made of that, the answer is 408."""


def error_document(request_id: str, status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    """One entry of an error body (OpenStack API-SIG, "Errors")."""
    return {
        "request_id": request_id,
        "code": f"{SERVICE_TYPE}.{code.removeprefix(SERVICE_TYPE + '.')}",
        "status": status,
        "title": title,
        "detail": detail,
        "links": [],
    }


class Envelope:
    """Wraps an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req-{uuid.uuid4()}"
        scope.setdefault("state", {})["request_id"] = request_id
        head = scope["method"] == "HEAD" and not _waits(scope["path"])
        if head:
            # As GET, without what it would bring (RFC 9110 section 9.3.2).
            scope = {**scope, "method": "GET"}
        headers = Headers(scope=scope)
        version, refusal = _negotiate(headers, request_id)
        limit = _limit(scope)
        refusal = refusal or _weigh(headers, request_id, limit)
        body = _Body(receive, limit)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Openstack-Request-Id"] = request_id
                headers["OpenStack-API-Version"] = f"{SERVICE_TYPE} {text(version)}"
                headers.add_vary_header("OpenStack-API-Version")
            elif head:
                message = {**message, "body": b""}
            await send(message)

        async def unless_failed(message: Message) -> None:
            if body.failure is None:
                await marked(message)

        if refusal is not None:
            await refusal(scope, receive, marked)
            return
        token = SPOKEN.set(version)
        try:
            await self._app(scope, body.receive, unless_failed)
        finally:
            SPOKEN.reset(token)
        if body.failure is not None:
            await _refuse_body(body.failure, request_id, limit)(scope, receive, marked)


class _Body:
    """Takes a request's body for the application: not more than `limit` bytes, not longer than allowed."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._taken = 0
        self._more = True
        self._deadline = asyncio.get_running_loop().time() + BODY_TIMEOUT
        self.failure: BodyTooLargeError | BodyTooSlowError | None = None

    async def receive(self) -> Message:
        """As ASGI has it. What comes after the body (a disconnect) may take as long as it takes."""
        if not self._more:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            self.failure = BodyTooSlowError()
            raise self.failure from error
        self._taken += len(message.get("body", b""))
        self._more = bool(message.get("more_body", False))
        if self._taken > self._limit:
            self.failure = BodyTooLargeError()
            raise self.failure
        return message


def _waits(path: str) -> bool:
    """Whether GET answers when something happens, and not at once."""
    return path.startswith("/v1/") and path.endswith(("/stream", "/intent"))


def _limit(scope: Scope) -> int:
    path: str = scope["path"]
    report = scope["method"] == "PUT" and path.startswith("/v1/agents/") and path.endswith("/report")
    return MAX_REPORT if report else MAX_BODY


def _refuse_body(failure: Exception, request_id: str, limit: int) -> JSONResponse:
    if isinstance(failure, BodyTooSlowError):
        detail = f"the body did not come within {BODY_TIMEOUT:.0f} s: send it at once"
        error = error_document(request_id, 408, "request.too_slow", "Too slow", detail)
        return JSONResponse({"errors": [error]}, 408, {"Connection": "close"})
    return _too_large(f"a body of more than {limit} bytes", request_id, limit)


def _too_large(what: str, request_id: str, limit: int) -> JSONResponse:
    detail = f"{what} is larger than any object at this address; send {limit} at most"
    error = error_document(request_id, 413, "request.too_large", "Too large", detail)
    return JSONResponse({"errors": [error]}, 413, {"Connection": "close"})


def _weigh(headers: Headers, request_id: str, limit: int) -> JSONResponse | None:
    """The answer to a body that says it is too long, before a byte of it is read."""
    length = headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()) or (len(length) < 20 and int(length) <= limit):
        return None
    return _too_large(f"a body of {length[:20]} bytes", request_id, limit)


def _said(headers: Headers) -> list[str]:
    """What is said of our service's version, in whatever many headers."""
    parts = ",".join(headers.getlist("OpenStack-API-Version")).split(",")
    return [part.strip() for part in parts if part.strip().lower().startswith(SERVICE_TYPE)]


def _one_version(wanted: str, said: list[str]) -> Version:
    """What is wanted. Raises ValueError and TypeError for what is none, or may be either of two."""
    if len(said) > 1 or (wanted != "latest" and _VERSION.fullmatch(wanted) is None):
        raise ValueError(wanted)
    if wanted == "latest":
        return MAX_VERSION
    parsed = microversion_parse.parse_version_string(wanted)
    return parsed.major, parsed.minor


def _negotiate(headers: Headers, request_id: str) -> tuple[Version, JSONResponse | None]:
    """The version to speak, or the answer to give instead (the API-SIG's "Microversion Specification")."""
    try:
        wanted = microversion_parse.get_version(headers.items(), service_type=SERVICE_TYPE)
        if wanted is None:
            if SERVICE_TYPE not in _said(headers):
                return MIN_VERSION, None
            wanted = ""  # the service without a version
        version = _one_version(wanted, _said(headers))
    except (TypeError, ValueError):
        detail = (
            f"OpenStack-API-Version: {', '.join(_said(headers))[:100]!r} is no version; "
            f'write "{SERVICE_TYPE} {text(MAX_VERSION)}" or "{SERVICE_TYPE} latest"'
        )
        error = error_document(request_id, 400, "version.malformed", "Bad input", detail)
        return MIN_VERSION, JSONResponse({"errors": [error]}, 400)
    if MIN_VERSION <= version <= MAX_VERSION:
        return version, None
    detail = f"version {wanted} is not supported; ask for {text(MIN_VERSION)} to {text(MAX_VERSION)}"
    error = error_document(request_id, 406, "version.unsupported", "Not acceptable", detail)
    error |= {"min_version": text(MIN_VERSION), "max_version": text(MAX_VERSION)}
    return MIN_VERSION, JSONResponse({"errors": [error]}, 406)
