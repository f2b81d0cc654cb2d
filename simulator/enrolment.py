"""Waits until the lab's manager has heard from every agent: only then can endpoints be made of gateways.

Asks the manager's own API over its unix socket, like any user; knows nothing else of it.
"""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from simulator.errors import NotReadyError
from topologies.model import Topology

_PAUSE = 0.05
_ANSWER_SECONDS = 2.0


def wait(socket: Path, topology: Topology, seconds: float) -> None:
    """Return when an agent of each gateway has reported. Raises NotReadyError with those missing."""
    missing = {gateway.name for cell in topology.cells for gateway in cell.gateways}
    deadline = time.monotonic() + seconds
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(socket), verify=False),
        base_url="http://manager",
        timeout=_ANSWER_SECONDS,
    ) as manager:
        while missing:
            try:
                answer = manager.get("/v1/agents")
                answer.raise_for_status()
            except httpx.HTTPError as error:
                problem = str(error)
            else:
                # One that has enrolled is listed before it has said anything.
                agents = answer.json()["agents"]
                missing -= {agent["gateway"] for agent in agents if agent["last_seen_at"] is not None}
                problem = f"no report from the agent of {', '.join(sorted(missing))}"
            if missing and time.monotonic() > deadline:
                raise NotReadyError(f"the manager does not know all agents after {seconds:g} s: {problem}")
            if missing:
                time.sleep(_PAUSE)
