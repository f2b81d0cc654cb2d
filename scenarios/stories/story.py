"""A story: a name, the topology it likes best, and the function that makes a scenario for any fit one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from topologies.model import Topology

from ..scenario import Scenario


class UnsuitableTopologyError(ValueError):
    """The topology lacks what the story needs. The message says what, and what to ask for instead."""

    exit_code = 2


class KnobError(ValueError):
    """A value that a story cannot take. The message says which it can."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Knob:
    """A figure of a story that may be set: how long something lasts, how often."""

    name: str
    meaning: str
    default: float
    low: float
    high: float

    def read(self, text: str | float) -> float:
        """The value. Raises KnobError."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high:
            raise KnobError(f"--set {self.name}={text}: {self.meaning}; choose {self.low:g} to {self.high:g}")
        return value


Knobs = Mapping[str, float]
NONE: Knobs = MappingProxyType({})
"""For stories that have none."""


@dataclass(frozen=True, slots=True)
class Story:
    """`build(topology, seed, knobs)` is pure: same arguments, same scenario. `knobs` is complete."""

    name: str
    summary: str
    topology: str
    settings: Mapping[str, int | str]
    build: Callable[[Topology, int, Knobs], Scenario]
    knobs: tuple[Knob, ...] = ()
