"""What a runner tells the person who watches, while it happens. A protocol; `report.terminal` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .outcomes import Outcome, Run
from .scenario import Scenario, Step


class Progress(Protocol):
    """Hears about a run. Must return at once and never fail the run."""

    def begin(self, scenario: Scenario, lab: str) -> None:
        """The first word."""
        ...

    def step(self, number: int, step: Step) -> None:
        """A step begins; numbers count from 1."""
        ...

    def doing(self, text: str) -> None:
        """What is going on right now; replaced by the next."""
        ...

    def note(self, text: str, reasons: Sequence[str] = ()) -> None:
        """A fact worth keeping on the screen, on one line, with the first of its reasons."""
        ...

    def done(self, outcome: Outcome) -> None:
        """The step ended."""
        ...

    def end(self, run: Run) -> None:
        """The last word, with everything."""
        ...


class Silent:
    """Says nothing."""

    def begin(self, scenario: Scenario, lab: str) -> None: ...

    def step(self, number: int, step: Step) -> None: ...

    def doing(self, text: str) -> None: ...

    def note(self, text: str, reasons: Sequence[str] = ()) -> None: ...

    def done(self, outcome: Outcome) -> None: ...

    def end(self, run: Run) -> None: ...
