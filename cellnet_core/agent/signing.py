"""Signs what an agent says to its manager, and checks that the answer is from that manager.

One per agent. Enrols first, with the operator's one-time token, where the site names one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cellnet_core.agent.credential import Credential, CredentialStore, EnrolmentError
from cellnet_core.model import proof
from cellnet_core.model.proof import Signature

if TYPE_CHECKING:
    import httpx

Send = Callable[["httpx.Request"], Awaitable["httpx.Response"]]


class UnprovenAnswerError(Exception):
    """An answer that nobody who knows this agent has signed."""


class Signer:
    """Wraps the sending of requests."""

    def __init__(self, store: CredentialStore, cell: str, gateway: str) -> None:
        self._store = store
        self._cell = cell
        self._gateway = gateway
        self._credential: Credential | None = None
        self._enrolling = asyncio.Lock()
        self._epoch = ""
        self._count = 0

    async def exchange(
        self, build: Callable[[], httpx.Request], enrol: Callable[[bytes], httpx.Request], send: Send
    ) -> httpx.Response:
        """Send what `build` makes, signed; once more if the manager began a new life. `enrol` makes the
        request that carries an enrolment.

        Raises UnprovenAnswerError, EnrolmentError and whatever `send` raises. An answer of 401 or 403 is
        handed on as it is: nobody can sign for an agent that is not known.
        """
        credential = await self._known(enrol, send)
        if credential is None:
            return await send(build())
        answer, used = await self._signed(credential, build(), send)
        if answer.status_code == 401 and self._take(answer, used):
            answer, used = await self._signed(credential, build(), send)
        if answer.status_code in (401, 403):
            self._credential = None  # the next call looks whether the operator brought another token
            return answer
        wanted = proof.sign_answer(
            credential.secret, used.epoch, used.count, answer.status_code, answer.content
        )
        if not proof.same(wanted, answer.headers.get(proof.ANSWER_HEADER, "")):
            raise UnprovenAnswerError(
                f"the answer ({answer.status_code}) is not signed by the manager that enrolled this agent"
            )
        return answer

    async def _known(self, enrol: Callable[[bytes], httpx.Request], send: Send) -> Credential | None:
        async with self._enrolling:
            if self._credential is None:
                self._credential = self._store.load()
                if self._credential is not None and self._store.superseded(self._credential):
                    self._credential = None
                if self._credential is None and self._store.expected:
                    self._credential = await self._enrol(enrol, send)
        return self._credential

    async def _enrol(self, enrol: Callable[[bytes], httpx.Request], send: Send) -> Credential:
        token = self._store.token()
        nonce = self._store.nonce(token)
        said = proof.enrolment_proof(token, self._cell, self._gateway, nonce)
        body = {"serial": token.serial, "expires": token.expires, "nonce": nonce, "proof": said}
        answer = await send(enrol(json.dumps({"credential": body}).encode()))
        if not answer.is_success:
            if answer.status_code >= 500:
                raise UnprovenAnswerError(f"enrolment: the manager answered {answer.status_code}")
            raise EnrolmentError(f"enrolment refused ({answer.status_code}): {answer.text[:300]}")
        try:
            given = answer.json()["credential"]
            manager_nonce, signed = str(given["nonce"]), str(given["proof"])
        except (ValueError, KeyError, TypeError) as error:
            raise UnprovenAnswerError("enrolment: the answer is none of a manager") from error
        if not proof.same(proof.enrolment_answer(token, nonce, manager_nonce), signed):
            raise UnprovenAnswerError("enrolment: whoever answered did not give the token out")
        return self._store.keep(token.serial, proof.key(token, nonce, manager_nonce))

    async def _signed(
        self, credential: Credential, request: httpx.Request, send: Send
    ) -> tuple[httpx.Response, Signature]:
        self._count += 1
        signature = proof.sign_request(
            credential.secret,
            credential.serial,
            self._epoch,
            self._count,
            request.method,
            request.url.raw_path,
            request.content,
        )
        request.headers["Authorization"] = signature.header()
        return await send(request), signature

    def _take(self, answer: httpx.Response, used: Signature) -> bool:
        """Go on from where the manager says; False when that is no news, and trying again is of no use."""
        said = proof.parse_parameters(answer.headers.get("WWW-Authenticate", ""))
        epoch, count = said.get("epoch", ""), said.get("count", "")
        if not epoch or not count.isdigit() or len(count) > 18:
            return False
        if epoch == used.epoch and int(count) <= used.count:
            return False
        if epoch != self._epoch:
            self._epoch, self._count = epoch, 0
        self._count = max(self._count, int(count))
        return True
