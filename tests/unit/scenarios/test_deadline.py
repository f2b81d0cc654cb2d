"""Waiting: deadlines from one zero point, recovery that must last, on a clock that the test moves."""

from __future__ import annotations

import pytest

from scenarios import deadline
from scenarios.deadline import GRACE, Reading
from scenarios.values import Expectation
from tests.unit.scenarios.stand_ins import ManualClock


def wait(clock: ManualClock, *wanted: Expectation, **looks):
    """Looks are functions of the seconds since the start, by condition."""
    zero = clock.now()
    bound = {
        one.says: (lambda look=looks[one.condition]: Reading(look(clock.now() - zero), "seen", "STATE"))
        for one in wanted
    }
    heard = []
    return deadline.check(wanted, bound, zero, clock, heard.append), heard


def eventually(condition: str, within: float = 10.0, for_s: float = 0.0) -> Expectation:
    return Expectation(condition, f"{condition} holds", within, for_s=for_s)


def test_what_holds_at_once_is_met_without_waiting():
    clock = ManualClock()
    (met,), heard = wait(clock, eventually("a"), a=lambda _: True)
    assert (met.ok, met.after_s, clock.now()) == (True, 0.0, 1000.0)
    assert heard == []


def test_what_comes_true_is_timed_from_the_zero_point():
    (met,), heard = wait(ManualClock(), eventually("a"), a=lambda t: t >= 3)
    assert met.ok
    assert met.after_s == pytest.approx(3, abs=0.1)
    assert heard[0][0].ok is False


def test_what_never_comes_true_is_waited_for_no_longer_than_its_deadline():
    clock = ManualClock()
    (met,), _ = wait(clock, eventually("a", 2.0), a=lambda _: False)
    assert not met.ok
    assert clock.now() - 1000 == pytest.approx(2, abs=0.1)


def test_several_cost_the_longest_wait_and_not_the_sum():
    clock = ManualClock()
    met, _ = wait(clock, eventually("a"), eventually("b"), a=lambda t: t >= 3, b=lambda t: t >= 4)
    assert [one.ok for one in met] == [True, True]
    assert [round(one.after_s) for one in met] == [3, 4]
    assert clock.now() - 1000 == pytest.approx(4, abs=0.1)


def test_a_state_that_went_away_again_before_the_others_came_is_no_recovery():
    gone = {"a": lambda t: t < 2, "b": lambda t: t >= 3}
    a, b = wait(ManualClock(), eventually("a"), eventually("b"), **gone)[0]
    assert (a.ok, b.ok) == (False, True)


def test_a_state_that_flaps_is_timed_from_when_it_came_to_stay():
    flapping = {"a": lambda t: t < 1 or t >= 5, "b": lambda t: t >= 3}
    a, _ = wait(ManualClock(), eventually("a"), eventually("b"), **flapping)[0]
    assert a.ok
    assert a.after_s == pytest.approx(5, abs=0.1)


def test_for_s_asks_for_a_state_that_lasts():
    clock = ManualClock()
    (met,), _ = wait(clock, eventually("a", for_s=1.0), a=lambda t: t >= 2)
    assert met.after_s == pytest.approx(2, abs=0.1)
    assert clock.now() - 1000 == pytest.approx(3, abs=0.1)


def test_a_state_that_flaps_faster_than_for_s_is_given_up_after_its_deadline():
    clock = ManualClock()
    (met,), _ = wait(clock, eventually("a", 5.0, for_s=1.0), a=lambda t: int(t * 2) % 2 == 0)
    assert not met.ok
    assert clock.now() - 1000 < 7


def test_a_look_that_took_long_still_counts_if_it_began_in_time():
    clock = ManualClock()

    def slow(_t: float) -> bool:
        clock.sleep(9)
        return True

    (met,), _ = wait(clock, eventually("a", 2.0), a=slow)
    assert met.ok


def test_what_comes_true_only_after_the_deadline_is_too_late():
    clock = ManualClock()

    def look(t: float) -> bool:
        if t < 1:
            clock.sleep(2.0 + 2 * GRACE)
            return False
        return True

    (met,), _ = wait(clock, eventually("a", 2.0), a=look)
    assert not met.ok
    assert "only after" in met.seen


@pytest.mark.parametrize(("kind", "good"), [("always", True), ("never", False)])
def test_always_and_never_are_broken_by_a_single_look_and_kept_until_the_deadline(kind: str, good: bool):
    wanted = Expectation("a", "it stays so", 3.0, kind)
    clock = ManualClock()
    (kept,), _ = wait(clock, wanted, a=lambda _: good)
    assert kept.ok
    assert clock.now() - 1000 == pytest.approx(3, abs=0.1)
    (broken,), _ = wait(ManualClock(), wanted, a=lambda t: good if t < 1 else not good)
    assert not broken.ok
    assert broken.after_s == pytest.approx(1, abs=0.1)
