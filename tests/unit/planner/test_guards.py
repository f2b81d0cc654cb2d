"""Which intents are taken, and which would cut the cloud."""

from __future__ import annotations

from cellnet_core.planner import guards
from tests.contract.samples import connection, intent


def test_the_first_intent_is_taken_even_if_empty() -> None:
    assert guards.accept(None, intent()).accepted


def test_an_unexplained_empty_intent_is_refused_and_says_so() -> None:
    current = intent(connection(), generation=4)
    verdict = guards.accept(current, intent(generation=5))
    assert not verdict.accepted
    assert verdict.intent is current
    assert verdict.reason == "EmptyIntentRefused"
    assert "main-east" in verdict.message
    assert "confirmed_empty" in verdict.message


def test_a_confirmed_empty_intent_is_taken() -> None:
    assert guards.accept(intent(connection()), intent(generation=2, confirmed_empty=True)).accepted


def test_an_empty_intent_after_absent_is_taken() -> None:
    assert guards.accept(intent(connection(phase="absent")), intent(generation=2)).accepted


def test_an_older_generation_of_the_same_owner_is_refused() -> None:
    current = intent(connection(), generation=4)
    assert guards.accept(current, intent(connection(), generation=3)).reason == "IntentOutdated"
    assert guards.accept(current, intent(connection(), generation=3, owner="m-2")).reason == "OwnerChanged"


def test_a_newer_wire_is_taken_and_said() -> None:
    verdict = guards.accept(None, intent(connection()).model_copy(update={"wire_version": 99}))
    assert verdict.accepted
    assert verdict.reason == "WireVersionAhead"
