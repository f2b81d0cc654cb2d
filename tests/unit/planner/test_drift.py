"""Drift is told apart from work in progress, and the policy decides; each rule with what would break it."""

from __future__ import annotations

import pytest

from cellnet_core.drivers.contract import Action, Outcome
from cellnet_core.planner import drift
from cellnet_core.planner.drift import Book, Look, Policy


def act(verb: str, target: str, payload: object = None, *, routine: bool = False) -> Action:
    return Action("gateway", verb, target, "because", 20, payload, routine)


def look(*actions: Action, desired: str = "A", instance: str = "1", fresh: bool = True) -> Look:
    return Look("gateway", desired, instance, fresh, actions)


def settled(policy: Policy = "repair") -> Book:
    """A device that was as wanted once."""
    book, carried = drift.judge(Book(), look(), policy, 0.0)
    assert carried == ()
    return book


MISSING, EXTRA, OTHER = (
    act("add", "flow 10.2.0.0/24", 1),
    act("remove", "flow 9.9.9.9"),
    act("modify", "group 5"),
)


@pytest.mark.parametrize("actions", [(MISSING,), (EXTRA, OTHER)])
def test_what_was_never_as_wanted_is_no_drift(actions: tuple[Action, ...]) -> None:
    book, carried = drift.judge(Book(), look(*actions), "ignore", 1.0)
    assert carried == actions
    assert book.open == ()


@pytest.mark.parametrize("change", [{"desired": "B"}, {"instance": "2"}])
def test_another_intent_or_another_process_is_no_drift(change: dict[str, str]) -> None:
    book, carried = drift.judge(settled(), look(MISSING, **change), "ignore", 1.0)  # type: ignore[arg-type]
    assert carried == (MISSING,)
    assert book.open == ()


def test_what_was_changed_to_and_fro_on_purpose_is_no_drift() -> None:
    """Routes went and came back: the table is of the time between, and nobody touched it."""
    book, carried = drift.judge(settled(), look(OTHER, desired="B"), "ignore", 1.0)
    assert carried == (OTHER,)
    book, carried = drift.judge(book, look(OTHER, desired="A"), "ignore", 2.0)
    assert carried == (OTHER,)
    assert book.open == ()


def test_a_device_that_does_not_answer_has_neither_new_nor_ended_drift() -> None:
    book, _ = drift.judge(settled("ignore"), look(MISSING), "ignore", 1.0)
    again, carried = drift.judge(book, look(fresh=False), "ignore", 2.0)
    assert again == book
    assert carried == ()


def test_what_is_due_in_the_course_of_things_is_no_drift() -> None:
    routine = act("add", "end-of-rib main-east-1", routine=True)
    book, carried = drift.judge(settled(), look(routine), "ignore", 1.0)
    assert carried == (routine,)
    assert book.open == ()


def test_repair_is_carried_out_and_over_when_it_is_no_more() -> None:
    book, carried = drift.judge(settled(), look(MISSING, EXTRA), "repair", 1.0)
    assert carried == (MISSING, EXTRA)
    assert [(d.kind, d.action, d.found, d.over) for d in book.open] == [
        ("flow", "repair", 1.0, None),
        ("flow", "repair", 1.0, None),
    ]
    book = drift.failed(book, [Outcome(MISSING, "failed", "no group"), Outcome(EXTRA, "done")])
    assert [d.message for d in book.open] == ["no group", ""]
    book, _ = drift.judge(book, look(), "repair", 2.0)
    assert book.open == ()
    assert [(d.target, d.over) for d in book.past] == [("flow 10.2.0.0/24", 2.0), ("flow 9.9.9.9", 2.0)]


def test_ignore_withholds_until_something_else_is_wanted_there() -> None:
    book, carried = drift.judge(settled("ignore"), look(MISSING, EXTRA), "ignore", 1.0)
    assert carried == ()
    other = act("add", MISSING.target, 2)
    book, carried = drift.judge(book, look(other, EXTRA, desired="B"), "ignore", 2.0)
    assert carried == (other,)
    book, carried = drift.judge(book, look(EXTRA, OTHER, desired="C"), "ignore", 3.0)
    assert carried == (OTHER,), "new work goes on beside what is ignored"


def test_another_policy_takes_hold_of_what_is_there() -> None:
    book, _ = drift.judge(settled("ignore"), look(MISSING), "ignore", 1.0)
    book, carried = drift.judge(book, look(MISSING), "repair", 2.0)
    assert carried == (MISSING,)
    assert book.open[0].action == "repair"
    assert book.open[0].found == 1.0


def test_adopt_takes_what_is_extra_and_refuses_what_makes_no_sense() -> None:
    book, carried = drift.judge(settled("adopt"), look(MISSING, EXTRA, OTHER), "adopt", 1.0)
    assert carried == (MISSING, OTHER)
    said = {d.target: (d.action, d.message) for d in book.open}
    assert said[EXTRA.target] == ("adopt", "")
    assert said[MISSING.target] == ("repair", drift.NOT_ADOPTABLE)
    assert said[OTHER.target] == ("repair", drift.NOT_ADOPTABLE)


def test_past_drift_is_bounded_and_the_journal_hears_each_once() -> None:
    book = settled()
    told = []
    for n in range(drift.KEPT + 10):
        for actions in ((act("add", f"flow {n}"),), ()):
            after, _ = drift.judge(book, look(*actions), "repair", float(n))
            told += [(word, d.number) for word, d in drift.news(book, after)]
            book = after
    assert len(book.past) == drift.KEPT
    assert len(told) == len(set(told)) == 2 * (drift.KEPT + 10)


def test_what_an_audit_mended_is_over_at_once() -> None:
    book = drift.mended(Book(), "gateway", ["address 10.0.1.1/24 on ip-lan"], 5.0)
    (found,) = book.past
    assert (found.kind, found.found, found.over) == ("gateway", 5.0, 5.0)


def test_many_flows_that_are_over_do_not_hide_what_took_them() -> None:
    """A switch that is secure loses all flows with its controller; both are back before the next report."""
    book = drift.mended(settled(), "gateway", ["controller of br-phy"], 1.0)
    flows = [act("add", f"flow 10/192 10.0.{n}.0/24") for n in range(drift.KEPT + 20)]
    book, _ = drift.judge(book, look(*flows), "repair", 1.1)
    book, _ = drift.judge(book, look(), "repair", 1.2)
    assert [found.target for found in book.past if found.kind == "gateway"] == [
        "gateway controller of br-phy"
    ]
    assert [found.target for found in book.past if found.kind == "flow"] == [
        action.target for action in flows[-drift.KEPT :]
    ]
