"""Reports are taken in turn, grow old while they wait, and whoever waits for the manager is not silent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cellnet_core.manager.agents import Agents
from cellnet_core.manager.errors import InvalidError
from cellnet_core.manager.findings import STALE_AFTER
from cellnet_core.manager.intake import Intake
from cellnet_core.manager.monitor import OVERWORKED, Monitor
from cellnet_core.model.wire import ReportDocument
from cellnet_core.store.errors import StoreUnavailableError
from cellnet_core.store.records import AgentKey
from tests.unit.manager.world import EAST, MAIN, World, obey

DEADLINE = 10.0


class Slow(Agents):
    """Takes no report before it is told to, and counts how many are being taken."""

    opened: threading.Event
    most: int = 0
    now_taking: int = 0

    def report(self, *arguments: object) -> AgentKey | None:  # type: ignore[override]
        self.now_taking += 1
        self.most = max(self.most, self.now_taking)
        assert self.opened.wait(DEADLINE)
        try:
            return super().report(*arguments)  # type: ignore[arg-type]
        finally:
            self.now_taking -= 1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with connected(tmp_path) as found:
        yield found


@contextmanager
def connected(path: Path) -> Iterator[World]:
    world = World(path / "manager.db")
    world.add_cells()
    world.add_endpoints()
    world.connect()
    world.obey()
    yield world
    world.manager.context.database.close()


def slow(world: World) -> tuple[Slow, Intake]:
    """An intake of the world's, with a door."""
    agents = Slow(world.manager.context, world.manager.drifts)
    agents.opened = threading.Event()
    return agents, Intake(world.manager.context, agents, world.manager.monitor)


def next_reports(world: World) -> dict[str, ReportDocument]:
    world.sequence += 1
    offers = {"main": MAIN, "east": EAST}
    return {
        cell: obey(world.intent(cell), offer, world.sequence, f"life-{world.lives}")
        for cell, offer in offers.items()
    }


def test_reports_are_taken_one_after_the_other(world: World) -> None:
    reports, (agents, intake) = next_reports(world), slow(world)

    async def both() -> None:
        takes = [
            asyncio.create_task(intake.take(cell, f"{cell}-gw1", report)) for cell, report in reports.items()
        ]
        while not agents.now_taking:
            await asyncio.sleep(0)
        assert world.manager.context.reports.wait
        agents.opened.set()
        await asyncio.wait_for(asyncio.gather(*takes), DEADLINE)

    asyncio.run(both())
    assert agents.most == 1
    assert not world.manager.context.reports.wait


def test_a_report_is_as_old_as_its_arrival(world: World) -> None:
    reports, (agents, intake) = next_reports(world), slow(world)

    async def later() -> None:
        take = asyncio.create_task(intake.take("main", "main-gw1", reports["main"]))
        while not agents.now_taking:
            await asyncio.sleep(0)
        world.clock.advance(2.5)
        agents.opened.set()
        await asyncio.wait_for(take, DEADLINE)

    asyncio.run(later())
    key = AgentKey(world.manager.cells.get("main").record.id, "main-gw1")
    assert world.manager.context.reports.age(key, world.clock.now()) == pytest.approx(2.5)


def test_who_waits_for_the_manager_is_not_written_down_as_silent(world: World) -> None:
    with world.manager.context.reports.arriving():
        world.clock.advance(STALE_AFTER + 1)
        world.manager.monitor.tick()
        assert "agent.silent" not in world.event_types()
        status = world.manager.connections.get("main-east").status.operating_status
        assert status == "UNKNOWN", "whoever asks is told the truth"
        world.clock.advance(OVERWORKED)
        world.manager.monitor.tick()
    assert world.event_types().count("agent.silent") == 2, "not for ever"


def test_where_nothing_waits_silence_is_written_down_soon(world: World) -> None:
    world.clock.advance(STALE_AFTER + 1)
    world.manager.monitor.tick()
    assert world.event_types().count("agent.silent") == 2


def test_a_report_that_is_refused_waits_no_longer(world: World) -> None:
    report = next_reports(world)["main"].model_copy(update={"generation": -2})
    with pytest.raises(InvalidError):
        asyncio.run(world.manager.intake.take("main", "main-gw1", report))
    assert not world.manager.context.reports.wait


class Watched(Monitor):
    """Says whom it was asked to settle, and fails as often as it is told to."""

    asked: list[tuple[str, ...]]
    fails: int = 0

    def settle_agents(self, keys: Sequence[AgentKey]) -> None:
        self.asked.append(tuple(sorted(key.gateway for key in keys)))
        if self.fails:
            self.fails -= 1
            raise StoreUnavailableError("the disk is full")
        super().settle_agents(keys)


def together(world: World, *, fails: int) -> tuple[list[tuple[str, ...]], list[object]]:
    """Two reports at once: who was settled, and what each of the two agents was told."""
    reports = next_reports(world)
    agents, _ = slow(world)
    monitor = Watched(world.manager.context)
    monitor.asked, monitor.fails = [], fails
    intake = Intake(world.manager.context, agents, monitor)

    async def both() -> list[object]:
        takes = [
            asyncio.create_task(intake.take(cell, f"{cell}-gw1", report)) for cell, report in reports.items()
        ]
        while not agents.now_taking:
            await asyncio.sleep(0)
        agents.opened.set()
        answers = await asyncio.wait_for(asyncio.gather(*takes, return_exceptions=True), DEADLINE)
        return list(answers)

    return monitor.asked, asyncio.run(both())


def test_reports_that_came_together_are_settled_together(world: World) -> None:
    asked, answers = together(world, fails=0)
    assert asked == [("east-gw1", "main-gw1")]
    assert answers == [None, None]


def test_who_was_not_settled_with_another_is_settled_alone(world: World) -> None:
    asked, (first, second) = together(world, fails=1)
    assert isinstance(first, StoreUnavailableError)
    assert second is None, "its agent need not send again"
    assert asked == [("east-gw1", "main-gw1"), ("east-gw1",)]
