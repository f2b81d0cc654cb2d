"""Whether one generation of an intent follows from another. Pure; agent and manager ask the same question.

A generation is a number, and a database that was put back from a copy gives the same numbers out again for
other intents. So each life of the manager's program is a term with an id of its own, and an intent carries
the terms it went through. The agent's position is on the line of an intent exactly when the intent was made
from a database that had given out that very position.
"""

from __future__ import annotations

from collections.abc import Sequence

from cellnet_core.model.wire import IntentDocument, Position, Term

REMEMBERED_TERMS = 64
"""Terms in which the generation rose. A position older than all of them is compared by its number alone."""


def advance(lineage: Sequence[Term], term: str, generation: int) -> tuple[Term, ...]:
    """The line once `generation` was given out in `term`."""
    if lineage and lineage[-1].id == term:
        return tuple(lineage)
    return (*lineage, Term(id=term, first=generation))[-REMEMBERED_TERMS:]


def position(intent: IntentDocument) -> Position:
    """Where this intent stands."""
    term = intent.lineage[-1].id if intent.lineage else ""
    return Position(owner=intent.owner, term=term, generation=intent.generation)


def on_line(lineage: Sequence[Term], generation: int, term: str, at: int) -> bool:
    """Whether generation `at` of `term` lies on the line that ends at `generation`.

    What the line is too short to tell (older managers say no terms) is decided by the number.
    """
    if at > generation:
        return False
    if not lineage or not term or at < lineage[0].first:
        return True
    for number, entry in enumerate(lineage):
        if entry.id == term:
            end = lineage[number + 1].first if number + 1 < len(lineage) else generation + 1
            return entry.first <= at < end
    return False
