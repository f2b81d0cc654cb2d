"""The odd moments that cost most when they go wrong, each once: short enough for `make test-lab`."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from simulator import lab
from tests.soak import invariants
from tests.soak.acts import Acts
from tests.soak.plans import Act
from tests.soak.world import World
from topologies import sources

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(180)]
SETTLE_S = 60.0

Up = Callable[..., World]


@pytest.fixture
def up(labs: None) -> Up:
    """Starts a lab with an endpoint in each cell."""

    def start(name: str, **settings: int) -> World:
        return World.of(lab.up(sources.resolve(name, settings), bfd_ms=100))

    return start


def test_a_careless_hand_is_put_right_and_a_meant_one_is_not(up: Up) -> None:
    world = up("two-cells")
    before = invariants.baseline(world)
    # A cable that is down is somebody's will, whichever agent starts meanwhile.
    cut = world.lab.inject({"kind": "cut", "link": "main-east-1"})
    for gateway in ("main-gw1", "east-gw1"):
        world.lab.restart_service(f"agent@{gateway}")
        link = world.lab.exec(gateway, ["ip", "-brief", "link", "show", "wan1"])
        assert link.stdout.split()[1] == "DOWN"
    world.lab.clear(cut)
    world.connect(("main", "east"))
    acts = Acts(world)
    on_main = (
        "lan addresses removed",
        "link address removed",
        "lan forwarding off",
        "firewall flushed",
        "routes removed",
        "controller elsewhere",
        "everything dropped",
    )
    on_east = ("group emptied", "internal port removed", "bfd off", "patch removed", "fail mode")
    assert invariants.settle(world, SETTLE_S) == []
    acts.run(
        [
            *(Act(0.0, "spoil", ("main-gw1", what)) for what in on_main),
            *(Act(0.0, "spoil", ("east-gw1", what)) for what in on_east),
        ]
    )
    assert invariants.check(world, before, SETTLE_S) == []
    for setting, value in (("net.ipv4.conf.ip-lan.forwarding", "1"), ("net.ipv4.conf.all.rp_filter", "0")):
        assert world.lab.exec("main-gw1", ["sysctl", "-n", setting]).stdout.strip() == value
    assert "policy drop" in world.lab.exec("main-gw1", ["nft", "list", "ruleset"]).stdout
    switch = world.lab.exec("east-gw1", ["ovs-vsctl", "get-fail-mode", "br-phy"])
    assert switch.stdout.strip() == "secure"


def test_killed_while_connecting_and_while_leaving(up: Up) -> None:
    world = up("two-cells")
    before = invariants.baseline(world)
    pair = ("main", "east")
    acts = Acts(world)
    acts.run(
        [
            Act(0.0, "connect", (pair,)),
            Act(0.1, "kill", ("agent@main-gw1", "speaker@east-gw1", "manager@main-mgr")),
            Act(0.6, "kill", ("switch@main-gw1", "ovsdb@main-gw1")),
        ]
    )
    assert invariants.settle(world, SETTLE_S) == []
    # The order reaches neither gateway at first: one is cut off, one has no agent.
    acts.run(
        [
            Act(0.0, "fault", ({"kind": "partition", "nodes": ["main-gw1"]}, 3.0)),
            Act(0.3, "kill", ("agent@east-gw1", "controller@east-ctl1")),
            Act(0.35, "disconnect", (pair,)),
            Act(0.6, "kill", ("speaker@main-gw1", "manager@main-mgr")),
        ]
    )
    assert invariants.check(world, before, SETTLE_S) == []


def test_three_at_once_and_gone_in_any_order(up: Up) -> None:
    world = up("main-and-subs", cells=4)
    before = invariants.baseline(world)
    for pair in world.pairs:
        world.connect(pair)
    world.until(lambda: not world.settled(), SETTLE_S, "all are ONLINE")
    assert invariants.tables(world) + invariants.packets(world) == []
    for pair in Random(4).sample(world.pairs, 3):
        world.disconnect(pair)
    assert invariants.check(world, before, SETTLE_S) == []


def test_again_and_again_leaves_nothing(up: Up) -> None:
    world = up("two-cells", hosts=0)
    before = invariants.baseline(world)
    pair = ("main", "east")
    # A lab is up when its services are; the agents may be at their gateways' own flows still.
    world.until(lambda: _as_wanted(world), SETTLE_S, "the gateways are as wanted")
    tables = invariants.dump(world, "main-gw1")
    for _ in range(6):
        world.connect(pair)
        world.until(lambda: not world.settled(), SETTLE_S, "it is ONLINE")
        world.disconnect(pair)
        world.until(lambda: not world.settled(), SETTLE_S, "it is gone")
    assert invariants.check(world, before, SETTLE_S) == []
    assert invariants.dump(world, "main-gw1") == tables


def _as_wanted(world: World) -> bool:
    """Whether every agent has seen all of its gateway, and nothing differs."""
    agents = world.ask(lambda client: client.agents())
    truth = [part["status"] for agent in agents for part in agent.document["truth"]]
    return len(agents) == 2 and bool(truth) and set(truth) == {"AS_WANTED"}
