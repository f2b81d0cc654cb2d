"""The gate that every request passes before anything of it is read: who is it, and may they. Plain ASGI.

Stands between the envelope (which gives ids and bounds bodies) and the application. On a unix socket its user
is trusted; by TCP a token is asked for where tokens are configured; agents' own addresses ask for their
signature where agents are enrolled, and their answers are signed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cellnet_core.manager.caller import CALLER, Caller
from cellnet_core.model import proof
from cellnet_core.northbound.access import identity, policies
from cellnet_core.northbound.access.enforcement import Enforcement
from cellnet_core.northbound.access.identity import Identity
from cellnet_core.northbound.access.policies import AGENTS_OWN, EXCHANGE, VERSIONS
from cellnet_core.northbound.access.signatures import Proven, Signatures, UnprovenError
from cellnet_core.northbound.access.tokens import TokenFile, TokensError
from cellnet_core.northbound.envelope import BodyTooLargeError, BodyTooSlowError, error_document
from cellnet_core.store.errors import StoreUnavailableError

LISTENER = "cellnet.listener"
"""Key of the scope: by which door the request came, "unix" or "tcp"."""
CHALLENGE = 'X-Auth-Token realm="cell-network"'

LOG = logging.getLogger("cellnet.access")


@dataclass(frozen=True, slots=True)
class Access:
    """How callers are known. Without tokens all are admins; without signatures agents are not asked."""

    tokens: TokenFile | None = None
    signatures: Signatures | None = None
    enforcement: Enforcement = field(default_factory=Enforcement)

    def forget_keys(self) -> None:
        """An agent's credential was given out or revoked."""
        if self.signatures is not None:
            self.signatures.forget()


class RefusedError(Exception):
    """The request goes no further."""

    def __init__(
        self, status: int, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = headers


class Guard:
    """Wraps an application with these routes."""

    def __init__(self, app: ASGIApp, access: Access, routes: tuple[BaseRoute, ...]) -> None:
        self._app = app
        self._access = access
        self._routes = routes
        self._rules = policies.Routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id: str = scope["state"]["request_id"]
        found = self._rules.find(scope["method"], scope["path"], QueryParams(scope["query_string"]))
        rule, target = found or (self._unlisted(scope), {})
        proven: Proven | None = None
        try:
            if rule in AGENTS_OWN and self._access.signatures is not None:
                body = await _whole(receive)
                if body is None:
                    return  # too large or too slow: the envelope answers
                receive = _again(body, receive)
                proven = await self._prove(self._access.signatures, scope, target, body)
                who = proven.identity
            else:
                who = self._identify(scope, rule, target)
            if rule is not None:
                self._authorize(rule, who, target)
        except RefusedError as refusal:
            await _answer(refusal, request_id)(scope, receive, send)
            return
        scope["state"]["identity"] = who
        token = CALLER.set(Caller(who.user, who.roles, scope["method"], scope["path"], request_id))
        try:
            await self._app(scope, receive, send if proven is None else _signed(proven, send))
        finally:
            CALLER.reset(token)

    def _unlisted(self, scope: Scope) -> str | None:
        """For an address that stands in no rule: nothing to protect where there is nothing."""
        full = any(route.matches(scope)[0] is Match.FULL for route in self._routes)
        return policies.UNLISTED if full else None

    def _identify(self, scope: Scope, rule: str | None, target: Mapping[str, str]) -> Identity:
        if rule in AGENTS_OWN or rule == EXCHANGE:
            cell, gateway = target["cell"], target["gateway"]
            roles = () if rule == EXCHANGE else (identity.AGENT,)
            return Identity(f"agent:{cell}/{gateway}", roles, cell=cell, gateway=gateway)
        tokens = self._access.tokens
        if tokens is None:
            return identity.ANONYMOUS if scope.get(LISTENER) == "tcp" else identity.LOCAL
        said = Headers(scope=scope).get("X-Auth-Token")
        if said is None:
            if scope.get(LISTENER) == "unix":
                return identity.LOCAL
            if rule == VERSIONS:
                return identity.EVERYBODY
            raise _unauthorized("access.token_missing", "show a token in the header X-Auth-Token")
        try:
            found = tokens.find(said)
        except TokensError as error:
            LOG.error("tokens cannot be used, nobody is let in by one: %s", error)  # noqa: TRY400 (for operators)
            raise RefusedError(
                503,
                "access.tokens_unusable",
                "Unavailable",
                "the file of tokens cannot be used; the manager's log says why",
            ) from error
        if found is None:
            raise _unauthorized("access.token_unknown", "this token is not known here, or no more")
        return found

    async def _prove(
        self, signatures: Signatures, scope: Scope, target: Mapping[str, str], body: bytes
    ) -> Proven:
        line = scope.get("raw_path", scope["path"].encode())
        query: bytes = scope["query_string"]
        header = Headers(scope=scope).get("Authorization", "")
        try:
            return await asyncio.to_thread(
                signatures.check,
                target["cell"],
                target["gateway"],
                header,
                scope["method"],
                line + (b"?" + query if query else b""),
                body,
            )
        except UnprovenError as error:
            raise RefusedError(
                401, error.code, "Unauthorized", error.detail, {"WWW-Authenticate": error.challenge}
            ) from error
        except StoreUnavailableError as error:
            raise RefusedError(503, "store.unavailable", "Store unavailable", str(error)) from error

    def _authorize(self, rule: str, who: Identity, target: Mapping[str, str]) -> None:
        if self._access.enforcement.allows(rule, who, target):
            return
        roles = ", ".join(who.roles) or "no role"
        LOG.info("refused %s to %s (%s)", rule, who.user or "somebody without token", roles)
        raise RefusedError(
            403,
            "access.forbidden",
            "Forbidden",
            f"{who.user or 'nobody'} ({roles}) may not do this: the rule is {rule}",
        )


def _unauthorized(code: str, detail: str) -> RefusedError:
    return RefusedError(401, code, "Unauthorized", detail, {"WWW-Authenticate": CHALLENGE})


def _answer(refusal: RefusedError, request_id: str) -> JSONResponse:
    error = error_document(request_id, refusal.status, refusal.code, refusal.title, refusal.detail)
    return JSONResponse({"errors": [error]}, refusal.status, refusal.headers)


async def _whole(receive: Receive) -> bytes | None:
    """The whole body; None when the envelope has had enough of it, or the caller is gone."""
    parts = []
    more = True
    while more:
        try:
            message = await receive()
        except (BodyTooLargeError, BodyTooSlowError):
            return None
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then whatever comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _signed(proven: Proven, send: Send) -> Send:
    """Holds an answer back until it is whole, and sends it with its proof."""
    start: Message = {}
    parts: list[bytes] = []

    async def signing(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(parts)
        MutableHeaders(scope=start)[proof.ANSWER_HEADER] = proven.sign(start["status"], body)
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return signing
