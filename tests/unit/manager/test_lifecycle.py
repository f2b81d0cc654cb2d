"""The whole way of a connection, over the services and a real database."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cellnet_core.manager.cells import CellRequest
from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.manager.errors import ConflictError, InvalidError, NotFoundError, PreconditionError
from cellnet_core.manager.resolution import EndpointRequest
from cellnet_core.store.records import TimersRecord
from tests.unit.manager.world import EAST, MAIN, World, inventory, obey

PROFILE = TimersRecord()


def test_a_connection_comes_online_only_when_both_sides_say_so(world: World) -> None:
    world.add_cells()
    world.add_endpoints()
    world.connect()
    connections = world.manager.connections
    assert connections.get("main-east").status.operating_status == "OFFLINE"
    assert connections.get("main-east").status.provisioning_status == "PENDING_CREATE"
    world.obey("main")
    assert connections.get("main-east").status.operating_status == "OFFLINE"
    world.obey("east")
    view = connections.get("main-east")
    assert view.status.operating_status == "ONLINE"
    assert view.status.provisioning_status == "ACTIVE"
    assert view.status.observed_revision == view.record.revision_number == 1
    assert [c.type for c in view.status.conditions if c.status != "True"] == []


def test_both_sides_are_told_the_same_paths_and_one_waits(world: World) -> None:
    world.online()
    (mine,), (theirs,) = world.intent("main").connections, world.intent("east").connections
    assert [p.name for p in mine.paths] == [p.name for p in theirs.paths] == ["main-east-1", "main-east-2"]
    for near, far in zip(mine.paths, theirs.paths, strict=True):
        assert near.local_addresses == far.remote_addresses
        assert near.remote_addresses == far.local_addresses
        assert (near.passive, far.passive) == (False, True)
    assert mine.remote.prefixes == theirs.prefixes == EAST.prefixes
    assert mine.remote.health_addresses == ("10.0.2.11", "fdce:11:0:2::11")


def test_a_generation_grows_only_when_that_agents_intent_changes(world: World) -> None:
    world.online()
    world.manager.cells.create(CellRequest("west", 65003, prefixes=("10.0.3.0/24", "fdce:11:0:3::/64")))
    west = inventory(3, 65003, paths=1, end=2, first_link=9)
    world.report("west", obey(None, west, 1))
    world.manager.endpoints.create(EndpointRequest("west-ep", "west"))
    main_offers = MAIN.model_copy(update={"ports": (*MAIN.ports, *inventory(1, 65001, 1, 1, 9).ports)})
    main_offers = main_offers.model_copy(
        update={"ports": (*MAIN.ports, main_offers.ports[2].model_copy(update={"interface": "wan3"}))}
    )
    world.report("main", obey(world.intent("main"), main_offers, 99, "life-1"))
    world.manager.endpoints.create(EndpointRequest("main-ep2", "main"))
    before = {cell: world.intent(cell).generation for cell in ("main", "east", "west")}
    world.manager.connections.create(ConnectionRequest("main-west", "main-ep2", "west-ep", PROFILE))
    after = {cell: world.intent(cell).generation for cell in ("main", "east", "west")}
    assert after == {"main": before["main"] + 1, "east": before["east"], "west": before["west"] + 1}
    world.restart()
    assert {cell: world.intent(cell).generation for cell in after} == after


def test_a_deleted_connection_vanishes_when_both_agents_reported_it_absent(world: World) -> None:
    world.online()
    world.manager.connections.delete("main-east")
    assert world.manager.connections.get("main-east").status.provisioning_status == "PENDING_DELETE"
    assert [c.phase for c in world.intent("main").connections] == ["absent"]
    world.manager.connections.delete("main-east")  # safe to repeat
    with pytest.raises(ConflictError, match="main-ep is used by connection main-east"):
        world.manager.endpoints.delete("main-ep")
    world.obey("main")
    assert world.manager.connections.get("main-east").status.provisioning_status == "PENDING_DELETE"
    world.obey("east")
    with pytest.raises(NotFoundError):
        world.manager.connections.get("main-east")
    assert world.event_types()[-1] == "connection.deleted"
    empty = world.intent("main")
    assert empty.connections == ()
    assert empty.confirmed_empty
    world.manager.endpoints.delete("main-ep")


def test_an_old_report_does_not_make_a_deletion_complete(world: World) -> None:
    """Planted: both agents' reports from before the deletion arrive after it."""
    world.online()
    old = {cell: world.intent(cell) for cell in ("main", "east")}
    world.manager.connections.delete("main-east")
    for cell, offers in (("main", MAIN), ("east", EAST)):
        world.sequence += 1
        late = obey(old[cell], offers, world.sequence, "life-1").model_copy(update={"connections": ()})
        world.report(cell, late)
    assert world.manager.connections.get("main-east").status.provisioning_status == "PENDING_DELETE"


def test_agents_that_were_never_heard_of_do_not_hold_up_a_deletion(world: World) -> None:
    world.add_cells()
    for cell, offers in (("main", MAIN), ("east", EAST)):
        world.manager.endpoints.create(_said_in_full(cell, offers.ports[0].addresses))
    world.connect()
    assert world.manager.connections.get("main-east").status.operating_status == "UNKNOWN"
    world.manager.connections.delete("main-east")
    with pytest.raises(NotFoundError):
        world.manager.connections.get("main-east")


def _said_in_full(cell: str, addresses: tuple[str, ...]) -> EndpointRequest:
    from cellnet_core.manager.resolution import PortRequest

    number = 1 if cell == "main" else 2
    return EndpointRequest(
        f"{cell}-ep",
        cell,
        gateway=f"{cell}-gw1",
        interfaces=(PortRequest("wan1", addresses),),
        health_check_addresses=(f"10.0.{number}.11", f"fdce:11:0:{number}::11"),
    )


def test_silence_is_unknown_with_the_age_and_never_stale(world: World) -> None:
    world.online()
    world.clock.advance(5.9)
    world.obey("main")
    assert world.manager.connections.get("main-east").status.operating_status == "ONLINE"
    world.clock.advance(0.2)
    status = world.manager.connections.get("main-east").status
    assert status.operating_status == "UNKNOWN"
    reporting = next(c for c in status.conditions if c.type == "AgentsReporting")
    assert reporting.message == "the agent of east/east-gw1 last reported 6.1 s ago"
    assert all(c.status == "Unknown" for c in status.conditions if c.type in ("HealthChecked", "PathsUp"))
    sessions = world.event_types().count("connection.operating_status")
    world.manager.monitor.tick()
    world.manager.monitor.tick()
    assert world.event_types().count("connection.operating_status") == sessions + 1
    world.obey("east")
    assert world.manager.connections.get("main-east").status.operating_status == "ONLINE"
    assert world.event_types()[-2:] == ["agent.heard", "connection.operating_status"]


def test_a_restart_of_the_manager_is_no_event_of_the_connection(world: World) -> None:
    world.online()
    before = world.event_types()
    since = {c.type: c.since for c in world.manager.connections.get("main-east").status.conditions}
    world.clock.advance(3)
    world.restart()
    assert world.manager.connections.get("main-east").status.operating_status == "UNKNOWN"
    world.obey()
    view = world.manager.connections.get("main-east")
    assert view.status.operating_status == "ONLINE"
    assert {c.type: c.since for c in view.status.conditions} == since
    assert world.event_types() == before


def test_after_a_restart_agents_that_stay_silent_are_noticed(world: World) -> None:
    world.online()
    world.restart()
    world.manager.monitor.tick()
    assert world.event_types()[-1] != "agent.silent"
    world.clock.advance(6.1)
    world.manager.monitor.tick()
    assert world.event_types().count("agent.silent") == 2
    assert world.event_types().count("connection.operating_status") >= 2


def test_reports_out_of_order_and_of_former_lives_are_dropped(world: World) -> None:
    world.online()
    intent = world.intent("main")
    bad = obey(intent, MAIN, 1, "life-1").model_copy(update={"connections": ()})
    world.report("main", bad)  # sequence 1 was long ago
    assert world.manager.connections.get("main-east").status.operating_status == "ONLINE"
    world.report("main", obey(intent, MAIN, 1, "second life"))
    world.report("main", bad.model_copy(update={"sequence": 1000}))  # of the first life
    assert world.manager.connections.get("main-east").status.operating_status == "ONLINE"


def test_an_agent_ahead_of_the_database_is_noticed_and_told_nothing_newer(world: World) -> None:
    """Planted: the database is older than the agent (restored). Nothing may be taken down because of that."""
    world.online()
    before = world.intent("main").generation
    for _ in range(2):
        world.sequence += 1
        ahead = obey(world.intent("main"), MAIN, world.sequence, "life-1").model_copy(
            update={"generation": 41}
        )
        world.report("main", ahead)
    assert world.event_types().count("agent.astray") == 1
    assert world.intent("main").generation == before
    status = world.manager.connections.get("main-east").status
    assert status.operating_status == "DEGRADED"
    assert [c.reason for c in status.conditions if c.status == "False"] == ["AgentAstray"]
    assert asyncio.run(_next(world, 41, 0)) is None


def test_disabling_takes_it_down_and_enabling_brings_it_back(world: World) -> None:
    world.online()
    connections = world.manager.connections
    request = ConnectionRequest("main-east", "main-ep", "east-ep", PROFILE, enabled=False)
    connections.put("main-east", request, expected=1)
    assert [c.phase for c in world.intent("east").connections] == ["absent"]
    world.obey()
    status = connections.get("main-east").status
    assert (status.provisioning_status, status.operating_status) == ("ACTIVE", "OFFLINE")
    with pytest.raises(PreconditionError, match="is at revision 2, If-Match says 1"):
        connections.put("main-east", request, expected=1)
    generation = world.intent("main").generation
    connections.put("main-east", request, expected=None)  # nothing new
    assert world.intent("main").generation == generation
    back = ConnectionRequest("main-east", "main-ep", "east-ep", PROFILE)
    assert connections.put("main-east", back, expected=2)[0].status.provisioning_status == "PENDING_UPDATE"
    world.obey()
    assert connections.get("main-east").status.operating_status == "ONLINE"


@pytest.mark.parametrize(
    ("local", "remote", "code"),
    [
        ("main-ep", "main-ep", "connection.to_itself"),
        ("main-ep", "nowhere", "connection.endpoint_unknown"),
        ("main-ep", "main-ep2", "connection.same_cell"),
        ("main-ep", "east-ep", "connection.exists"),
        ("east-ep", "main-ep", "connection.exists"),
        ("main-ep2", "east-ep", "connection.path_in_use"),
    ],
)
def test_what_cannot_be_joined_is_refused_and_nothing_is_left(
    world: World, local: str, remote: str, code: str
) -> None:
    world.online()
    world.manager.endpoints.create(EndpointRequest("main-ep2", "main"))
    generation = world.intent("main").generation
    events = world.event_types()
    with pytest.raises((InvalidError, ConflictError)) as caught:
        world.manager.connections.create(ConnectionRequest("second", local, remote, PROFILE))
    assert caught.value.code == f"cell-network.{code}"
    assert world.intent("main").generation == generation
    assert world.event_types() == events


def test_what_a_driver_cannot_do_is_refused_with_its_reason(world: World) -> None:
    world.add_cells()
    world.add_endpoints()
    limited = MAIN.model_copy(update={"capabilities": {"exabgp": {"ipv4": True, "ipv6": "built without"}}})
    world.report("main", obey(world.intent("main"), limited, 50, "life-1"))
    with pytest.raises(ConflictError, match="exabgp of main/main-gw1 cannot do ipv6: built without"):
        world.connect()
    world.connect(families=("ipv4",))


def test_seeding_is_idempotent_and_leaves_what_exists(world: World) -> None:
    requests = [CellRequest("main", 65001, "main"), CellRequest("east", 65002)]
    assert world.manager.cells.seed(requests) == ("main", "east")
    world.manager.cells.put("east", CellRequest("east", 65002, description="changed"), None)
    assert world.manager.cells.seed(requests) == ()
    assert world.manager.cells.get("east").record.description == "changed"


def test_a_waiting_agent_is_woken_by_a_change_in_another_thread(world: World) -> None:
    world.add_cells()
    world.add_endpoints()

    async def scenario() -> int:
        generation = (await _next(world, -1, 0)) or 0
        waiting = asyncio.create_task(_next(world, generation, 30))
        while not world.manager.context.wakeups._waiters:
            await asyncio.sleep(0)
        thread = threading.Thread(target=world.connect)
        thread.start()
        found = await asyncio.wait_for(waiting, 10)
        thread.join()
        assert found is not None
        return found - generation

    assert asyncio.run(scenario()) == 1


def test_waiting_ends_when_its_time_is_over_or_the_manager_goes(world: World) -> None:
    world.add_cells()

    async def scenario() -> None:
        waiting = asyncio.create_task(_next(world, 0, 30))
        while not world.clock._sleepers:
            await asyncio.sleep(0)
        world.clock.advance(30.1)
        assert await asyncio.wait_for(waiting, 10) is None
        waiting = asyncio.create_task(_next(world, 0, 30))
        while not world.manager.context.wakeups._waiters:
            await asyncio.sleep(0)
        world.manager.context.wakeups.close()
        assert await asyncio.wait_for(waiting, 10) is None

    asyncio.run(scenario())


async def _next(world: World, after: int, wait: float) -> int | None:
    found = await world.manager.agents.next_intent("main", "main-gw1", after, wait)
    return None if found is None else found.generation
