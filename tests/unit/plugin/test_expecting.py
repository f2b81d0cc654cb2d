"""Expectations wait on one zero point, and a miss is judged by how busy the machine was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from cellnet_core.client import UnreachableError
from scenarios.machine import MachineUse
from scenarios.measurements import FlowMeasurement
from scenarios.plugin.expecting import Expect
from scenarios.plugin.judging import Judge, NotMetError


class ManualClock:
    def __init__(self) -> None:
        self.time = 100.0
        self.at: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Witness:
    def __init__(self, pressure: float = 0.05) -> None:
        self.pressure = pressure

    def machine(self) -> MachineUse:
        return MachineUse(1.0, 2, self.pressure, 0.1, 0.0, 0.0)

    def flows(self) -> Sequence[FlowMeasurement]:
        return ()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def expect(clock: ManualClock) -> Expect:
    return Expect(Judge(Witness()), clock)


def test_eventually_returns_at_once_when_it_comes_true(expect: Expect, clock: ManualClock) -> None:
    expect.eventually(lambda: clock.time >= 101, within=5)
    assert 101 <= clock.time < 101.2


def test_a_miss_on_a_quiet_machine_fails_with_what_was_seen(expect: Expect) -> None:
    def the_path_is_back() -> str:
        return ""

    with pytest.raises(
        NotMetError, match=r"not within 2 s: the path is back \(seen: ''\), on a quiet machine"
    ):
        expect.eventually(the_path_is_back, within=2)


def test_a_miss_on_a_busy_machine_is_skipped_with_the_numbers(clock: ManualClock) -> None:
    expect = Expect(Judge(Witness(pressure=0.9)), clock)
    with pytest.raises(
        pytest.skip.Exception, match=r"INCONCLUSIVE: not within 1 s: .* CPU pressure 90% \(limit \d+%\)"
    ):
        expect.eventually(lambda: False, within=1)


def test_the_option_makes_it_a_failure(clock: ManualClock) -> None:
    expect = Expect(Judge(Witness(pressure=0.9), inconclusive_fails=True), clock)
    with pytest.raises(NotMetError, match=r"INCONCLUSIVE: .* CPU pressure 90%"):
        expect.eventually(lambda: False, within=1)


def test_always_and_never_take_their_time_and_break_at_once(expect: Expect, clock: ManualClock) -> None:
    expect.always(lambda: True, seconds=2)
    assert 102 <= clock.time < 102.2
    with pytest.raises(NotMetError, match="not always for 2 s: still there"):
        expect.always(lambda: clock.time < 103, seconds=2, says="still there")
    assert clock.time < 103.2
    with pytest.raises(NotMetError, match="not never for 2 s: it came"):
        expect.never(lambda: True, seconds=2, says="it came")


def test_stays_is_about_the_value_whatever_it_is(expect: Expect, clock: ManualClock) -> None:
    expect.stays(lambda: None, seconds=1)

    def path_in_use() -> str:
        return "wan1" if clock.time < 102 else "wan2"

    with pytest.raises(NotMetError, match=r"path in use stays the same .* 'wan1' became 'wan2'"):
        expect.stays(path_in_use, seconds=2)


def test_several_cost_the_longest_wait_and_all_misses_are_told(expect: Expect, clock: ManualClock) -> None:
    with expect.together() as then:
        then.eventually(lambda: clock.time > 101, within=3)
        then.never(lambda: False, seconds=2)
        then.always(lambda: True, seconds=3)
    assert 103 <= clock.time < 103.2
    then = expect.together()
    then.eventually(lambda: False, within=1, says="first")
    then.eventually(lambda: False, within=2, says="second")
    with pytest.raises(NotMetError) as caught:
        then.check()
    assert "first" in str(caught.value)
    assert "second" in str(caught.value)


def test_the_zero_point_may_lie_in_the_past(expect: Expect, clock: ManualClock) -> None:
    with pytest.raises(NotMetError, match=r"but only after 2\.0 s"), expect.together(zero=98.0) as then:
        then.eventually(lambda: True, within=1)
    assert clock.time == 100.0


def test_an_error_in_the_block_is_not_hidden_by_a_wait(expect: Expect, clock: ManualClock) -> None:
    then = expect.together()
    then.always(lambda: True, seconds=9)
    with pytest.raises(ZeroDivisionError), then:
        raise ZeroDivisionError
    assert clock.time == 100.0


def test_assertions_and_a_silent_manager_do_not_hold(expect: Expect) -> None:
    def two() -> None:
        assert 1 == 2, "one is not two"

    def away() -> None:
        raise UnreachableError("nobody answers")

    with pytest.raises(NotMetError, match="seen: one is not two"):
        expect.eventually(two, within=0.1)
    with pytest.raises(NotMetError, match="seen: nobody answers"):
        expect.eventually(away, within=0.1)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 301])
def test_a_deadline_that_cannot_be_is_refused(expect: Expect, seconds: float) -> None:
    with pytest.raises(ValueError, match="is no deadline"):
        expect.eventually(lambda: True, within=seconds)


def test_a_condition_must_be_a_function(expect: Expect) -> None:
    with pytest.raises(TypeError, match="give a function"):
        expect.eventually(True, within=1)  # type: ignore[arg-type]
