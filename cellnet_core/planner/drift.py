"""Drift: what somebody else changed at a device, told apart from what is still to be made so. Pure.

A device that once was as wanted (its plan was empty) and whose intent is the same since, in the same process,
can only differ because somebody changed it: what its plan names then is drift. The policy says what happens:

    repair   the action is carried out, as any other
    ignore   it is withheld for as long as the same is wanted and found; the object stays as it was found
    adopt    for what is there and not wanted ("extra"): it stays and counts as accepted. What is missing or
             different cannot be adopted, as the intent says what it must be: it is repaired, and that is said

What a withheld action was about is wanted differently one day: then the new action is carried out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from cellnet_core.drivers.contract import Action, Outcome

Policy = Literal["repair", "ignore", "adopt"]
POLICIES: Mapping[str, Policy] = {"repair": "repair", "ignore": "ignore", "adopt": "adopt"}
KEPT = 50
"""Past drifts of each kind that are remembered for reports."""
NOT_ADOPTABLE = "what is missing or different cannot be adopted, the intent says what it must be: repaired"


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as it was made. `found` and `over` in seconds on the agent's clock.

    `verb` and `target` are those of the action that would put it right.
    """

    number: int
    driver: str
    verb: str
    target: str
    reason: str
    action: Policy
    found: float
    over: float | None = None
    message: str = ""
    payload: object = field(default=None, repr=False, compare=False)
    """Of the withheld action; None: not known yet (a new agent)."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same drift at the next look."""
        return self.driver, self.verb, self.target

    @property
    def kind(self) -> str:
        """flow, group, neighbor, announcement: the first word of its name."""
        word = self.target.split(" ", 1)[0]
        return {"flows": "flow"}.get(word, word)

    @property
    def left(self) -> bool:
        """Whether it is there still and nothing is done about it."""
        return self.over is None and self.action != "repair"


@dataclass(frozen=True, slots=True)
class Settled:
    """A device was as wanted: by which intent, in which process."""

    desired: object
    instance: str


@dataclass(frozen=True, slots=True)
class Book:
    """What is remembered from one round to the next. `open` is there now, `past` is over, latest last."""

    settled: Mapping[str, Settled] = field(default_factory=dict)
    open: tuple[Drift, ...] = ()
    past: tuple[Drift, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """One device in one round: what is wanted of it, which process it is, and what its plan says."""

    driver: str
    desired: object
    instance: str
    fresh: bool
    actions: tuple[Action, ...]


def judge(book: Book, look: Look, policy: Policy, now: float) -> tuple[Book, tuple[Action, ...]]:
    """The book after a look at one device, and the actions that are to be carried out."""
    if not look.fresh:
        return book, look.actions  # unknown is not absent: nothing is known to be over, or new
    due = {(look.driver, a.verb, a.target): a for a in look.actions if not a.routine}
    known = {drift.key: drift for drift in book.open if drift.driver == look.driver}
    others = tuple(drift for drift in book.open if drift.driver != look.driver)
    past = [replace(drift, over=now) for key, drift in known.items() if key not in due]
    settled = book.settled.get(look.driver)
    # Comparing thousands of routes costs time: only when there is something to tell apart.
    calm = bool(due) and settled == Settled(look.desired, look.instance)
    still: list[Drift] = []
    count = book.count
    withheld: set[tuple[str, str, str]] = set()
    for key, action in due.items():
        before = known.get(key)
        if before is None:
            if not calm:
                continue
            count += 1
            drift = _found(look.driver, action, policy, count, now)
        else:
            drift = _again(before, action, policy)
        still.append(drift)
        if drift.action != "repair":
            withheld.add(key)
    carried = tuple(a for a in look.actions if (look.driver, a.verb, a.target) not in withheld)
    standing = dict(book.settled)
    if not carried:
        standing[look.driver] = Settled(look.desired, look.instance)
    elif not calm:
        standing.pop(look.driver, None)  # it is being made into something else, and was not as wanted since
    new = Book(standing, (*others, *still), _kept((*book.past, *past)), count)
    return new, carried


def _found(driver: str, action: Action, policy: Policy, number: int, now: float) -> Drift:
    refused = policy == "adopt" and action.verb != "remove"
    return Drift(
        number=number,
        driver=driver,
        verb=action.verb,
        target=action.target,
        reason=action.reason,
        action="repair" if refused else policy,
        found=now,
        message=NOT_ADOPTABLE if refused else "",
        payload=action.payload,
    )


def _again(before: Drift, action: Action, policy: Policy) -> Drift:
    """The same object again: the policy may be another now, or the object wanted differently."""
    if before.action == "repair" or policy == "repair":
        return replace(before, action="repair")
    if before.payload is not None and before.payload != action.payload:
        return replace(before, action="repair", message="it is wanted differently now")
    return replace(before, payload=action.payload)


def mended(book: Book, driver: str, changes: Iterable[str], now: float) -> Book:
    """What an audit of the gateway found and put right, whatever the policy: nothing works without it."""
    past = list(book.past)
    count = book.count
    for change in changes:
        count += 1
        past.append(
            Drift(
                count, driver, "modify", f"gateway {change}", "changed by somebody", "repair", now, over=now
            )
        )
    return replace(book, past=_kept(past), count=count)


def _kept(past: Sequence[Drift]) -> tuple[Drift, ...]:
    """The last of each kind: the many flows that a switch loses with its controller do not hide that."""
    counted: Counter[str] = Counter()
    found = []
    for drift in reversed(past):
        counted[drift.kind] += 1
        if counted[drift.kind] <= KEPT:
            found.append(drift)
    return tuple(reversed(found))


def failed(book: Book, outcomes: Iterable[Outcome]) -> Book:
    """Say of each drift why its repair failed; of the others, nothing any more."""
    why = {
        (o.action.driver, o.action.verb, o.action.target): o.message for o in outcomes if o.status != "done"
    }
    if not why or not book.open:
        return book
    return replace(book, open=tuple(replace(d, message=why.get(d.key, d.message)) for d in book.open))


def news(before: Book, after: Book) -> Iterator[tuple[Literal["found", "over"], Drift]]:
    """What was found and what is over between two books, for the journal."""
    seen = {drift.number for drift in (*before.open, *before.past)}
    ended = {drift.number for drift in before.past}
    for drift in (*after.open, *after.past):
        if drift.number not in seen:
            yield "found", drift
    for drift in after.past:
        if drift.number not in ended:
            yield "over", drift


def desired_text(drift: Drift) -> str:
    """What should be there, in words."""
    return "absent" if drift.verb == "remove" else "present, as the intent has it"


def observed_text(drift: Drift) -> str:
    """What is there instead."""
    if drift.verb == "add":
        return f"missing ({drift.reason})"
    return f"present ({drift.reason})" if drift.verb == "remove" else drift.reason
