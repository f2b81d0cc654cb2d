"""Waking BFD between tests: at both ends, on switches only, and nothing is changed for good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scenarios.plugin import reviving
from simulator.context import Completed
from tests.unit.plugin.fakes import FakeLab
from topologies import catalogue


class Telling(FakeLab):
    """Remembers what was run where."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path, catalogue.build(name, {}))
        self.run: list[tuple[str, str]] = []

    def exec(
        self,
        node: str,
        argv: Sequence[str],
        timeout: float = 30.0,
        input: str | None = None,  # noqa: A002
    ) -> Completed:
        self.run.append((node, argv[-1]))
        return Completed(0, "", "")


def test_both_ends_of_a_silent_link_are_made_anew_and_then_asked_to_poll(tmp_path: Path) -> None:
    lab = Telling(tmp_path, "two-cells")
    port = lab.show().topology.link("main-east-1").a
    reviving.revive(lab, lab.show(), {(port.node, port.name)})
    assert {node for node, _ in lab.run} == {"main-gw1", "east-gw1"}
    assert len(lab.run) == 2 * (1 + reviving.ROUNDS)
    assert all("wan1" in script and "wan2" not in script for _, script in lab.run)
    first = {script for _, script in lab.run[:2]}
    assert all(script.endswith("bfd:enable=true") for script in first)
    assert all("bfd:min_tx=$now" in script for _, script in lab.run[2:]), "the old timer comes back"


def test_a_router_that_is_no_switch_is_left_alone(tmp_path: Path) -> None:
    lab = Telling(tmp_path, "provider")
    routers = {router.name for router in lab.show().topology.routers}
    silent = {
        (end.node, end.name)
        for link in lab.show().links
        for end in (link.a, link.b)
        if {link.a.node, link.b.node} & routers
    }
    reviving.revive(lab, lab.show(), silent)
    assert lab.run
    assert {node for node, _ in lab.run}.isdisjoint(routers)


def test_nothing_is_run_where_nothing_is_silent(tmp_path: Path) -> None:
    lab = Telling(tmp_path, "two-cells")
    reviving.revive(lab, lab.show(), set())
    assert lab.run == []
