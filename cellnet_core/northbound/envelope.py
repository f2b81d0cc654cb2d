"""What is the same for every request: its id, and the version of the API it speaks. Plain ASGI, outermost.

Being outermost, it also marks answers that the framework makes on its own (404, 405, 500).
"""

from __future__ import annotations

import uuid
from typing import Any

import microversion_parse
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cellnet_core.manager.errors import SERVICE_TYPE

MIN_VERSION = (1, 1)
MAX_VERSION = (1, 1)
"""Every change that a client can see raises the second number."""


MAX_BODY = 1024 * 1024
"""Bytes. A report of an agent with hundreds of connections is well below."""


class BodyTooLargeError(Exception):
    """A body without a length turned out to be too long; the framework answers 400."""


def text(version: tuple[int, int]) -> str:
    """A version as it is written: "1.1"."""
    return f"{version[0]}.{version[1]}"


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
        headers = Headers(scope=scope)
        version, refusal = _negotiate(headers, request_id)
        refusal = refusal or _weigh(headers, request_id)
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:
                raise BodyTooLargeError
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Openstack-Request-Id"] = request_id
                headers["OpenStack-API-Version"] = f"{SERVICE_TYPE} {text(version)}"
                headers.add_vary_header("OpenStack-API-Version")
            await send(message)

        await (refusal or self._app)(scope, bounded, marked)


def _weigh(headers: Headers, request_id: str) -> JSONResponse | None:
    """The answer to a body that says it is too long, before a byte of it is read."""
    length = headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()) or int(length) <= MAX_BODY:
        return None
    detail = f"a body of {length} bytes is larger than any object of this API; send {MAX_BODY} at most"
    error = error_document(request_id, 413, "request.too_large", "Too large", detail)
    return JSONResponse({"errors": [error]}, 413, {"Connection": "close"})


def _negotiate(headers: Headers, request_id: str) -> tuple[tuple[int, int], JSONResponse | None]:
    """The version to speak, or the answer to give instead (the API-SIG's "Microversion Specification")."""
    try:
        wanted = microversion_parse.get_version(headers.items(), service_type=SERVICE_TYPE)
        if wanted is None:
            named = [part.strip() for part in headers.get("OpenStack-API-Version", "").split(",")]
            if SERVICE_TYPE not in named:
                return MIN_VERSION, None
            wanted = ""  # the service without a version
        if wanted == "latest":
            return MAX_VERSION, None
        parsed = microversion_parse.parse_version_string(wanted)
        version = (parsed.major, parsed.minor)
    except (TypeError, ValueError):
        detail = (
            f"OpenStack-API-Version: {headers.get('OpenStack-API-Version')!r} is no version; "
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
