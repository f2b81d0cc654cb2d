"""A lab with a connection that is ONLINE, and hands on the main cell's gateway."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from cellnet_core.client import Client, Drift
from simulator.client import LabClient

FOUND_WITHIN = 5.0
"""Seconds from a change by hand to its drift; what the issue asks."""
PATIENCE = 20.0
GATEWAY = "main-gw1"
SPEAKER = f"/run/lab/nodes/{GATEWAY}/speaker"
Found = TypeVar("Found")


class Setting:
    """The lab, its manager's client, and hands on the main cell's gateway."""

    def __init__(self, machine: LabClient, client: Client) -> None:
        self.machine = machine
        self.client = client

    def by_hand(self, *argv: str) -> str:
        """What somebody types at the gateway."""
        done = self.machine.exec(GATEWAY, list(argv))
        assert done.returncode == 0, done
        return str(done.stdout)

    def flows(self) -> str:
        return self.by_hand("ovs-ofctl", "-O", "OpenFlow13", "dump-flows", "br-phy", "table=10")

    def drift(self, part: str, **filters: str) -> Callable[[], Drift | None]:
        """Finds the drift of an object whose name has this part."""

        def look() -> Drift | None:
            return next((d for d in self.client.drifts(cell="main", **filters) if part in d.object), None)

        return look

    def next_drift(self, part: str, **filters: str) -> Callable[[], Drift | None]:
        """The same of one that is not known yet."""
        known = {drift.id for drift in self.client.drifts(cell="main")}

        def look() -> Drift | None:
            found = self.client.drifts(cell="main", **filters)
            return next((d for d in found if part in d.object and d.id not in known), None)

        return look

    def policy(self, word: str) -> None:
        """The drift policy of the main cell; in force once its agent says so."""
        cell = self.client.cell("main")
        kept = ("name", "asn", "kind", "nova_cell_uuid", "prefixes", "description")
        fields = {name: cell.document[name] for name in kept} | {"drift_policy": word}
        self.client.replace_cell(cell.id, fields)
        within(PATIENCE, lambda: self._is_told() or None)

    def _is_told(self) -> bool:
        return all(a.generation == a.observed_generation for a in self.client.agents() if a.cell == "main")


def within(seconds: float, look: Callable[[], Found | None]) -> Found:
    """What `look` finds, within that time."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found
