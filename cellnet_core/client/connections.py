"""Calls about connections and their sessions, and waiting for what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cellnet_core.client import values
from cellnet_core.client.errors import NotFoundError, UnreachableError, WaitTimeoutError
from cellnet_core.client.transport import Transport, quoted
from cellnet_core.client.values import Connection, Operation, Session


class ConnectionCalls(Transport):
    """Part of the client."""

    def connections(self, **filters: str) -> tuple[Connection, ...]:
        """All connections, by name."""
        return tuple(self._all(Connection, "connections", filters))

    def connection(self, reference: str) -> Connection:
        """One connection by id or name."""
        path = f"/v1/connections/{quoted(reference)}"
        return values.read(Connection, self._one("GET", path, "connection"))

    def create_connection(self, name: str, local: str, remote: str, **fields: Any) -> Connection:
        """Join two endpoints (ids or names); `fields` as in the API. It is made so after this returns."""
        body = {"connection": {"name": name, "local_endpoint": local, "remote_endpoint": remote, **fields}}
        return values.read(Connection, self._one("POST", "/v1/connections", "connection", body))

    def replace_connection(
        self, reference: str, fields: Mapping[str, Any], revision: int | None = None
    ) -> Connection:
        """Everything but the endpoints, as in the API, if it is at that revision still (else 412).

        With a new UUID as reference and no revision they are joined; safe to repeat.
        """
        path = f"/v1/connections/{quoted(reference)}"
        body = {"connection": dict(fields)}
        return values.read(Connection, self._one("PUT", path, "connection", body, revision))

    def modify_connection(
        self, reference: str, changes: Mapping[str, Any], revision: int | None = None
    ) -> Connection:
        """Some of a connection, if it is at that revision still (else 412); the rest stays."""
        path, body = f"/v1/connections/{quoted(reference)}", {"connection": dict(changes)}
        return values.read(Connection, self._one("PATCH", path, "connection", body, revision))

    def delete_connection(
        self, reference: str, *, force: bool = False, revision: int | None = None
    ) -> Operation | None:
        """Have it taken down; the operation says how far that is, see also `wait_until_gone`.

        `force` forgets it at once, for agents that are gone for good: what they have set up stays.
        """
        query = {"force": "true"} if force else None
        path = f"/v1/connections/{quoted(reference)}"
        document = self._request("DELETE", path, query=query, revision=revision)
        return None if document is None else values.read(Operation, document["operation"])

    def act(self, connection: str, action: str, **fields: Any) -> Operation:
        """Have agents do something once: reconcile, refresh, reset (`path`, `force`)."""
        path = f"/v1/connections/{quoted(connection)}/actions"
        return values.read(Operation, self._one("POST", path, "operation", {action: fields}))

    def sessions(self, connection: str) -> tuple[Session, ...]:
        """The sessions of a connection, by path, each as either side sees it."""
        document = self._request("GET", f"/v1/connections/{quoted(connection)}/sessions")
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


def _visible(connection: Connection) -> object:
    """What somebody who watches a connection come up would call a change."""
    return (
        connection.provisioning_status,
        connection.operating_status,
        [(c.type, c.status, c.reason) for c in connection.conditions],
    )
