"""Each service killed in the middle of each change of a connection: it ends as ordered, whole, on both sides.

A moment is a part of the time that the change takes when nothing is in its way. What is in the tables is read
from the switches themselves, and what processes and files are there from the kernel.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator import lab
from tests.soak import invariants
from tests.soak.world import World
from topologies import sources

pytestmark = [pytest.mark.scenario, pytest.mark.soak, pytest.mark.timeout(600)]
SEED = 20261123
PAIR = ("main", "east")
SETTLED_WITHIN = 60.0
SERVICES = ("manager@main-mgr", "agent@east-gw1")
"""Ours, where the half of a change would be."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(tmp_path / "run"))
    made = World.of(lab.up(sources.resolve("two-cells", {"paths": 2}), name="moments", bfd_ms=100))
    yield made
    made.lab.down()


def settled(world: World) -> None:
    """Every service runs again, and everything is as ordered."""

    def missing() -> str:
        late = [f"{service.name} is {service.state}" for service in world.lab.services() if not service.ready]
        return "; ".join(late) or world.settled()

    world.until(lambda: missing() == "", SETTLED_WITHIN, "as ordered")


def changes(world: World, number: int) -> dict[str, Callable[[], None]]:
    """What is ordered, one after the other; after all of them it is as before."""
    return {
        "provision": lambda: world.connect(PAIR),
        "timers": lambda: world.change(PAIR, {"hold_time": 30 + number}),
        "one family": lambda: world.change(PAIR, {"families": ["ipv4"]}),
        "prefixes": lambda: world.announce("east", (f"10.77.{number}.0/24",)),
        "off": lambda: world.change(PAIR, {"enabled": False}),
        "delete": lambda: world.disconnect(PAIR),
    }


@pytest.mark.parametrize("ours", [pytest.param(True, id="ours"), pytest.param(False, id="others")])
def test_services_killed_in_the_middle_of_changes(world: World, ours: bool) -> None:
    chosen = random.Random(SEED)
    before = invariants.baseline(world)
    known = {service.name for service in world.lab.services()}
    assert set(SERVICES) < known, known
    usual: dict[str, float] = {}
    for what, order in changes(world, 0).items():
        began = time.monotonic()
        order()
        settled(world)
        usual[what] = time.monotonic() - began
    for number, service in enumerate(SERVICES if ours else sorted(known - set(SERVICES)), start=1):
        for what, order in changes(world, number).items():
            moment = chosen.uniform(0.0, 1.0) * usual[what]
            order()
            time.sleep(moment)
            world.lab.kill_service(service, signal.SIGKILL)
            try:
                settled(world)
            except AssertionError as error:
                place = f"{service} killed {moment:.3f} s into {what}, seed {SEED}"
                raise AssertionError(f"{place}: {error}; {world.settled()}") from error
        world.announce("east", ())
        assert (wrong := invariants.check(world, before, SETTLED_WITHIN)) == [], f"after {service}: {wrong}"
