"""A scenario: steps over a topology, each with what it expects and what it may cost. Values only.

A story (a function of a topology) or a file makes them, the runner plays them, reports print them. Words in
`title`, `what` and `expect` are for an audience.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from topologies.model import Topology

from .actions import Action
from .values import Budget, Expectation


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what we do, what should happen, what it may cost.

    `then` is waited for after the action (after faults were cleared) from one zero point; `budget` judges
    what the probes saw from the start of the step until after that.
    """

    name: str
    title: str
    what: str
    expect: str
    do: Action
    then: tuple[Expectation, ...] = ()
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole story over one topology. Running it needs nothing but this value."""

    name: str
    title: str
    summary: str
    topology: Topology
    steps: tuple[Step, ...]
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
