"""The OpenFlow gateway with real Open vSwitch, Ryu and os-ken, each story in a sandbox of its own."""

from __future__ import annotations

import pytest

from tests.daemon.openflow.sandbox import play

pytestmark = [pytest.mark.daemon, pytest.mark.timeout(180)]


@pytest.mark.parametrize("library", ["ryu", "os-ken"])
@pytest.mark.parametrize("story", ["forwards", "controller_restart_moves_no_packet"])
def test_with_either_library(story: str, library: str) -> None:
    print(play(story, library))


@pytest.mark.parametrize(
    "story",
    [
        "boot_is_idempotent",
        "boot_says_what_is_missing",
        "killed_switch_comes_back",
        "kernel_is_silent",
    ],
)
def test_with_ryu(story: str) -> None:
    print(play(story))


@pytest.mark.parametrize(
    "story",
    [
        "blackhole_is_survived",
        "new_order_loses_nothing",
        "freeze_loses_nothing",
        "without_last_resort_nothing_passes",
        "one_way_resort_goes_the_wrong_way",
    ],
)
def test_failover(story: str) -> None:
    print(play(story, module="failover"))


@pytest.mark.parametrize("order", [("1", "2"), ("2", "1")])
def test_a_false_alarm_beside_a_dead_path_costs_nothing(order: tuple[str, str]) -> None:
    print(play("false_alarm_beside_a_dead_path", *order, module="failover"))
