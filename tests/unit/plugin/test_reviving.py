"""Waking BFD between tests: at both ends, on switches only, and nothing is changed for good."""

from __future__ import annotations

import subprocess
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
    assert len(lab.run) == 2 * 2
    assert all("wan1" in script and "wan2" not in script for _, script in lab.run)
    assert all(script.endswith("bfd:enable=true") for _, script in lab.run[:2])
    assert all("wait-until interface wan1 bfd_status:state=up" in script for _, script in lab.run[2:])


class Scripted:
    """An `ovs-vsctl` that remembers its arguments, and tells the timers of two ports."""

    def __init__(self, path: Path) -> None:
        self.said = path / "said"
        program = path / "ovs-vsctl"
        program.write_text(
            f'#!/bin/sh\necho "$*" >> {self.said}\n'
            'case "$*" in *"get interface"*) echo \'"10"\'; echo \'"300"\';;\n'
            '*"wait-until interface wan2"*) exit 1;; esac\n'
        )
        program.chmod(0o755)
        self.environment = {"PATH": f"{path}:/usr/bin:/bin"}

    def run(self, script: str) -> tuple[str, list[str]]:
        done = subprocess.run(
            ["sh", "-c", script],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout, [line.partition(" ")[2] for line in self.said.read_text().splitlines()]


def test_timers_are_changed_and_come_back_and_only_sessions_that_came_up_are_told(tmp_path: Path) -> None:
    told, said = Scripted(tmp_path).run(reviving.awake(["wan1", "wan2"]))
    assert told.split() == ["wan1"], "the other's session did not come up in time"
    assert said[1:3] == [
        "set interface wan1 bfd:min_tx=11 -- set interface wan2 bfd:min_tx=301",
        "set interface wan1 bfd:min_tx=10 -- set interface wan2 bfd:min_tx=300",
    ]


def test_nothing_is_changed_where_a_timer_is_not_known(tmp_path: Path) -> None:
    told, said = Scripted(tmp_path).run(reviving.awake(["wan1", "wan2", "wan3"]))
    assert (told, len(said)) == ("", 1)


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
