"""The soak's ledger notices a manager that forgets what it acknowledged, and allows for what it did not."""

from __future__ import annotations

from typing import Any, cast

from tests.soak.ledger import Ledger
from tests.soak.world import World


class Remembering:
    """A world whose manager has these notes, whatever it is asked."""

    def __init__(self, notes: dict[str, int]) -> None:
        self.notes = notes

    def ask(self, _what: Any) -> dict[str, int]:
        return self.notes


def ledger(there: dict[str, int], possible: dict[str, set[int | None]]) -> Ledger:
    return Ledger(cast(World, Remembering(there)), possible)


def test_a_write_that_is_gone_a_former_one_and_one_that_came_back_are_found() -> None:
    book = ledger(
        {"note-1": 7, "note-2": 8}, {"note-0": {5}, "note-1": {6}, "note-2": {None}, "note-3": {None}}
    )
    assert [problem.split(":")[0] for problem in book.problems()] == [
        "profile note-0",
        "profile note-1",
        "profile note-2",
    ]


def test_a_write_without_an_answer_may_be_there_or_not_but_not_both_in_turn() -> None:
    book = ledger({"note-0": 6}, {"note-0": {5, 6}, "note-1": {None, 3}})
    assert book.problems() == []
    cast(Remembering, book.world).notes = {"note-0": 5}
    assert len(book.problems()) == 1


def test_what_was_refused_without_a_reason_is_told_once() -> None:
    book = ledger({}, {})
    book.refused.append("note-1 from 3 to 4: 500")
    assert len(book.problems()) == 1
    assert book.problems() == []
