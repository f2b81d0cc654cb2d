"""The run on the terminal: live progress, then a table. Plain lines where the output is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.status import Status
from rich.table import Table

from scenarios import explaining, guarding, wording
from scenarios.actions import Break, Connect
from scenarios.outcomes import Outcome, Run
from scenarios.scenario import Scenario, Step
from scenarios.values import Verdict

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.INCONCLUSIVE: "yellow"}
CLOSING = {
    Verdict.PASS: "Everything recovered within its budget.",
    Verdict.FAIL: "At least one step failed.",
    Verdict.INCONCLUSIVE: "Nothing failed, but the machine was too busy to be sure.",
}

NOTE_COLUMNS = 110
"""A note is one line and no longer than this."""
PLAIN_WIDTH = 130
"""Columns of the table where the output goes into a file or a pipe."""


class Terminal:
    """Prints what a runner tells. `console` decides about colour, width and whether lines may be replaced."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _console()
        self._status: Status | None = None

    def begin(self, scenario: Scenario, lab: str) -> None:
        self._print(f"[bold]{escape(scenario.title)}[/]")
        if scenario.summary:
            self._print(escape(scenario.summary))
        where = f"{f'lab {lab}, ' if lab else ''}topology {scenario.topology.name}, "
        self._print(f"[dim]{escape(where)}seed {scenario.seed}, {len(scenario.steps)} steps[/]\n")

    def step(self, number: int, step: Step) -> None:
        self._rest()
        self._print(f"[bold cyan]{number:>2}[/] [bold]{escape(step.title)}[/]")
        self._indented(escape(explaining.what(step)))
        if expected := explaining.expect(step):
            self._indented(f"[dim]expected: {escape(expected)}[/]")

    def doing(self, text: str) -> None:
        if not self._console.is_terminal:
            return
        line = escape(wording.cut(text, self._console.width - len("⠋  ")))
        if self._status is None:
            self._status = self._console.status(line, spinner="dots")
            self._status.start()
        else:
            self._status.update(line)

    def note(self, text: str, reasons: Sequence[str] = ()) -> None:
        columns = min(self._console.width, NOTE_COLUMNS) - len("   · ")
        self._indented(f"· {escape(wording.fit(text, reasons, columns))}")

    def done(self, outcome: Outcome) -> None:
        self._rest()
        verdict = outcome.verdict
        if verdict is None:
            return
        line = f"[{STYLES[verdict]}]{verdict.value}[/] {escape(outcome.reason)}"
        self._indented(line)
        if outcome.repaired_by:
            self._indented(f"repaired by: {escape(outcome.repaired_by)}")
        self._print("")

    def end(self, run: Run) -> None:
        self._rest()
        self._console.print(table(run))
        if line := figures(run):
            self._print(f"[dim]{escape(line)}[/]")
        for one in run.safety:
            if one.verdict is not Verdict.PASS:
                self._print(
                    f"[{STYLES[one.verdict]}]{one.verdict.value}[/] {escape(f'{one.says}: {one.reason}')}"
                )
        if held := [one.says for one in run.safety if one.verdict is Verdict.PASS]:
            self._print(f"[dim]at all times: {escape('; '.join(held))}[/]")
            self._print(f"[dim]{escape(guarding.how(run.safety))}[/]")
        self._print(f"[{STYLES[run.verdict]}]{run.verdict.value}[/] {closing(run)}")

    def written(self, run: Run, directory: Path) -> None:
        """The reports are there."""
        self._print(f"report: {escape(str(directory / 'report.html'))}")
        for one in run.captures:
            self._print(
                f"packets: {escape(str(directory / one.file))} ({size_of(one.size)}, {escape(one.what)})"
            )
            for doubt in one.doubts:
                self._print(f"[yellow]  {escape(doubt)}[/]")

    def between(self, number: int, wanted: int, verdicts: Sequence[Verdict]) -> None:
        """One of several runs is over."""
        counts = [f"{verdicts.count(one)} {one.value}" for one in Verdict if one in verdicts]
        self._print(f"[bold]run {number} of {wanted}[/]: {', '.join(counts)} so far\n")

    def close(self) -> None:
        """Stop drawing; safe to call at any time and more than once."""
        self._rest()

    def _rest(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _print(self, markup: str) -> None:
        self._console.print(markup, soft_wrap=not self._console.is_terminal)

    def _indented(self, markup: str) -> None:
        if self._console.is_terminal:
            self._console.print(Padding(markup, (0, 0, 0, 3)))
        else:
            self._console.print(f"   {markup}", soft_wrap=True)


def _console() -> Console:
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(highlight=False, width=width)


def closing(run: Run) -> str:
    """The last sentence."""
    if not run.ended_by_hand:
        return CLOSING[run.verdict]
    done = sum(outcome.verdict is not None for outcome in run.outcomes)
    return f"Ended by hand after {done} of {len(run.outcomes)} steps; this is about those."


def size_of(size: int) -> str:
    """So many bytes, for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def table(run: Run) -> Table:
    """Fault, outage, packets lost, what repaired it, verdict: a row for each fault.

    Steps without a fault have a row only if something is wrong with them.
    """
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    result.add_column("#", justify="right", no_wrap=True)
    result.add_column("fault", min_width=18, ratio=2)
    result.add_column("outage", justify="right", no_wrap=True)
    result.add_column("lost", justify="right", no_wrap=True)
    result.add_column("what repaired it", ratio=3)
    result.add_column("verdict", no_wrap=True, min_width=len(Verdict.INCONCLUSIVE.value))
    for number, outcome in enumerate(run.outcomes, start=1):
        if outcome.verdict is Verdict.PASS and not isinstance(outcome.step.do, Break):
            continue
        product = [measured for measured in outcome.flows if not measured.flow.control]
        outage = max((measured.worst_outage_ms for measured in product), default=None)
        lost = sum(measured.lost for measured in product) if product else None
        verdict = outcome.verdict
        result.add_row(
            str(number),
            escape(outcome.step.title),
            "" if outage is None else _quiet(f"{outage:.1f} ms", outage),
            "" if lost is None else _quiet(f"{lost:,}", lost),
            escape(outcome.repaired_by),
            f"[{STYLES[verdict]}]{verdict.value}[/]" if verdict else "[dim]not run[/]",
        )
    return result


def _quiet(text: str, figure: float) -> str:
    return text if figure else f"[dim]{text}[/]"


def figures(run: Run) -> str:
    """One line of figures about the whole run."""
    facts = {key: value for outcome in run.outcomes for key, value in outcome.facts.items()}
    connect = next((one for one in run.outcomes if isinstance(one.step.do, Connect)), None)
    parts = []
    if "up_after_s" in facts:
        parts.append(f"lab up in {facts['up_after_s']:.1f} s")
    if connect is not None and "online_after_s" in connect.facts:
        parts.append(f"ONLINE {connect.facts['online_after_s']:.1f} s after the request")
    product = [measured for measured in run.flows if not measured.flow.control]
    if product:
        sent, lost = (sum(getattr(one, name) for one in product) for name in ("sent", "lost"))
        parts.append(f"{lost:,} of {sent:,} packets lost in {run.ended - run.started:.0f} s")
    return " · ".join(parts)
