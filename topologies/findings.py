"""A problem before it is known in which file it is.

The checks make findings with paths; `report` turns them into problems with places and lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from topologies.errors import Problem
from topologies.specs import Path

Locate = Callable[[Path], int | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at `path`, what to do, and the other place that it collides with, if there is one."""

    path: Path
    fact: str
    remedy: str
    related: Path | None = None


def place(path: Path) -> str:
    """The path as text: ("cells", 1, "asn") gives "cells[1].asn"."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def report(
    findings: Iterable[Finding], file: str | None = None, locate: Locate = lambda _: None
) -> list[Problem]:
    """The findings as problems, in the order of their lines."""
    problems = []
    for finding in findings:
        other = locate(finding.related) if finding.related is not None else None
        at = f" (line {other})" if other is not None else ""
        message = f"{finding.fact}{at}; {finding.remedy}"
        problems.append(Problem(message, place(finding.path), file, locate(finding.path)))
    return sorted(problems, key=lambda problem: problem.line or 0)
