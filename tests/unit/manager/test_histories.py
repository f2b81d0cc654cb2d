"""Databases that were put back, lost or replaced: agents keep what they have until an operator confirms."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cellnet_core.manager.errors import ConflictError, NotFoundError
from cellnet_core.manager.resolution import EndpointRequest
from cellnet_core.model import lineage
from cellnet_core.model.wire import IntentDocument, Term
from cellnet_core.planner import guards
from cellnet_core.store import backup
from tests.unit.manager.world import EAST, MAIN, World, obey


class Follower:
    """An agent as far as its guard goes: takes what that lets through, reports where it stands."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.intent: IntentDocument | None = None
        self.sequence = 10_000
        self.refused = ""

    def meet(self, world: World) -> None:
        """Ask, decide, report."""
        verdict = guards.accept(self.intent, world.intent(self.cell))
        self.intent = verdict.intent
        self.refused = "" if verdict.accepted else verdict.reason
        self.sequence += 1
        offers = MAIN if self.cell == "main" else EAST
        report = obey(self.intent, offers, self.sequence, f"{self.cell} agent")
        world.report(self.cell, report.model_copy(update={"position": lineage.position(self.intent)}))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "manager.db")
    made.add_cells()
    made.add_endpoints()
    return made


@pytest.fixture
def agents() -> tuple[Follower, Follower]:
    return Follower("main"), Follower("east")


def meet(world: World, agents: tuple[Follower, ...], times: int = 2) -> list[str]:
    """What each refuses in the end."""
    for _ in range(times):
        for agent in agents:
            agent.meet(world)
    return [agent.refused for agent in agents]


def put_back(world: World, copy: Path) -> None:
    """Stop the manager, put the copy in place of its database, start it."""
    world.manager.context.database.close()
    for file in world.path.parent.glob("manager.db*"):
        file.unlink()
    shutil.copy(copy, world.path)
    world.start()


def keep(world: World, name: str) -> Path:
    """A copy of the database as it is now."""
    copy = world.path.with_name(name)
    backup.copy(world.path, copy)
    return copy


def phases(agent: Follower) -> dict[str, str]:
    assert agent.intent is not None
    return {connection.name: connection.phase for connection in agent.intent.connections}


def conditions(world: World) -> dict[str, str]:
    found = world.manager.connections.get("main-east").status.conditions
    return {c.type: c.reason for c in found if c.status != "True"}


def test_restarts_and_changes_are_one_history(world: World, agents: tuple[Follower, Follower]) -> None:
    world.connect()
    for number in range(5):
        world.restart()
        if number % 2:
            world.manager.connections.delete("main-east")
            assert meet(world, agents, 3) == ["", ""]
            world.connect()
        assert meet(world, agents) == ["", ""]
    assert "agent.astray" not in world.event_types()
    assert phases(agents[0]) == {"main-east": "present"}


def test_an_agent_that_was_away_for_long_is_no_stranger(
    world: World, agents: tuple[Follower, Follower]
) -> None:
    world.connect()
    meet(world, agents)
    key = world.manager.connections.get("main-east").record.local.agent
    for number in range(lineage.REMEMBERED_TERMS + 3):
        world.manager.context.database.term = f"term {number}"
        with world.manager.context.change() as change:
            change.touch(key)
    assert meet(world, agents) == ["", ""]


def test_a_database_that_was_put_back_takes_nothing_down(
    world: World, agents: tuple[Follower, Follower]
) -> None:
    meet(world, agents)
    copy = keep(world, "before-the-connection.db")
    world.connect()
    assert meet(world, agents) == ["", ""]
    put_back(world, copy)
    assert meet(world, agents) == ["IntentOutdated", "IntentOutdated"]
    assert phases(agents[0]) == {"main-east": "present"}
    assert world.event_types().count("agent.astray") == 2
    # Its numbers pass those of the agents, and that makes no difference.
    for _ in range(3):
        world.connect()
        world.manager.connections.forget("main-east")
    assert meet(world, agents) == ["IntentDiverged", "IntentDiverged"]
    assert phases(agents[0]) == {"main-east": "present"}
    for cell in ("main", "east"):
        world.manager.histories.confirm(cell, f"{cell}-gw1")
    assert meet(world, agents) == ["", ""]
    assert phases(agents[0]) == {}
    assert world.manager.agents.get("main", "main-gw1").record.astray is None
    with pytest.raises(ConflictError, match="nothing to confirm"):
        world.manager.histories.confirm("main", "main-gw1")


def test_what_was_deleted_meanwhile_does_not_come_back_by_itself(
    world: World, agents: tuple[Follower, Follower]
) -> None:
    world.connect()
    meet(world, agents)
    copy = keep(world, "with-the-connection.db")
    world.manager.connections.delete("main-east")
    assert meet(world, agents, 3) == ["", ""]
    put_back(world, copy)
    assert meet(world, agents) == ["IntentOutdated", "IntentOutdated"]
    assert phases(agents[0]) == {}
    assert conditions(world)["Applied"] == "AgentAstray"
    world.manager.connections.delete("main-east")
    meet(world, agents)
    assert world.manager.connections.get("main-east").record.deleting, "a stranger's word forgets nothing"


def test_another_database_takes_nothing_down(world: World, agents: tuple[Follower, Follower]) -> None:
    world.connect()
    assert meet(world, agents) == ["", ""]
    world.manager.context.database.close()
    for file in world.path.parent.glob("manager.db*"):
        file.unlink()
    world.start()
    world.add_cells()
    assert meet(world, agents) == ["OwnerChanged", "OwnerChanged"]
    assert phases(agents[0]) == {"main-east": "present"}
    for endpoint in ("main", "east"):
        assert world.manager.agents.get(endpoint, f"{endpoint}-gw1").record.astray is not None
    for cell in ("main", "east"):
        world.manager.endpoints.create(EndpointRequest(f"{cell}-ep", cell))
    world.connect()
    assert meet(world, agents) == ["OwnerChanged", "OwnerChanged"], "a new owner that wants something, too"
    world.manager.histories.confirm("main", "main-gw1")
    assert meet(world, agents) == ["", "OwnerChanged"], "one agent at a time"
    with pytest.raises(NotFoundError):
        world.manager.histories.confirm("main", "other")


def test_lines() -> None:
    line = (Term(id="a", first=1), Term(id="b", first=4), Term(id="c", first=9))
    on = {
        (term, at) for term in "abcd" for at in range(13) if lineage.on_line(line, 11, term, at) and at >= 1
    }
    expected = {("a", n) for n in range(1, 4)} | {("b", n) for n in range(4, 9)}
    assert on == expected | {("c", n) for n in range(9, 12)}
    assert lineage.advance(line, "c", 12) == line
    assert lineage.advance(line, "d", 12)[-1] == Term(id="d", first=12)
