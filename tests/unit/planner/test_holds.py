"""Hold-down, case by case, on a clock that is an argument."""

from __future__ import annotations

import pytest

from cellnet_core.drivers.contract import PortStatus
from cellnet_core.planner import holds
from cellnet_core.planner.holds import Watched
from cellnet_core.planner.seen import Hold, Standing

PATH = Watched("p", "wan1", 3.0)


def port(state: str, flaps: int = 0) -> PortStatus | None:
    """A port in one word."""
    return {
        "up": PortStatus("wan1", link_up=True, bfd="up", flaps=flaps),
        "down": PortStatus("wan1", link_up=True, bfd="down", flaps=flaps),
        "init": PortStatus("wan1", link_up=True, bfd="init", flaps=flaps),
        "cut": PortStatus("wan1", link_up=False, bfd="up", flaps=flaps),
        "no-bfd": PortStatus("wan1", link_up=True, bfd="off", flaps=flaps),
        "no-bfd-cut": PortStatus("wan1", link_up=False, bfd="off", flaps=flaps),
        "unknown": PortStatus("wan1", link_up=None, bfd=None, flaps=flaps),
        "bfd-unknown": PortStatus("wan1", link_up=True, bfd=None, flaps=flaps),
        "gone": None,
    }[state]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("0 up", "up"),
        ("0 no-bfd", "up"),
        ("0 unknown", "new"),
        ("0 gone", "new"),
        ("0 bfd-unknown", "new"),
        ("0 down, 1 up", "up"),  # never up before: nothing came back
        ("0 up, 1 down", "down"),
        ("0 up, 1 init", "down"),
        ("0 up, 1 cut", "down"),
        ("0 up, 1 no-bfd-cut", "down"),
        ("0 up, 1 unknown", "up"),
        ("0 up, 1 gone", "up"),
        ("0 up, 1 down, 2 up", "held"),
        ("0 up, 1 down, 2 up, 4.9 up", "held"),
        ("0 up, 1 down, 2 up, 5 up", "up"),
        ("0 up, 1 down, 2 up, 4 down, 5 up, 7 up", "held"),  # the wait begins again
        ("0 up, 1 down, 2 up, 4 down, 5 up, 8 up", "up"),
        ("0 up, 1 down, 2 up, 9 unknown", "held"),  # time alone restores nothing
        ("0 up, 1 down, 2 unknown, 3 gone", "down"),
    ],
)
def test_table(story: str, expected: str) -> None:
    table: dict[str, Hold] = {}
    for moment in story.split(", "):
        at, state = moment.split()
        status = port(state)
        table = holds.advance(table, [PATH], [status] if status else [], float(at))
    assert table["p"].standing.value == expected


def test_a_flap_between_two_looks_is_a_loss() -> None:
    table = {"p": Hold(Standing.UP, 0.0, flaps=1)}
    held = holds.advance(table, [PATH], [PortStatus("wan1", link_up=True, bfd="up", flaps=2)], 10.0)
    assert held["p"] == Hold(Standing.HELD, 10.0, 2, lost=10.0)
    again = holds.advance(held, [PATH], [PortStatus("wan1", link_up=True, bfd="up", flaps=4)], 12.0)
    assert again["p"] == Hold(Standing.HELD, 12.0, 4, lost=10.0)


def test_a_restarted_switch_counts_anew_without_a_flap() -> None:
    table = {"p": Hold(Standing.UP, 0.0, flaps=7)}
    after = holds.advance(table, [PATH], [PortStatus("wan1", link_up=True, bfd="up", flaps=0)], 10.0)
    assert after["p"] == Hold(Standing.UP, 0.0, 0)


def test_a_wait_from_another_boot_of_the_machine_begins_again() -> None:
    table = {"p": Hold(Standing.HELD, 5000.0, 0)}
    after = holds.advance(table, [PATH], [PortStatus("wan1", link_up=True, bfd="up")], 10.0)
    assert after["p"] == Hold(Standing.HELD, 10.0, 0)


def test_next_due_and_turns() -> None:
    held = {"p": Hold(Standing.HELD, 10.0)}
    assert holds.next_due(held, [PATH], 10.0) == 13.0
    assert holds.next_due(held, [PATH], 13.0) is None  # due, but its port is not known: no hurry
    assert holds.next_due({"p": Hold(Standing.UP, 10.0)}, [PATH], 10.0) is None
    assert holds.turns({}, held) == (holds.Turn("p", Standing.NEW, Standing.HELD),)
    assert holds.turns(held, held) == ()


def test_a_path_no_longer_watched_is_forgotten() -> None:
    assert holds.advance({"p": Hold(Standing.DOWN, 1.0)}, [], [], 2.0) == {}


def test_a_path_that_is_down_stands_behind_one_that_waits() -> None:
    """Else the switch gave it the traffic in the moment it came back, without any hold-down."""
    up = Hold(Standing.UP, 10.0)
    waits = Hold(Standing.HELD, 50.0, lost=20.0)
    waits_less = Hold(Standing.HELD, 48.0, lost=40.0)
    lost_now = Hold(Standing.DOWN, 60.0, lost=60.0)
    lost_before = Hold(Standing.DOWN, 30.0, lost=30.0)
    never = Hold()
    order = [up, waits_less, waits, lost_now, lost_before, never]
    backwards = order[::-1]
    assert sorted(backwards, key=holds.preference) == order
