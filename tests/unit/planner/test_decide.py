"""What the planner decides: single cases, then random histories against what must always hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellnet_core.drivers.contract import Capabilities, NextHop
from cellnet_core.model.wire import IntentDocument
from cellnet_core.planner import decide
from cellnet_core.planner.seen import Memory
from tests.contract import samples
from tests.contract.samples import connection, intent
from tests.unit.planner.world import World

EAST4, EAST6 = samples.prefixes("east")
HOP1 = NextHop("wan1", samples.mac("main", 1), samples.mac("east", 1))
HOP2 = NextHop("wan2", samples.mac("main", 2), samples.mac("east", 2))


async def connected() -> World:
    """Both paths in use."""
    world = World()
    await world.forwarding.boot()
    world.peer_up()
    await world.converge(intent(connection()))
    assert world.forwarding.next_hops(EAST4) == (HOP1, HOP2)
    assert world.forwarding.next_hops(EAST6) == (HOP1, HOP2)
    return world


def told(test: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    """Run a story that starts with a connected world."""

    def run() -> None:
        async def story() -> None:
            await test(await connected())

        asyncio.run(story())

    run.__name__ = getattr(test, "__name__", "story")
    run.__doc__ = test.__doc__
    return run


@told
async def test_a_second_run_is_empty(world: World) -> None:
    assert not (await world.think(intent(connection()))).plan


@told
async def test_the_same_arguments_give_the_same_decision(world: World) -> None:
    world.forwarding.set_port("wan1", bfd="down")
    assert await world.think(intent(connection())) == await world.think(intent(connection()))


@told
async def test_a_path_that_is_down_comes_last_and_stays(world: World) -> None:
    world.forwarding.set_port("wan1", bfd="down")
    await world.converge(intent(connection()))
    assert world.forwarding.next_hops(EAST4) == (HOP2, HOP1)


@told
async def test_a_stall_of_all_paths_leaves_the_last_good_one_as_last_resort(world: World) -> None:
    world.forwarding.set_port("wan1", bfd="down")  # lost for good
    await world.converge(intent(connection()))
    world.clock.turn(10.0)
    world.forwarding.set_port("wan2", bfd="down")  # with everything else, for a moment
    assert not (await world.round(intent(connection()))).plan
    world.forwarding.set_port("wan2", bfd="up")
    assert not (await world.round(intent(connection()))).plan
    assert world.forwarding.next_hops(EAST4) == (HOP2, HOP1)


@told
async def test_a_stall_of_healthy_paths_reorders_nothing(world: World) -> None:
    for bfd in ("down", "up"):
        world.forwarding.set_port("wan1", bfd=bfd)  # type: ignore[arg-type]
        world.forwarding.set_port("wan2", bfd=bfd)  # type: ignore[arg-type]
        assert not (await world.round(intent(connection()))).plan
        world.clock.turn(0.9)


@told
async def test_a_silent_speaker_costs_no_route(world: World) -> None:
    world.speaker.faults.unavailable = True
    decision = await world.round(intent(connection()))
    assert not decision.plan
    assert {c.type for c in decision.outlooks[0].conditions} == {"SpeakerUnknown"}
    assert decision.outlooks[0].in_use["ipv4"] == (EAST4,)


@told
async def test_a_silent_speaker_does_not_stop_the_repair_of_a_path(world: World) -> None:
    world.speaker.faults.unavailable = True
    world.forwarding.set_port("wan1", bfd="down")
    await world.converge(intent(connection()))
    assert world.forwarding.next_hops(EAST4) == (HOP2, HOP1)


@told
async def test_a_restarted_speaker_costs_no_route(world: World) -> None:
    world.peer.announced.clear()  # nothing comes back by itself
    world.speaker.restart()
    plans = await world.converge(intent(connection()))
    assert {a.driver for d in plans for a in d.plan.actions} == {"speaker"}
    assert world.forwarding.next_hops(EAST4) == (HOP1, HOP2)
    world.clock.turn(40.0)
    await world.converge(intent(connection()))
    assert world.forwarding.next_hops(EAST4) == ()


@told
async def test_a_peer_that_restarts_keeps_its_routes(world: World) -> None:
    world.peer.running = False
    world.wan.settle()
    assert not (await world.think(intent(connection()))).plan


@told
async def test_an_ended_session_takes_its_path_only(world: World) -> None:
    world.wan.cut(samples.link_addresses("main", 1)[0], samples.link_addresses("east", 1)[0])
    await world.converge(intent(connection()))
    assert world.forwarding.next_hops(EAST4) == (HOP2,)


@told
async def test_a_next_hop_outlives_the_kernels_memory(world: World) -> None:
    world.neighbors = ()
    assert {a.target for a in (await world.think(intent(connection()))).plan.actions} == {"flow 10.0.1.21"}


@told
async def test_an_unreadable_neighbour_table_changes_nothing(world: World) -> None:
    world.neighbors = None
    assert not (await world.think(intent(connection()))).plan


@told
async def test_a_new_mac_of_the_far_end_is_taken(world: World) -> None:
    world.neighbors = tuple(
        replace(n, mac="02:ff:ff:ff:ff:01") if n.interface == "ip-wan1" else n for n in world.neighbors or ()
    )
    await world.converge(intent(connection()))
    assert world.forwarding.next_hops(EAST4)[0].destination_mac == "02:ff:ff:ff:ff:01"


@told
async def test_an_agent_that_lost_its_memory_touches_nothing(world: World) -> None:
    world.memory = Memory()
    assert not (await world.think(intent(connection()))).plan


@told
async def test_without_memory_and_speaker_nothing_is_removed(world: World) -> None:
    world.memory = Memory()
    world.speaker.faults.unavailable = True
    assert not (await world.think(intent(connection()))).plan


@told
async def test_without_any_intent_nothing_is_removed(world: World) -> None:
    world.memory = Memory()
    assert not (await world.think(None)).plan


@told
async def test_absent_waits_for_a_speaker_that_is_silent(world: World) -> None:
    world.speaker.faults.unavailable = True
    decision = await world.think(intent(connection(phase="absent")))
    assert not decision.plan
    assert decision.outlooks[0].stage.value == "unknown"


@told
async def test_absent_waits_for_a_gateway_that_is_silent(world: World) -> None:
    world.forwarding.faults.stale = True
    decisions = await world.converge(intent(connection(phase="absent")))
    assert decisions[-1].outlooks[0].stage.value == "unroute"
    assert world.speaker.neighbors


@told
async def test_drift_is_repaired_both_ways(world: World) -> None:
    world.forwarding.lose(EAST4)
    world.forwarding.plant("10.99.0.0/16")
    world.speaker.lose("main-east-1", "10.0.1.0/24")
    decision = await world.round(intent(connection()))
    assert [(a.verb, a.target) for a in decision.plan.actions] == [
        ("add", f"flow {EAST4}"),
        ("add", "announcement 10.0.1.0/24 to main-east-1"),
        ("remove", "flow 10.99.0.0/16"),
    ]
    assert not (await world.think(intent(connection()))).plan


@told
async def test_a_family_that_a_driver_lacks_is_said_and_not_planned(world: World) -> None:
    lacking = Capabilities("small", "1", {"ipv4": True, "ipv6": "its tables know IPv4 only"})
    world.south = decide.southbound(
        world.speaker.plan, world.forwarding.plan, world.speaker.capabilities(), lacking
    )
    decision = await world.think(intent(connection()))
    (condition,) = [c for c in decision.outlooks[0].conditions if c.type == "FamilyUnsupported"]
    assert "small: its tables know IPv4 only" in condition.message
    assert all(":" not in route.prefix for route in decision.forwarding.routes)
    assert {n.families for n in decision.speaker.neighbors} == {("ipv4",)}


@told
async def test_an_unknown_port_is_said_and_the_other_path_works(world: World) -> None:
    whole = connection()
    first = whole.paths[0].model_copy(update={"interface": "wan9"})
    decision = await world.round(intent(whole.model_copy(update={"paths": (first, whole.paths[1])})))
    assert "InterfaceUnknown" in {c.type for c in decision.outlooks[0].conditions}
    assert decision.forwarding.routes[0].next_hops == (HOP2,)


def test_unresolved_peers_are_named_before_any_route_is_learned() -> None:
    async def story() -> None:
        world = World()
        world.neighbors = ()
        decision = await world.think(intent(connection()))
        assert decision.unresolved[0] == ("ip-wan1", "172.16.0.1", "172.16.0.2")
        assert len(decision.unresolved) == 4

    asyncio.run(story())


# --- random histories --------------------------------------------------------------------------------

EVENTS = st.sampled_from(
    [
        "present", "absent", "one path", "empty", "peer", "leak", "peer gone", "cut", "mend",
        "bfd down", "bfd up", "no neighbours", "neighbours", "unknown neighbours", "speaker restart",
        "speaker silent", "gateway silent", "gateway restart", "all well", "drift", "second", "minute",
        "forget",
    ]
)  # fmt: skip


async def happen(world: World, event: str, current: IntentDocument) -> IntentDocument:
    """One event; the intent that is wanted afterwards."""
    ends = samples.link_addresses("main", 1)[0], samples.link_addresses("east", 1)[0]
    match event:
        case "present":
            return intent(connection())
        case "absent":
            return intent(connection(phase="absent"))
        case "one path":
            return intent(connection(paths=1, revision=2))
        case "empty":
            return intent()
        case "peer":
            world.peer_up()
        case "leak":
            world.peer_up(extra=("0.0.0.0/0", "10.0.77.0/24", "10.0.1.0/25"))
        case "peer gone":
            world.peer.restart()
        case "cut":
            world.wan.cut(*ends)
        case "mend":
            world.wan.mend(*ends)
        case "bfd down":
            world.forwarding.set_port("wan1", bfd="down")
        case "bfd up":
            world.forwarding.set_port("wan1", bfd="up")
        case "no neighbours":
            world.neighbors = ()
        case "neighbours":
            world.neighbors = samples.kernel_neighbors()
        case "unknown neighbours":
            world.neighbors = None
        case "speaker restart":
            world.speaker.restart()
        case "speaker silent":
            world.speaker.faults.unavailable = True
        case "gateway silent":
            world.forwarding.faults.stale = True
        case "gateway restart":
            world.forwarding.restart()
        case "all well":
            world.speaker.faults.unavailable = world.forwarding.faults.stale = False
            await world.forwarding.boot()
        case "drift":
            world.forwarding.plant("10.66.0.0/16")
        case "second":
            world.clock.turn(1.0)
        case "minute":
            world.clock.turn(60.0)
        case "forget":
            world.memory = Memory()
    return current


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=14))
def test_random_histories(events: list[str]) -> None:
    allowed = set(samples.prefixes("east"))

    async def history() -> None:
        world = World()
        await world.forwarding.boot()
        wanted = intent()
        for event in events:
            wanted = await happen(world, event, wanted)
            seen_speaker, seen_gateway = await world.speaker.observe(), await world.forwarding.observe()
            had_announcements = bool(world.speaker.announced)
            remote_flows = {match for match in world.forwarding.flows if match in allowed}
            decision = await world.round(wanted)
            actions = decision.plan.actions
            # No route to what nobody may announce, whatever is said.
            assert {route.prefix for route in decision.forwarding.routes} <= allowed
            # One order for both drivers.
            assert [a.order for a in actions] == sorted(a.order for a in actions)
            # Who was not seen is not touched.
            assert seen_speaker.fresh or all(a.driver != "speaker" for a in actions)
            assert seen_gateway.fresh or all(a.driver != "gateway" for a in actions)
            removed = {a.target for a in actions if a.verb == "remove"}
            # Not hearing the speaker removes no route of a connection.
            if not seen_speaker.fresh and wanted.connections:
                assert not removed & {f"flow {prefix}" for prefix in allowed}
            # Taken down in order: routes only after announcements, neighbours only after routes.
            if wanted.connections and wanted.connections[0].phase == "absent":
                if had_announcements:
                    assert not removed & {f"flow {prefix}" for prefix in allowed}
                if remote_flows:
                    assert not any(target.startswith("neighbour") for target in removed)
        wanted = await happen(world, "all well", wanted)
        world.neighbors = samples.kernel_neighbors()
        await world.converge(wanted)
        assert not (await world.round(wanted)).plan
        # What is not wanted is gone.
        if not any(c.phase == "present" for c in wanted.connections):
            assert not world.speaker.neighbors
            assert not set(world.forwarding.flows) & allowed

    asyncio.run(history())


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "10.0.0.0/8", "10.0.2.1/24", "nonsense", "10.0.1.0/25"])
def test_planted_leak_is_never_routed(prefix: str) -> None:
    async def story() -> None:
        world = await connected()
        world.peer_up(extra=(prefix,))
        decision = await world.think(intent(connection()))
        assert prefix not in {route.prefix for route in decision.forwarding.routes}
        assert "RouteRefused" in {c.type for c in decision.outlooks[0].conditions}

    asyncio.run(story())
