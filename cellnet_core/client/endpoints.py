"""Calls about endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellnet_core.client import values
from cellnet_core.client.transport import Transport, quoted
from cellnet_core.client.values import Endpoint


class EndpointCalls(Transport):
    """Part of the client."""

    def endpoints(self, **filters: str) -> tuple[Endpoint, ...]:
        """All endpoints, by name."""
        return tuple(self._all(Endpoint, "endpoints", filters))

    def endpoint(self, reference: str) -> Endpoint:
        """One endpoint by id or name."""
        return values.read(Endpoint, self._one("GET", f"/v1/endpoints/{quoted(reference)}", "endpoint"))

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
        path, body = f"/v1/endpoints/{quoted(reference)}", {"endpoint": dict(fields)}
        return values.read(Endpoint, self._one("PUT", path, "endpoint", body, revision))

    def modify_endpoint(
        self, reference: str, changes: Mapping[str, Any], revision: int | None = None
    ) -> Endpoint:
        """Some of an endpoint, if it is at that revision still (else 412); the rest stays."""
        path, body = f"/v1/endpoints/{quoted(reference)}", {"endpoint": dict(changes)}
        return values.read(Endpoint, self._one("PATCH", path, "endpoint", body, revision))

    def delete_endpoint(self, reference: str, revision: int | None = None) -> None:
        """Forget an endpoint that no connection uses, if it is at that revision still (else 412)."""
        self.delete("endpoints", reference, revision)
