"""The fixtures. Light: whatever they give is imported when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from scenarios.plugin import hooks

if TYPE_CHECKING:
    import random

    from cellnet_core.client import Client
    from scenarios.plugin.case import Case
    from scenarios.plugin.expecting import Expect
    from scenarios.plugin.history import Timeline
    from scenarios.plugin.injecting import Faults
    from scenarios.plugin.playing import Player
    from scenarios.plugin.probing import Probes
    from scenarios.plugin.recording import Captures
    from simulator.client import LabClient


@pytest.fixture
def cellnet_case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """The test's lab with all that belongs to it; the other fixtures are its parts.

    Skips if this machine cannot run a lab or has not what the test needs. Afterwards the lab is reset and
    proved clean, or replaced; what the test left behind is an error of this test.
    """
    case = hooks.begin(request)
    yield case
    hooks.give_back(request.node, case)


@pytest.fixture
def cellnet_repetition(request: pytest.FixtureRequest) -> int:
    """Which repetition of `--cellnet-repeat` this is, from 1."""
    number: int = getattr(request, "param", 1)
    return number


@pytest.fixture
def lab(cellnet_case: Case) -> LabClient:
    """A running lab, all services ready, as if it were new. Markers: topology, driver, needs."""
    return cellnet_case.lent.client


@pytest.fixture
def cellnet(cellnet_case: Case) -> Client:
    """The API of the lab's manager."""
    return cellnet_case.lent.api


@pytest.fixture
def faults(cellnet_case: Case) -> Faults:
    """Breaks things: `with faults.cut("main-east-1"):`; undone at the end of the test at the latest."""
    return cellnet_case.faults


@pytest.fixture
def probe(cellnet_case: Case) -> Probes:
    """Starts flows of packets: `flows = probe("main", "east")`; `flows.outages`, `flows.lost`."""
    return cellnet_case.probes


@pytest.fixture
def timeline(cellnet_case: Case) -> Timeline:
    """What happened since the test began: `timeline(kind="path")`."""
    return cellnet_case.timeline


@pytest.fixture
def expect(cellnet_case: Case) -> Expect:
    """Waiting and judging: `expect.eventually(...)`, `expect.budget(flows, outage_ms=50)`."""
    return cellnet_case.expect


@pytest.fixture
def capture(cellnet_case: Case) -> Captures:
    """Captures packets: `packets = capture("wan", expression="icmp")`; ended with the test."""
    return cellnet_case.captures


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Iterator[Player]:
    """Plays a scenario: a value, the name of a story, or a YAML file. Fails or skips as its verdict says."""
    from scenarios.plugin.playing import Player

    player = Player(request)
    yield player
    player.finish()


@pytest.fixture
def cellnet_rng(cellnet_case: Case) -> random.Random:
    """Randomness of this test's own, from `--cellnet-seed` and the test's name."""
    return cellnet_case.rng
