"""Calls about cells and their agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellnet_core.client import values
from cellnet_core.client.transport import Transport, quoted
from cellnet_core.client.values import Agent, Cell


class CellCalls(Transport):
    """Part of the client."""

    def cells(self, **filters: str) -> tuple[Cell, ...]:
        """All cells, by name."""
        return tuple(self._all(Cell, "cells", filters))

    def cell(self, reference: str) -> Cell:
        """One cell by id, name or Nova cell uuid."""
        return values.read(Cell, self._one("GET", f"/v1/cells/{quoted(reference)}", "cell"))

    def create_cell(self, name: str, asn: int, **fields: Any) -> Cell:
        """Declare a cell; `fields` as in the API."""
        body = {"cell": {"name": name, "asn": asn, **fields}}
        return values.read(Cell, self._one("POST", "/v1/cells", "cell", body))

    def replace_cell(self, reference: str, fields: Mapping[str, Any], revision: int | None = None) -> Cell:
        """All of a cell, as in the API, if it is at that revision still (else 412).

        With a new UUID as reference and no revision it is declared; safe to repeat.
        """
        path, body = f"/v1/cells/{quoted(reference)}", {"cell": dict(fields)}
        return values.read(Cell, self._one("PUT", path, "cell", body, revision))

    def modify_cell(self, reference: str, changes: Mapping[str, Any], revision: int | None = None) -> Cell:
        """Some of a cell, if it is at that revision still (else 412); the rest stays."""
        path, body = f"/v1/cells/{quoted(reference)}", {"cell": dict(changes)}
        return values.read(Cell, self._one("PATCH", path, "cell", body, revision))

    def delete_cell(self, reference: str) -> None:
        """Forget a cell without endpoints."""
        self.delete("cells", reference)

    def agents(self) -> tuple[Agent, ...]:
        """All agents that were ever heard of."""
        return tuple(self._all(Agent, "agents", {}))

    def confirm_agent(self, cell: str, gateway: str) -> Agent:
        """Have an agent that keeps another history follow this manager's database."""
        path = f"/v1/agents/{quoted(cell)}/{quoted(gateway)}/actions"
        return values.read(Agent, self._one("POST", path, "agent", {"confirm": {}}))
