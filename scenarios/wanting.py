"""What a scenario asks of the manager's API: connect, change, look, take away. The stage's talk with the API.

Raises the client's own errors; the stage translates them. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellnet_core.client import ApiError, Client, Connection, UnreachableError
from scenarios.actions import Change
from scenarios.stage import ConnectionStatus

GONE_SECONDS = 20.0
_ENDPOINT_FIELDS = (
    "name", "cell", "gateway", "interfaces", "asn", "prefixes", "health_check_addresses", "description",
    "managed_by",
)  # fmt: skip
_NOT_WRITTEN = ("local_endpoint", "remote_endpoint")
_CONNECTION_FIELDS = (
    "name", "families", "hold_time", "graceful_restart_time", "hold_down", "enabled", "description",
    "managed_by",
)  # fmt: skip
"""What a client may write of an object; the rest of the document is the manager's own."""


class Wanting:
    """Talks to one manager about one connection and what else a scenario makes."""

    def __init__(self, api: Client) -> None:
        self._api = api
        self._connection = ""
        self._made: list[tuple[str, str]] = []
        """What this scenario made beside the connection: (resource, id), the newest last."""

    def close(self) -> None:
        self._api.close()

    def connect(self, local_cell: str, remote_cell: str) -> Mapping[str, Any]:
        """Two endpoints and a connection. Facts for the report."""
        for cell in (local_cell, remote_cell):
            self._made.append(("endpoint", self._api.create_endpoint(f"{cell}-end", cell).id))
        ends = [identity for _, identity in self._made[-2:]]
        connection = self._api.create_connection(f"{local_cell}-{remote_cell}", *ends)
        self._connection = connection.id
        return {"connection": connection.id, "paths": [path.name for path in connection.paths]}

    def change(self, change: Change) -> Mapping[str, Any]:
        """Carry it out. Facts for the report."""
        api, fields = self._api, dict(change.fields)
        if change.do == "delete":
            remove = api.delete_endpoint if change.resource == "endpoint" else api.delete_connection
            remove(change.name)
            return {}
        if change.resource == "endpoint":
            if change.do == "create":
                endpoint = api.create_endpoint(change.name, **fields)
                self._made.append(("endpoint", endpoint.id))
            else:
                old = api.endpoint(change.name)
                written = {key: old.document[key] for key in _ENDPOINT_FIELDS if key in old.document}
                endpoint = api.replace_endpoint(old.id, {**written, **fields}, old.revision_number)
            return {"id": endpoint.id, "revision": endpoint.revision_number}
        if change.do == "create":
            ends = [str(fields.pop(name)) for name in _NOT_WRITTEN]
            connection = api.create_connection(change.name, *ends, **fields)
            self._made.append(("connection", connection.id))
        else:
            before = api.connection(change.name)
            written = {key: before.document[key] for key in _CONNECTION_FIELDS if key in before.document}
            connection = api.replace_connection(before.id, {**written, **fields}, before.revision_number)
        return {"id": connection.id, "revision": connection.revision_number}

    def status(self) -> ConnectionStatus | None:
        """The connection now; None before there is one, and while the manager does not answer."""
        if not self._connection:
            return None
        try:
            return _status(self._api.connection(self._connection))
        except (UnreachableError, ApiError):
            return None  # the manager is away; that is something to see, not a failure of the scenario

    def disagreements(self) -> Sequence[str]:
        """Where desired and observed differ."""
        try:
            connections, agents = self._api.connections(), self._api.agents()
        except UnreachableError as error:
            return [str(error)]
        found = [
            f"connection {one.name} is {one.provisioning_status} at revision {one.observed_revision} "
            f"of {one.revision_number}"
            for one in connections
            if one.enabled
            and (one.provisioning_status != "ACTIVE" or one.observed_revision != one.revision_number)
        ]
        return found + [
            f"agent {one.gateway} is {one.operating_status} at generation {one.observed_generation} "
            f"of {one.generation}"
            for one in agents
            if one.operating_status not in ("ONLINE", "DEGRADED") or one.observed_generation != one.generation
        ]

    def disconnect(self) -> None:
        """Take away everything that was made, connections first. Raises WaitTimeoutError."""
        connections = [identity for what, identity in self._made if what == "connection"]
        for identity in [*connections, self._connection]:
            self._api.delete_connection(identity)
        for identity in [*connections, self._connection]:
            self._api.wait_until_gone(identity, GONE_SECONDS)
        for what, identity in reversed(self._made):
            if what == "endpoint":
                self._api.delete_endpoint(identity)

    def left(self) -> list[str]:
        """What the API still has."""
        found = [f"connection {each.name} in the API" for each in self._api.connections()]
        return found + [f"endpoint {each.name} in the API" for each in self._api.endpoints()]


def _status(connection: Connection) -> ConnectionStatus:
    reasons = [
        part
        for condition in connection.conditions
        if condition.status != "True"
        for part in condition.message.split("; ")
    ]
    return ConnectionStatus(
        connection.provisioning_status, connection.operating_status, tuple(dict.fromkeys(reasons))
    )
