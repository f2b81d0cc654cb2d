"""What is wrong with a topology, all of it at once.

One error type for every way a topology can be refused: a bad name, a bad file, a bad `--set`. It decides
nothing; the checks and the readers find the problems and say the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right: where it is, what is wrong and what to do.

    `place` is a path into the topology such as "cells[1].asn"; `line` is 1-based, in `file`.
    """

    message: str
    place: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        source = [str(part) for part in (self.file, self.line, self.column) if part is not None]
        prefix = [":".join(source)] if source else []
        return ": ".join([*prefix, *([self.place] if self.place else []), self.message])


class TopologyError(ValueError):
    """A topology was refused. `problems` holds everything that is wrong; the text has one line for each."""

    exit_code = 2  # what the command line exits with: bad input

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def of(cls, message: str, place: str = "") -> TopologyError:
        """The error for a single problem that is in no file."""
        return cls([Problem(message, place)])
