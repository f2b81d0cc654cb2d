"""The client itself: one method per request, and bounded waits."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from cellnet_core.client import errors, streams, values
from cellnet_core.client.access import AccessCalls
from cellnet_core.client.errors import (
    BadUrlError,
    ClientError,
    NotFoundError,
    UnreachableError,
    WaitTimeoutError,
)
from cellnet_core.client.values import Agent, Cell, Connection, Endpoint, Event, Session

REQUEST_TIMEOUT = 10.0
"""Seconds for one request; the manager waits for nobody while it answers."""
POLL = 0.05
"""Seconds between two looks while waiting."""

HEADERS = {"OpenStack-API-Version": "cell-network 1.1"}

Kind = TypeVar("Kind", bound=values.Value)
Found = TypeVar("Found")


class Client(AccessCalls):
    """Talks to one manager; a context manager. Every method raises ApiError and UnreachableError."""

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
    def unix(cls, path: str, timeout: float = REQUEST_TIMEOUT, token: str | None = None) -> Client:
        """A client of the manager that listens on a unix socket, which asks for no token but takes one."""
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
    ) -> Client:
        """A client of the manager at "http://host:port", "https://host:port" or "unix:///path".

        `token` goes into X-Auth-Token; `ca_file` has the certificates to trust for https, by default those
        that the machine trusts. Raises BadUrlError.
        """
        if url.startswith("unix://"):
            return cls.unix(url.removeprefix("unix://"), timeout, token)
        if not url.startswith(("http://", "https://")):
            raise BadUrlError(f"{url!r} is no URL of a manager; write http://HOST:PORT or unix:///PATH")
        verify: ssl.SSLContext | bool = False
        if url.startswith("https://"):
            try:
                verify = ssl.create_default_context(cafile=ca_file)
            except (OSError, ssl.SSLError) as error:
                raise BadUrlError(f"{ca_file}: no certificates to trust in it ({error})") from error
        # Environment variables of proxies are for the world outside, not for a manager that was named.
        http = httpx.Client(
            base_url=url, timeout=timeout, trust_env=False, headers=_auth(token), verify=verify
        )
        return cls(http, url)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    # --- cells and agents ---

    def cells(self, **filters: str) -> tuple[Cell, ...]:
        """All cells, by name."""
        return tuple(self._all(Cell, "cells", filters))

    def cell(self, reference: str) -> Cell:
        """One cell by id, name or Nova cell uuid."""
        return values.read(Cell, self._one("GET", f"/v1/cells/{_quoted(reference)}", "cell"))

    def create_cell(self, name: str, asn: int, **fields: Any) -> Cell:
        """Declare a cell; `fields` as in the API."""
        body = {"cell": {"name": name, "asn": asn, **fields}}
        return values.read(Cell, self._one("POST", "/v1/cells", "cell", body))

    def replace_cell(self, reference: str, fields: Mapping[str, Any], revision: int | None = None) -> Cell:
        """All of a cell, as in the API, if it is at that revision still (else 412).

        With a new UUID as reference and no revision it is declared; safe to repeat.
        """
        path, body = f"/v1/cells/{_quoted(reference)}", {"cell": dict(fields)}
        return values.read(Cell, self._one("PUT", path, "cell", body, revision))

    def delete_cell(self, reference: str) -> None:
        """Forget a cell without endpoints."""
        self._request("DELETE", f"/v1/cells/{_quoted(reference)}")

    def agents(self) -> tuple[Agent, ...]:
        """All agents that were ever heard of."""
        document = self._request("GET", "/v1/agents")
        return tuple(values.read(Agent, item) for item in document["agents"])

    def confirm_agent(self, cell: str, gateway: str) -> Agent:
        """Have an agent that keeps another history follow this manager's database."""
        path = f"/v1/agents/{_quoted(cell)}/{_quoted(gateway)}/actions"
        return values.read(Agent, self._one("POST", path, "agent", {"confirm": {}}))

    # --- endpoints ---

    def endpoints(self, **filters: str) -> tuple[Endpoint, ...]:
        """All endpoints, by name."""
        return tuple(self._all(Endpoint, "endpoints", filters))

    def endpoint(self, reference: str) -> Endpoint:
        """One endpoint by id or name."""
        return values.read(Endpoint, self._one("GET", f"/v1/endpoints/{_quoted(reference)}", "endpoint"))

    def create_endpoint(self, name: str, cell: str, **fields: Any) -> Endpoint:
        """Make an endpoint; `fields` as in the API, what is left out comes from the agent's report."""
        body = {"endpoint": {"name": name, "cell": cell, **fields}}
        return values.read(Endpoint, self._one("POST", "/v1/endpoints", "endpoint", body))

    def replace_endpoint(
        self, reference: str, fields: Mapping[str, Any], revision: int | None = None
    ) -> Endpoint:
        """All of an endpoint, as in the API, if it is at that revision still (else 412).

        With a new UUID as reference and no revision it is made; safe to repeat.
        """
        path, body = f"/v1/endpoints/{_quoted(reference)}", {"endpoint": dict(fields)}
        return values.read(Endpoint, self._one("PUT", path, "endpoint", body, revision))

    def delete_endpoint(self, reference: str, revision: int | None = None) -> None:
        """Forget an endpoint that no connection uses, if it is at that revision still (else 412)."""
        self._request("DELETE", f"/v1/endpoints/{_quoted(reference)}", revision=revision)

    # --- connections ---

    def connections(self, **filters: str) -> tuple[Connection, ...]:
        """All connections, by name."""
        return tuple(self._all(Connection, "connections", filters))

    def connection(self, reference: str) -> Connection:
        """One connection by id or name."""
        path = f"/v1/connections/{_quoted(reference)}"
        return values.read(Connection, self._one("GET", path, "connection"))

    def create_connection(self, name: str, local: str, remote: str, **fields: Any) -> Connection:
        """Join two endpoints (ids or names); `fields` as in the API. It is made so after this returns."""
        body = {"connection": {"name": name, "local_endpoint": local, "remote_endpoint": remote, **fields}}
        return values.read(Connection, self._one("POST", "/v1/connections", "connection", body))

    def replace_connection(self, reference: str, fields: Mapping[str, Any], revision: int) -> Connection:
        """Everything but the endpoints, as in the API, if it is at that revision still (else 412)."""
        path = f"/v1/connections/{_quoted(reference)}"
        body = {"connection": dict(fields)}
        return values.read(Connection, self._one("PUT", path, "connection", body, revision))

    def delete_connection(self, reference: str, *, force: bool = False, revision: int | None = None) -> None:
        """Have it taken down; see `wait_until_gone`.

        `force` forgets it at once, for agents that are gone for good: what they have set up stays.
        """
        query = {"force": "true"} if force else None
        self._request("DELETE", f"/v1/connections/{_quoted(reference)}", query=query, revision=revision)

    def sessions(self, connection: str) -> tuple[Session, ...]:
        """The sessions of a connection, by path, each as either side sees it."""
        document = self._request("GET", f"/v1/connections/{_quoted(connection)}/sessions")
        return tuple(values.read(Session, item) for item in document["sessions"])

    def wait_for_status(
        self,
        connection: str,
        statuses: Sequence[str] = ("ONLINE",),
        timeout: float = 30.0,
        on_change: Callable[[Connection], None] | None = None,
    ) -> Connection:
        """The connection as soon as its operating_status is one of these.

        `on_change` is called with each different state on the way. A manager that does not answer is asked
        again. Raises WaitTimeoutError after `timeout` seconds, ApiError at once.
        """
        wanted = " or ".join(statuses)
        return self.wait_until(
            connection, lambda c: c.operating_status in statuses, wanted, timeout, on_change
        )

    def wait_until(
        self,
        connection: str,
        done: Callable[[Connection], bool],
        wanted: str,
        timeout: float = 30.0,
        on_change: Callable[[Connection], None] | None = None,
    ) -> Connection:
        """The connection as soon as it is `done`; else like `wait_for_status`. `wanted`: for the message."""
        last: Connection | None = None

        def look() -> Connection | None:
            nonlocal last
            now = self.connection(connection)
            if on_change is not None and (last is None or _visible(last) != _visible(now)):
                on_change(now)
            last = now
            return now if done(now) else None

        found = self._wait(look, timeout)
        if found is not None:
            return found
        if last is None:
            raise UnreachableError(f"no manager answered at {self._where} for {timeout:g} s")
        raise WaitTimeoutError(
            f"connection {last.name} is {last.operating_status} and not {wanted} after {timeout:g} s: "
            f"{last.explain()}"
        )

    def wait_until_gone(self, connection: str, timeout: float = 30.0) -> None:
        """Until both agents have taken the connection down. Raises WaitTimeoutError."""
        name, why = connection, ""

        def look() -> bool | None:
            nonlocal name, why
            try:
                now = self.connection(connection)
                name, why = now.name, now.explain()
            except NotFoundError:
                return True
            return None

        if self._wait(look, timeout) is None:
            raise WaitTimeoutError(f"connection {name} is still there after {timeout:g} s: {why}")

    # --- the network ---

    def topology(self) -> values.Document:
        """All cells, connections and paths as they are now."""
        return self._one("GET", "/v1/topology", "topology")

    def paths(self, origin: str, target: str) -> values.Document:
        """What joins two cells (id, name or Nova cell uuid): paths, and how many of them survive."""
        document: values.Document = self._request("GET", "/v1/paths", query={"from": origin, "to": target})
        return document

    # --- events ---

    def events(self, after: int | None = None, limit: int = 1000, **filters: str) -> tuple[Event, ...]:
        """Events in their order, those behind event number `after`; at most `limit` (1000)."""
        query: dict[str, str] = {"limit": str(limit), **filters}
        if after is not None:
            query["id"] = f"gt:{after}"
        return tuple(values.read(Event, e) for e in self._request("GET", "/v1/events", query=query)["events"])

    def last_events(self, limit: int = 100, **filters: str) -> tuple[Event, ...]:
        """The newest events, in their order."""
        query = {"limit": str(limit), "sort": "id:desc", **filters}
        newest = self._request("GET", "/v1/events", query=query)["events"]
        return tuple(values.read(Event, event) for event in reversed(newest))

    def follow_events(self, after: int | None = None, **filters: str) -> Iterator[Event]:
        """Events as they happen, those behind event number `after` first; without it only what is new.

        Ends by UnreachableError when the manager goes away or is silent for too long: call again with the
        number of the last event seen, and none is missed.
        """
        query = {**filters} if after is None else {**filters, "after": str(after)}
        headers = HEADERS | {"Accept": streams.MEDIA_TYPE}
        timeout = httpx.Timeout(REQUEST_TIMEOUT, read=streams.SILENCE)
        try:
            with self._http.stream(
                "GET", "/v1/events/stream", params=query, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise errors.from_answer(answer.status_code, self._document(answer))
                for data in streams.data(answer.iter_lines()):
                    yield values.read(Event, json.loads(data))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        raise UnreachableError(f"the manager at {self._where} ended the stream of events")

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
            if not any(link["rel"] == "next" for link in document[f"{collection}_links"]):
                return
            query["marker"] = str(items[-1]["id"])

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


def _auth(token: str | None) -> dict[str, str]:
    return {} if token is None else {"X-Auth-Token": token}


def _visible(connection: Connection) -> object:
    """What somebody who watches a connection come up would call a change."""
    return (
        connection.provisioning_status,
        connection.operating_status,
        [(c.type, c.status, c.reason) for c in connection.conditions],
    )


def _quoted(reference: str) -> str:
    """Safe as one segment of a path: nothing in a name may lead elsewhere."""
    return quote(reference, safe="")
