"""The status table: what each finding on either side does to a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cellnet_core.model.wire import ConditionReport, ConnectionReport, ProcessReport, ReportDocument
from cellnet_core.store.records import ConditionRecord
from tests.unit.manager.world import EAST, MAIN, World, obey


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with a connection that is ONLINE; who changes a report puts it right again."""
    made = World(tmp_path_factory.mktemp("status") / "manager.db")
    made.online()
    yield made
    made.manager.context.database.close()


Change = Callable[[ConnectionReport], ConnectionReport]


def _first(field: str, **values: Any) -> Change:
    """Change the first item of a list of the report."""

    def change(report: ConnectionReport) -> ConnectionReport:
        head, *tail = getattr(report, field)
        return report.model_copy(update={field: (head.model_copy(update=values), *tail)})

    return change


def _each(field: str, **values: Any) -> Change:
    """Change every item of a list of the report."""

    def change(report: ConnectionReport) -> ConnectionReport:
        items = tuple(item.model_copy(update=values) for item in getattr(report, field))
        return report.model_copy(update={field: items})

    return change


def _set(**values: Any) -> Change:
    return lambda report: report.model_copy(update=values)


def _says(status: str) -> Change:
    condition = ConditionReport(type="Drift", status=status, reason="ExtraFlow", message="a flow too many")
    return _set(conditions=(condition,))


@pytest.mark.parametrize("cell", ["main", "east"])
@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (_set(), "ONLINE", None),
        (_says("False"), "ONLINE", None),
        (_says("True"), "DEGRADED", "Drift"),
        (_first("sessions", state="CONNECT"), "DEGRADED", "SessionDown"),
        (_first("paths", link_up=False), "DEGRADED", "LinkDown"),
        (_first("paths", bfd="down"), "DEGRADED", "BfdDown"),
        (_first("paths", bfd="off"), "ONLINE", None),
        (_first("paths", held_down=True), "DEGRADED", "HeldDown"),
        (_first("paths", bfd=None), "DEGRADED", "PathUnknown"),
        (_set(paths=()), "DEGRADED", "PathUnknown"),
        (_set(learned={}), "DEGRADED", "RouteMissing"),
        (_first("health", ok=False), "DEGRADED", "NoAnswer"),
        (_set(health=()), "OFFLINE", "NoAnswer"),
        (_each("health", ok=False, known=True), "OFFLINE", "NoAnswer"),
        (_set(phase="applying"), "DEGRADED", "Pending"),
        (_set(phase="error"), "DEGRADED", "AgentError"),
    ],
)
def test_one_side_is_enough_to_be_less_than_online(
    online: World, cell: str, change: Change, status: str, reason: str | None
) -> None:
    _report(online, cell, change)
    found = online.manager.connections.get("main-east").status
    online.obey(cell)
    assert online.manager.connections.get("main-east").status.operating_status == "ONLINE"
    assert found.operating_status == status
    reasons = [c.reason for c in found.conditions if c.status == "False"]
    assert reasons == ([] if reason is None else [reason])
    if reason is not None:
        text = next(c.message for c in found.conditions if c.status == "False")
        assert f"{cell}/{cell}-gw1" in text, "a message names the place"


@pytest.mark.parametrize("cell", ["main", "east"])
@pytest.mark.parametrize(
    ("change", "status", "types"),
    [
        (
            _set(sessions_age_s=None, sessions=()),
            "DEGRADED",
            {"SessionsEstablished", "RoutesLearned"},
        ),
        (
            _set(sessions_age_s=None, sessions=(), learned={}, health=()),
            "UNKNOWN",
            {"SessionsEstablished", "RoutesLearned", "HealthChecked"},
        ),
        (
            _set(tables_age_s=None, health=()),
            "UNKNOWN",
            {"SessionsEstablished", "RoutesLearned", "HealthChecked"},
        ),
        (_each("health", ok=False, known=False), "UNKNOWN", {"HealthChecked"}),
        (_first("health", ok=False, known=False), "DEGRADED", {"HealthChecked"}),
        (_set(sessions_age_s=7.0), "DEGRADED", {"SessionsEstablished", "RoutesLearned"}),
    ],
)
def test_what_an_agent_has_not_seen_is_unknown_and_never_lost(
    online: World, cell: str, change: Change, status: str, types: set[str]
) -> None:
    """A new agent over a living gateway, or one whose devices do not answer."""
    _report(online, cell, change)
    found = online.manager.connections.get("main-east").status
    online.obey(cell)
    assert found.operating_status == status
    assert {c.type for c in found.conditions if c.status == "Unknown"} == types
    assert [c for c in found.conditions if c.status == "False"] == []


def test_an_agent_that_cannot_apply_it_makes_an_error(world: World) -> None:
    world.online()
    _report(world, "east", _set(phase="error"))
    assert world.manager.connections.get("main-east").status.provisioning_status == "ERROR"
    world.obey("east")
    assert world.manager.connections.get("main-east").status.provisioning_status == "ACTIVE"


def test_a_process_that_is_down_degrades(world: World) -> None:
    world.online()
    down = (ProcessReport(name="controller", ok=False, message="not connected"),)
    _report(world, "main", _set(), processes=down)
    status = world.manager.connections.get("main-east").status
    assert status.operating_status == "DEGRADED"
    assert "controller of main/main-gw1: not connected" in [c.message for c in status.conditions]


def test_a_problem_that_an_agent_is_not_sure_of_is_unknown(world: World) -> None:
    world.online()
    _report(world, "main", _says("Unknown"))
    _report(world, "east", _says("False"))
    status = world.manager.connections.get("main-east").status
    said = [(c.status, c.message) for c in status.conditions if c.type == "AgentsContent"]
    assert said == [("Unknown", "main/main-gw1: a flow too many")]
    assert status.operating_status == "DEGRADED"


def test_a_reason_that_has_other_words_now_is_as_old_as_before(world: World) -> None:
    world.online()

    def said() -> ConditionRecord:
        status = world.manager.connections.get("main-east").status
        (found,) = (c for c in status.conditions if c.type == "SessionsEstablished")
        return found

    _report(world, "main", _first("sessions", state="CONNECT", last_error="refused"))
    first = said()
    world.clock.advance(1)
    _report(world, "main", _first("sessions", state="CONNECT", last_error="no route to host"))
    assert "refused" in first.message
    assert "no route to host" in said().message
    assert said().since == first.since


def test_the_same_report_again_writes_nothing(world: World) -> None:
    world.online()
    _report(world, "main", _first("sessions", state="CONNECT"))
    events = world.event_types()
    _report(world, "main", _first("sessions", state="ACTIVE"))
    assert world.event_types() == events


def _report(world: World, cell: str, change: Change, **values: Any) -> None:
    world.sequence += 1
    offers = MAIN if cell == "main" else EAST
    good = obey(world.intent(cell), offers, world.sequence, "life-1")
    connections = tuple(change(connection) for connection in good.connections)
    report: ReportDocument = good.model_copy(update={"connections": connections, **values})
    world.report(cell, report)
