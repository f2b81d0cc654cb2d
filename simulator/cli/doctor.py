"""`cellnet doctor`: what this machine can and cannot do, and what to do about each "no"."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from cliff.columns import FormattableColumn
from cliff.lister import Lister

from simulator import doctor


class YesNo(FormattableColumn[bool]):
    """yes or no for people, true or false for machines."""

    def human_readable(self) -> str:
        return "yes" if self._value else "no"

    def machine_readable(self) -> bool:
        return bool(self._value)


class Doctor(Lister):
    """Say what this machine can do for a lab. Exit status 0 if a lab can run, 1 if not."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._found = doctor.checks()
        super().run(parsed_args)
        missing = doctor.missing_for_lab(self._found)
        if missing:
            names = ", ".join(finding.name for finding in missing)
            self.app.stderr.write(f"no lab can run on this machine yet: {names}\n")
        elif parsed_args.formatter == "table":
            self.app.stderr.write("a lab can run on this machine: cellnet lab up two-cells\n")
        return 1 if missing else 0

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:  # noqa: ARG002  # cliff gives it
        rows = [
            (finding.name, YesNo(finding.ok), finding.detail, finding.needed_for, finding.remedy)
            for finding in self._found
        ]
        return ("name", "ok", "detail", "needed_for", "remedy"), rows
