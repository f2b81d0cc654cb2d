"""How the client talks: one request at a time, bounded waits, errors of ours. Knows no resource.

The HTTP library is loaded with the first connection, so that a command's help costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from cellnet_core.client import errors, values
from cellnet_core.client.errors import BadUrlError, ClientError, UnreachableError

if TYPE_CHECKING:
    import ssl
    from typing import Self

    import httpx

REQUEST_TIMEOUT = 10.0
"""Seconds for one request; the manager waits for nobody while it answers."""
POLL = 0.05
"""Seconds between two looks while waiting."""
HEADERS = {"OpenStack-API-Version": "cell-network 1.2"}

Kind = TypeVar("Kind", bound=values.Value)
Found = TypeVar("Found")


class Transport:
    """A connection to one manager; a context manager."""

    def __init__(
        self,
        http: httpx.Client,
        where: str,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._where = where
        self._now = now
        self._sleep = sleep

    @classmethod
    def unix(cls, path: str, timeout: float = REQUEST_TIMEOUT, token: str | None = None) -> Self:
        """A client of the manager that listens on a unix socket, which asks for no token but takes one."""
        import httpx

        # No TLS on a unix socket: loading the certificates of the world would cost more than the request.
        transport = httpx.HTTPTransport(uds=str(path), verify=False)
        http = httpx.Client(
            transport=transport, base_url="http://manager", timeout=timeout, headers=_auth(token)
        )
        return cls(http, str(path))

    @classmethod
    def connect(
        cls,
        url: str,
        timeout: float = REQUEST_TIMEOUT,
        *,
        token: str | None = None,
        ca_file: str | None = None,
    ) -> Self:
        """A client of the manager at "http://host:port", "https://host:port" or "unix:///path".

        `token` goes into X-Auth-Token; `ca_file` has the certificates to trust for https, by default those
        that the machine trusts. Raises BadUrlError.
        """
        if url.startswith("unix://"):
            return cls.unix(url.removeprefix("unix://"), timeout, token)
        if not url.startswith(("http://", "https://")):
            raise BadUrlError(f"{url!r} is no URL of a manager; write http://HOST:PORT or unix:///PATH")
        import httpx

        verify = _trust(ca_file) if url.startswith("https://") else False
        # Environment variables of proxies are for the world outside, not for a manager that was named.
        http = httpx.Client(
            base_url=url, timeout=timeout, trust_env=False, headers=_auth(token), verify=verify
        )
        return cls(http, url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    # --- any resource ---

    def objects(self, collection: str, **query: str) -> Iterator[values.Value]:
        """Every object of a collection, as documents."""
        return self._all(values.Value, collection, query)

    def object(self, collection: str, key: str, reference: str) -> values.Value:
        """One object, as a document."""
        return values.read(values.Value, self._one("GET", f"/v1/{collection}/{quoted(reference)}", key))

    def create(self, collection: str, key: str, fields: Mapping[str, Any]) -> values.Value:
        """Make an object; `fields` as in the API."""
        body = {key: dict(fields)}
        return values.read(values.Value, self._one("POST", f"/v1/{collection}", key, body))

    def replace(
        self,
        collection: str,
        key: str,
        reference: str,
        fields: Mapping[str, Any],
        revision: int | None = None,
    ) -> values.Value:
        """All of an object, as in the API, if it is at that revision still (else 412).

        With a new UUID as reference and no revision it is made; safe to repeat.
        """
        path, body = f"/v1/{collection}/{quoted(reference)}", {key: dict(fields)}
        return values.read(values.Value, self._one("PUT", path, key, body, revision))

    def modify(
        self,
        collection: str,
        key: str,
        reference: str,
        changes: Mapping[str, Any],
        revision: int | None = None,
    ) -> values.Value:
        """Some of an object, if it is at that revision still (else 412); the rest stays."""
        path, body = f"/v1/{collection}/{quoted(reference)}", {key: dict(changes)}
        return values.read(values.Value, self._one("PATCH", path, key, body, revision))

    def delete(self, collection: str, reference: str, revision: int | None = None) -> Any:
        """Delete an object, if it is at that revision still (else 412). Returns what the manager says."""
        return self._request("DELETE", f"/v1/{collection}/{quoted(reference)}", revision=revision)

    # --- machinery ---

    def _wait(self, look: Callable[[], Found | None], timeout: float) -> Found | None:
        """What `look` returns as soon as it is not None; None when time is up."""
        deadline = self._now() + timeout
        while True:
            try:
                found = look()
            except UnreachableError:
                found = None  # it may be on its way back
            if found is not None:
                return found
            remaining = deadline - self._now()
            if remaining <= 0:
                return None
            self._sleep(min(POLL, remaining))

    def _all(self, kind: type[Kind], collection: str, filters: Mapping[str, str]) -> Iterator[Kind]:
        """Every object of a collection, page by page."""
        query = dict(filters)
        while True:
            document = self._request("GET", f"/v1/{collection}", query=query)
            items = document[collection]
            yield from (values.read(kind, item) for item in items)
            behind = [link["href"] for link in document[f"{collection}_links"] if link["rel"] == "next"]
            if not behind:
                return
            query["marker"] = parse_qs(urlsplit(behind[0]).query)["marker"][0]

    def _one(
        self, method: str, path: str, key: str, body: Any = None, revision: int | None = None
    ) -> values.Document:
        document: values.Document = self._request(method, path, body, revision=revision)[key]
        return document

    def _request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        revision: int | None = None,
    ) -> Any:
        import httpx

        headers = dict(HEADERS)
        if revision is not None:
            headers["If-Match"] = f"revision_number={revision}"
        try:
            answer = self._http.request(method, path, json=body, params=query, headers=headers)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        document = self._document(answer)
        if answer.status_code >= 400:
            raise errors.from_answer(answer.status_code, document)
        return document

    def _unreachable(self, error: httpx.HTTPError) -> UnreachableError:
        return UnreachableError(
            f"no manager answers at {self._where} ({error}): is the lab up? "
            "`cellnet lab list` shows labs; --url or --lab names another manager"
        )

    def _document(self, answer: httpx.Response) -> Any:
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise ClientError(f"{self._where} is no cellnet manager: its answer is not JSON") from error


def _trust(ca_file: str | None) -> ssl.SSLContext:
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadUrlError(f"{ca_file}: no certificates to trust in it ({error})") from error


def _auth(token: str | None) -> dict[str, str]:
    return {} if token is None else {"X-Auth-Token": token}


def quoted(reference: str) -> str:
    """Safe as one segment of a path: nothing in a name may lead elsewhere."""
    return quote(reference, safe="")
