"""The manager as an agent knows it: one long poll for the intent, one PUT for the report.

Translates HTTP and its library's errors into two of ours. Every call is bounded in time, and signed where the
agent is enrolled (`signing.py`). The HTTP library is imported at the first call, not at start: an agent is
ready before it talks to the manager.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cellnet_core.agent.credential import EnrolmentError
from cellnet_core.agent.signing import Signer, UnprovenAnswerError
from cellnet_core.model.wire import OURS, VERSION_HEADER, Head, IntentDocument, ReportDocument

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT = 2.0
ANSWER_TIMEOUT = 3.0
"""Seconds for an answer, beyond what a long poll waits on purpose."""


WIRE_CODE = "cell-network.agent.wire_version"
"""By which a manager says that this agent is too far from it."""


class ManagerUnavailableError(Exception):
    """No answer, or one that says to try later."""


class ManagerRefusedError(Exception):
    """An answer that trying again will not change: unknown agent, or a document this agent cannot read."""


class VersionError(ManagerRefusedError):
    """The manager and this agent are too far apart; what is in force stays in force."""


class ManagerClient:
    """Talks to one manager. `transport` replaces the network in tests."""

    def __init__(
        self,
        base_url: str,
        cell: str,
        gateway: str,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        signer: Signer | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """`ca_file`: whose certificates to trust for https; None: those that the machine trusts."""
        self._base_url = base_url
        self._path = f"/v1/agents/{cell}/{gateway}"
        self._transport = transport
        self._signer = signer
        self._ca_file = ca_file
        self._client: httpx.AsyncClient | None = None

    async def intent(self, after: int, wait: float) -> IntentDocument | None:
        """The intent, as soon as it is newer than `after`; None when `wait` seconds passed without one."""
        answer = await self._call(
            "GET", "/intent", ANSWER_TIMEOUT + wait, params={"after": str(after), "wait": f"{wait:g}"}
        )
        if answer.status_code == 204:
            return None
        try:
            problem = Head.model_validate_json(answer.content).problem("the manager", "this agent")
            if problem is not None:
                raise VersionError(problem)
            return IntentDocument.model_validate_json(answer.content)
        except ValidationError as error:
            raise ManagerRefusedError(f"the manager's intent cannot be read: {error}") from error

    async def report(self, document: ReportDocument) -> None:
        """Hand a report over."""
        await self._call("PUT", "/report", ANSWER_TIMEOUT, content=document.model_dump_json())

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _call(
        self,
        method: str,
        path: str,
        timeout: float,  # noqa: ASYNC109 - the library's own limit, by phase of the exchange
        params: dict[str, str] | None = None,
        content: str | None = None,
    ) -> httpx.Response:
        import httpx

        client = self._open()
        limits = httpx.Timeout(timeout, connect=CONNECT_TIMEOUT, pool=CONNECT_TIMEOUT)
        headers = {"Content-Type": "application/json", VERSION_HEADER: OURS.header()}

        def build() -> httpx.Request:
            return client.build_request(
                method,
                self._path + path,
                params=params,
                content=content,
                headers=headers,
                timeout=limits,
            )

        def enrol(body: bytes) -> httpx.Request:
            return client.build_request(
                "PUT", f"{self._path}/credential", content=body, headers=headers, timeout=limits
            )

        try:
            if self._signer is None:
                answer = await client.send(build())
            else:
                answer = await self._signer.exchange(build, enrol, client.send)
        except EnrolmentError as error:
            raise ManagerRefusedError(str(error)) from error
        except UnprovenAnswerError as error:
            raise ManagerUnavailableError(f"{method} {self._base_url}{self._path}{path}: {error}") from error
        except httpx.HTTPError as error:
            message = f"{type(error).__name__}: {error}"
            raise ManagerUnavailableError(
                f"{method} {self._base_url}{self._path}{path}: {message}"
            ) from error
        if answer.status_code >= 500 or answer.status_code in (408, 425, 429):
            raise ManagerUnavailableError(f"{method} {answer.url}: {answer.status_code}")
        if answer.status_code == 409 and WIRE_CODE in answer.text:
            raise VersionError(answer.json()["errors"][0]["detail"])
        if not answer.is_success:
            raise ManagerRefusedError(f"{method} {answer.url}: {answer.status_code} {answer.text[:600]}")
        return answer

    def _open(self) -> httpx.AsyncClient:
        """The HTTP client, made at the first call. Raises ManagerRefusedError for unusable certificates."""
        import httpx

        if self._client is None:
            verify: ssl.SSLContext | bool = False
            if self._base_url.startswith("https://"):
                try:
                    verify = ssl.create_default_context(cafile=self._ca_file)
                except (OSError, ssl.SSLError) as error:
                    raise ManagerRefusedError(
                        f"manager_ca {self._ca_file}: no certificates of authorities in it ({error})"
                    ) from error
            # Without TLS nothing is verified: loading the world's certificates would cost 20 ms for nothing.
            self._client = httpx.AsyncClient(
                base_url=self._base_url, transport=self._transport, trust_env=False, verify=verify
            )
        return self._client
