"""What is kept of the past: pruned in the background, not told again; a listener is told what it missed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cellnet_core.manager import pruning
from cellnet_core.manager.errors import GoneError
from cellnet_core.manager.pruning import Limits, Pruning
from cellnet_core.model.wire import DriftReport
from cellnet_core.store.listing import PageQuery
from tests.unit.manager.world import MAIN, World, obey

ALL = PageQuery(1000, None, ())


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "manager.db")
    made.online()
    return made


def drift(number: int, over_s: float | None) -> DriftReport:
    said = {"driver": "openflow", "kind": "flow", "desired": "absent", "observed": "present"}
    return DriftReport(
        id=f"{number}", object=f"flow {number}", action="repair", found_s=2.0, over_s=over_s, **said
    )


def tell(world: World, sequence: int, *drifts: DriftReport) -> set[str]:
    """The main agent reports these; the objects of all that is known then."""
    report = obey(world.intent("main"), MAIN, sequence)
    world.report("main", report.model_copy(update={"drifts": drifts}))
    return {found.object for found in world.manager.drifts.page(ALL).items}


def test_a_batch_at_a_time_and_then_a_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    many = len(world.manager.events.page(ALL).items)
    old = Pruning(world.manager.context, Limits(events=3))

    def kept() -> int:
        old.tick()
        return len(world.manager.events.page(ALL).items)

    assert [kept() for _ in range(many)] == [max(3, many - 2 * (n + 1)) for n in range(many)]
    tell(world, 90, drift(1, None))
    assert kept() == 4, "not before its time"
    world.clock.advance(pruning.INTERVAL)
    assert kept() == 3


def test_a_drift_that_was_forgotten_is_not_found_again(world: World) -> None:
    """Agents repeat their last ones in every report, for as long as they run."""
    context = world.manager.context
    assert tell(world, 90, drift(1, 5.0), drift(2, None)) == {"flow 1", "flow 2"}
    world.manager.drifts._limits = Limits(drifts_days=1)
    old = Pruning(context, Limits(drifts_days=1))
    later = timedelta(days=2).total_seconds()
    world.clock.advance(later)
    old.tick()
    assert {found.object for found in world.manager.drifts.page(ALL).items} == {"flow 2"}
    before = len(world.event_types())
    again = (drift(1, 5.0 + later), drift(2, None), drift(3, 1.0))
    assert tell(world, 91, *again) == {"flow 2", "flow 3"}
    assert len(world.event_types()) == before + 1, "that the third is over, and nothing else"


def test_who_comes_back_for_events_that_are_gone_is_told(world: World) -> None:
    events = world.manager.events
    last = events.page(ALL).items[-1].id
    Pruning(world.manager.context, Limits(events=2)).tick()
    events.check_marker(0)
    events.check_marker(last - 2)
    events.check_marker(last + 7)
    with pytest.raises(GoneError, match=f"events 2 to {last - 2} are kept no longer.* go on from {last - 2}"):
        events.check_marker(1)
    with pytest.raises(GoneError):
        events.check_marker(last - 3)
