"""Words of a command line to the document of a fault. Pure; knows no lab, so names are checked later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.faults.errors import FaultError, Problem, choose_from
from simulator.faults.parsing import FIELDS
from simulator.faults.values import KINDS

OPTIONS = ("direction", "percent", "milliseconds", "mbit", "seconds")


def document(kind: str, targets: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """The document that `KIND TARGET... [--option value]` asks for. Options that are None were not given.

    Raises FaultError: unknown kind, an option the kind has not, too many targets or none.
    """
    if kind not in KINDS:
        raise FaultError(Problem("KIND", f"unknown fault {kind!r}", choose_from(kind, KINDS)))
    made: dict[str, Any] = {"kind": kind}
    fields = FIELDS[kind]
    problems = [
        Problem(f"--{name}", f"a {kind} has no such option", choose_from(name, set(fields) & set(OPTIONS)))
        for name, value in options.items()
        if value is not None and name not in fields
    ]
    target = fields[0] if kind != "partition" else "members"
    if not targets:
        problems.append(Problem("TARGET", f"a {kind} needs one", f"name a {_noun(target)}"))
    elif target != "members" and len(targets) > 1:
        problems.append(
            Problem("TARGET", f"a {kind} takes one {target}, got {len(targets)}", "inject one fault for each")
        )
    if problems:
        raise FaultError(*problems)
    made[target] = list(targets) if target == "members" else targets[0]
    made.update({name: value for name, value in options.items() if value is not None})
    return made


def _noun(target: str) -> str:
    return "cell or node" if target == "members" else f"{target} (`cellnet lab show` lists them)"
