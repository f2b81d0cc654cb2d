"""A story: a name, the topology it likes best, and the function that makes a scenario for any fit one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from topologies.model import Topology

from ..values import Scenario


class UnsuitableTopologyError(ValueError):
    """The topology lacks what the story needs. The message says what, and what to ask for instead."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Story:
    """`build(topology, seed)` is pure; the same arguments give the same scenario."""

    name: str
    summary: str
    topology: str
    settings: Mapping[str, int]
    build: Callable[[Topology, int], Scenario]
