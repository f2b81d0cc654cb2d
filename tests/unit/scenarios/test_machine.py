"""How busy a machine was, from two snapshots."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from scenarios import machine
from scenarios.machine import Snapshot, SwitchStall

FIRST = Snapshot(at=100.0, cpus=2, pressure=10.0, busy=50.0, steal=1.0, own=20.0)


def later(**changes):
    return replace(FIRST, **{"at": 110.0, **changes})


def test_shares_are_of_the_window_and_of_all_cpus():
    use = machine.between(FIRST, later(pressure=12.5, busy=60.0, steal=1.4, own=24.0))
    assert use.pressure == pytest.approx(0.25)
    assert use.busy == pytest.approx(0.5)
    assert use.steal == pytest.approx(0.02)
    assert use.foreign == pytest.approx(0.3)


def test_what_cannot_be_known_stays_unknown():
    use = machine.between(replace(FIRST, pressure=None), later(own=None))
    assert use.pressure is None
    assert use.foreign is None
    assert use.as_document()["pressure_some"] is None


def test_coarse_counters_never_leave_zero_to_one():
    use = machine.between(FIRST, later(busy=50.1, own=26.0, pressure=30.0))
    assert use.foreign == 0.0
    assert use.pressure == 1.0


def test_only_stalls_of_the_window_count():
    stalls = [SwitchStall(t, "main-gw1", 20, "late") for t in (99.0, 105.0, 111.0)]
    assert [stall.t for stall in machine.between(FIRST, later(), stalls).stalls] == [105.0]


def test_the_kernels_text():
    text = "some avg10=0.00 avg60=0.00 avg300=0.09 total=7475228\nfull avg10=0.00 avg60=0.00 total=1\n"
    assert machine.parse_pressure(text) == pytest.approx(7.475228)
    assert machine.parse_pressure("") is None


def test_this_machine_can_be_read():
    before = machine.look(os.getpid())
    sum(number * number for number in range(200_000))
    after = machine.look(os.getpid())
    assert after.at > before.at
    assert after.own >= before.own
    assert machine.look(2**22 + 1).own is None, "a lab that is gone uses no CPU that could be known"
