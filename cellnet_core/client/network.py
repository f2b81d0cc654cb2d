"""Calls about the network as a whole."""

from __future__ import annotations

from cellnet_core.client import values
from cellnet_core.client.transport import Transport


class NetworkCalls(Transport):
    """Part of the client."""

    def topology(self) -> values.Document:
        """All cells, connections and paths as they are now."""
        return self._one("GET", "/v1/topology", "topology")

    def paths(self, origin: str, target: str) -> values.Document:
        """What joins two cells (id, name or Nova cell uuid): paths, and how many of them survive."""
        document: values.Document = self._request("GET", "/v1/paths", query={"from": origin, "to": target})
        return document
