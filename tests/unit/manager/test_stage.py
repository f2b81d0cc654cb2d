"""The life of a connection: the table, the facts that drive it, and its drawing."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pytest

from cellnet_core.manager import stage
from cellnet_core.manager.stage import Facts
from cellnet_core.model import lifecycle
from cellnet_core.model.lifecycle import TABLE, Event, IllegalEventError, State
from tests.unit.manager.world import World

DRAWING = Path(__file__).parents[3] / "docs" / "lifecycle.md"
BEGIN, END = "```mermaid\n", "```\n"


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_is_a_step_of_the_table_or_a_typed_refusal_that_changes_nothing(
    state: State, event: Event
) -> None:
    before = {s: dict(steps) for s, steps in TABLE.items()}
    if event in TABLE[state]:
        assert lifecycle.advance(state, event) is TABLE[state][event]
    else:
        with pytest.raises(IllegalEventError) as refused:
            lifecycle.advance(state, event)
        assert (refused.value.state, refused.value.event) == (state, event)
        assert all(str(possible) in str(refused.value) for possible in TABLE[state])
    assert {s: dict(steps) for s, steps in TABLE.items()} == before


def test_every_state_can_be_reached_and_left_for_the_end() -> None:
    def reached(start: State) -> set[State]:
        seen, todo = {start}, [start]
        while todo:
            for after in TABLE[todo.pop()].values():
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return seen

    assert reached(State.DRAFT) == set(State)
    assert all(State.DELETED in reached(state) for state in State)


ALL_FACTS = [
    Facts(*values)
    for values in product(
        (True, False),
        (True, False),
        (True, False),
        ("PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE", "ACTIVE", "ERROR"),
        ("ONLINE", "DEGRADED", "OFFLINE", "UNKNOWN"),
    )
]


@pytest.mark.parametrize("state", list(State))
def test_whatever_is_known_ends_in_a_state_that_fits_it(state: State) -> None:
    for facts in ALL_FACTS:
        seen = [state]
        while (event := stage.next_event(seen[-1], facts)) is not None:
            seen.append(lifecycle.advance(seen[-1], event))
            assert len(seen) <= len(State), (facts, seen)
            assert seen[-1] not in (State.DRAINING, State.DRAINED)
        assert stage.follow(seen[-1], facts) is seen[-1]


def test_the_life_of_a_connection_from_create_to_gone(world: World) -> None:
    def state() -> str:
        return world.manager.connections.get("main-east").status.state

    world.add_cells()
    world.add_endpoints()
    world.connect()
    assert state() == "provisioning"
    world.obey("main")
    assert state() == "provisioning"  # one side is not enough
    world.obey("east")
    assert state() == "active"
    world.clock.advance(60)
    assert state() == "active"  # UNKNOWN is no event
    world.restart()
    assert state() == "active"
    world.obey()
    world.manager.connections.delete("main-east")
    assert state() == "teardown"
    world.obey("main")
    assert state() == "teardown"
    world.obey("east")
    assert world.manager.connections.page(_everything()).items == ()


def test_disabled_it_is_parked_and_comes_back(world: World) -> None:
    from cellnet_core.manager.connections import ConnectionRequest
    from cellnet_core.store.records import TimersRecord

    world.online()
    request = ConnectionRequest("main-east", "main-ep", "east-ep", TimersRecord(), enabled=False)
    seen = [world.manager.connections.put("main-east", request, None)[0].status.state]
    world.obey()
    seen.append(world.manager.connections.get("main-east").status.state)
    enabled = ConnectionRequest("main-east", "main-ep", "east-ep", TimersRecord())
    seen.append(world.manager.connections.put("main-east", enabled, None)[0].status.state)
    world.obey()
    seen.append(world.manager.connections.get("main-east").status.state)
    assert seen == ["teardown", "validated", "provisioning", "active"]


def test_an_error_is_retried() -> None:
    failing = Facts(True, False, False, "ERROR", "OFFLINE")
    assert stage.follow(State.PROVISIONING, failing) is State.ERROR
    assert stage.follow(State.ERROR, failing) is State.ERROR
    assert stage.follow(State.ERROR, Facts(True, False, False, "PENDING_CREATE", "OFFLINE")) is (
        State.PROVISIONING
    )
    assert stage.follow(State.ERROR, Facts(True, False, False, "ACTIVE", "ONLINE")) is State.ACTIVE


def test_the_drawing_in_the_documentation_is_that_of_the_table() -> None:
    """CELLNET_UPDATE_GOLDEN=1 draws it anew."""
    text = DRAWING.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    drawn, _, after = rest.partition(END)
    if os.environ.get("CELLNET_UPDATE_GOLDEN"):
        DRAWING.write_text(before + BEGIN + lifecycle.mermaid() + END + after, encoding="utf-8")
        return
    assert drawn == lifecycle.mermaid(), "stale: run this test with CELLNET_UPDATE_GOLDEN=1 and commit it"
    for state in State:
        assert f"`{state}`" in after, f"{state} is not explained"


def _everything():
    from cellnet_core.store.listing import PageQuery

    return PageQuery(100)
