"""A short scenario on a real lab, through Python: what `cellnet scenario run` does, without its story."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from scenarios.actions import Boot, Connect, Disconnect, StartProbes, Watch
from scenarios.lab_stage import Wish
from scenarios.playing import Order, play
from scenarios.report.terminal import Terminal
from scenarios.scenario import Scenario, Step
from scenarios.stories import ground
from scenarios.values import Budget, Expectation, Verdict
from topologies import catalogue

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

TOPOLOGY = catalogue.build("two-cells")
FLOWS = ground.flows(*TOPOLOGY.cells)
ONLINE = Expectation("status", "the connection is ONLINE", 60, of={"is": "ONLINE"})
CALM = Budget("nothing is broken", lost=0)
SHORT = Scenario(
    name="short",
    title="There and back",
    summary="Connected, watched and taken away.",
    topology=TOPOLOGY,
    steps=(
        Step("boot", "Boot", "All daemons.", "They are ready.", Boot()),
        Step("connect", "Connect", "Over the API.", "ONLINE.", Connect("main", "east"), (ONLINE,)),
        Step("probe", "Traffic", "Both ways.", "It arrives.", StartProbes(FLOWS),
             (Expectation("delivering", "all flows deliver", 20),)),
        Step("calm", "Watch", "Nothing.", "Nothing is lost.", Watch(1.0), budget=CALM),
        Step("disconnect", "Disconnect", "Over the API.", "Nothing is left.", Disconnect(),
             (Expectation("gone", "nothing of it is left", 30),)),
    ),
)  # fmt: skip


def test_a_short_scenario_leaves_reports_and_no_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLNET_RUN_DIR", str(tmp_path / "run"))
    screen = io.StringIO()
    run = play(Order(SHORT, Wish("short"), tmp_path / "report"), Terminal(Console(file=screen, width=100)))
    assert run.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE), screen.getvalue()
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.json",
        "report.html",
        "junit.xml",
    }
    assert list((tmp_path / "run").iterdir()) == []
    assert len(run.flows) > len(FLOWS)  # the control flows beside them
    assert all(measured.sent > 500 for measured in run.flows)
    assert "the connection is ONLINE after" in screen.getvalue()
