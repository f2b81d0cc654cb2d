"""How a pair of ports is found: by one key, whichever end is named first."""

from __future__ import annotations

import hashlib

from cellnet_core.store.records import AgentKey

Port = tuple[AgentKey, str]
"""Whose port it is, and the name of its interface."""


def key(one: Port, other: Port) -> str:
    """The same for both orders, and for no other pair."""
    ends = sorted((agent.cell_id, agent.gateway, interface) for agent, interface in (one, other))
    return hashlib.sha256("\n".join(part for end in ends for part in end).encode()).hexdigest()
