"""Long and random: labs of changing shapes, dozens of kills each, and every invariant after every step.

CELLNET_SOAK_MINUTES bounds it (10), CELLNET_SOAK_SEED replays it; the seed is printed at the start and with
every failure. `make soak` runs it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from random import Random

import pytest

from simulator import lab
from tests.soak import invariants, plans
from tests.soak.acts import Acts
from tests.soak.ledger import Ledger
from tests.soak.world import World
from topologies import sources

MINUTES = float(os.environ.get("CELLNET_SOAK_MINUTES", "10"))
SEED = int(os.environ.get("CELLNET_SOAK_SEED", str(time.time_ns() % 1_000_000)))
STEPS_PER_LAB = 12
BFD_MS = 100
"""At 10 ms a machine that is busy with other things takes paths down by itself, and nothing settles."""
SETTLE_S = 75.0
"""A speaker's restart time of 30 s, a hold time of 9 s, and back-off of services that were killed again and
again; a busy machine needs the rest."""
GROWTH_MB = 40.0
SHAPES: tuple[tuple[str, dict[str, int]], ...] = (
    ("two-cells", {"paths": 2}),
    ("two-cells", {"paths": 4, "hosts": 3}),
    ("main-and-subs", {"cells": 4}),
    ("ring", {"cells": 4}),
    ("full-mesh", {"cells": 4, "hosts": 0}),
    ("main-and-subs", {"cells": 3, "paths": 3, "hosts": 2}),
    ("full-mesh", {"cells": 3, "paths": 2}),
)

pytestmark = pytest.mark.soak


@pytest.mark.timeout(MINUTES * 60 + 600)
def test_everything_heals(labs: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    random = Random(SEED)
    deadline = time.monotonic() + MINUTES * 60
    steps = 0

    def tell(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    tell(f"\nsoak: CELLNET_SOAK_SEED={SEED}, {MINUTES:g} minutes")
    while time.monotonic() < deadline:
        name, settings = random.choice(SHAPES)
        steps_seed = random.randrange(1 << 32)
        tell(f"soak: lab {name} {settings}, steps {steps_seed}")
        world = World.of(lab.up(sources.resolve(name, settings), name="soak", bfd_ms=BFD_MS))
        steps += soak(world, Random(steps_seed), deadline, tell)
        world.lab.down()
    tell(f"soak: {steps} steps, all healed")


def soak(world: World, random: Random, deadline: float, tell: Callable[[str], None]) -> int:
    """Steps on one lab; how many. Raises AssertionError with what did not heal, and the step."""
    acts = Acts(world)
    before = invariants.baseline(world)
    for pair in world.pairs:
        world.connect(pair)
    assert invariants.check(world, before, SETTLE_S) == []
    memory = invariants.memory_mb(world)
    ledger = Ledger(world)
    for number in range(STEPS_PER_LAB):
        if time.monotonic() > deadline:
            return number
        step = plans.step(random, acts.setting, frozenset(world.wanted))
        script = "; ".join(str(act) for act in step)
        tell(f"soak: step {number}: {script}")
        start = time.monotonic()
        with ledger.writing(Random(random.randrange(1 << 32))):
            acts.run(step)
        healing = time.monotonic()
        problems = invariants.check(world, before, SETTLE_S) or ledger.problems()
        assert not problems, f"CELLNET_SOAK_SEED={SEED}, step {number}: {script}: {problems}"
        tell(f"soak:   {healing - start:.1f} s, healed and checked after {time.monotonic() - healing:.1f} s")
    grown = {
        name: f"{memory[name]:.0f} to {now:.0f} MB"
        for name, now in invariants.memory_mb(world).items()
        if name in memory and now > memory[name] + GROWTH_MB
    }
    assert not grown, f"CELLNET_SOAK_SEED={SEED}: memory grows: {grown}"
    tell(f"soak: {ledger.written} writes acknowledged, all there")
    return STEPS_PER_LAB
