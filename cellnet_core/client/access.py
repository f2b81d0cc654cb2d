"""The client's calls about access: the audit, and the enrolment of agents."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote

from cellnet_core.client import values
from cellnet_core.client.values import Document


class Asking(Protocol):
    """What these calls need of the client."""

    def _request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Any = None,
        revision: int | None = None,
    ) -> Any: ...


class AccessCalls:
    """A part of the client."""

    def last_audit(self: Asking, limit: int = 100, **filters: str) -> tuple[values.AuditEntry, ...]:
        """The newest changes, in their order; filters as in the API."""
        query = {"limit": str(limit), "sort": "id:desc", **filters}
        newest = self._request("GET", "/v1/audit", query=query)["audit"]
        return tuple(values.read(values.AuditEntry, entry) for entry in reversed(newest))

    def enrol_agent(self: Asking, cell: str, gateway: str, life: int | None = None) -> Document:
        """A one-time token for the agent of that gateway: `token` and `expires_at`."""
        body = {"enrolment": {} if life is None else {"life": life}}
        found: Document = self._request("POST", f"{_agent(cell, gateway)}/enrolment", body)["enrolment"]
        return found

    def revoke_agent(self: Asking, cell: str, gateway: str) -> None:
        """Void the agent's credential and all tokens for it. Its gateway goes on as it is."""
        self._request("DELETE", f"{_agent(cell, gateway)}/credential")


def _agent(cell: str, gateway: str) -> str:
    return f"/v1/agents/{quote(cell, safe='')}/{quote(gateway, safe='')}"
