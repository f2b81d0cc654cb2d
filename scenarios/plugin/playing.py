"""Scenarios in a test: the same value that `cellnet scenario run` plays, on a lab of this run's own.

def test_recovery(play):
    run = play("provision-and-recover")      # or a Scenario, or a path beside the test: "drill.yaml"
    assert run.verdict is Verdict.PASS       # anything else has failed or skipped the test before
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from scenarios import catalogue, checks, files
from scenarios.actions import Boot, Connect, StartProbes
from scenarios.lab_stage import LabStage
from scenarios.lab_stage import Wish as StageWish
from scenarios.outcomes import Run
from scenarios.plugin import hooks, options, records, wishes
from scenarios.plugin.case import Case
from scenarios.plugin.judging import Judge
from scenarios.plugin.wishes import Wish
from scenarios.report import writing
from scenarios.report.terminal import Terminal
from scenarios.runner import Runner
from scenarios.scenario import Scenario
from scenarios.values import Finding
from simulator.client import LabClient
from topologies import sources
from topologies.model import Topology

NEEDED = (Boot, Connect, StartProbes)
"""What makes the things that other steps need."""


class LentStage(LabStage):
    """A stage on a lab that is there already, clean, and belongs to somebody else."""

    def __init__(self, client: LabClient, controller: str) -> None:
        super().__init__(StageWish(client.name, exact=True, controller=controller))
        self._lent = client

    def _start(self, topology: Topology, said: Callable[[str], None]) -> LabClient:
        said(f"lab {self._lent.name} of {topology.name} is there already")
        return self._lent

    def take_down(self) -> None:
        """Let go of the API and of the watch; whoever lent the lab resets it."""
        self.end_watch()
        if self._wanting is not None:
            self._wanting.close()


class Player:
    """The `play` fixture."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._options = options.read(request.config)
        self._case: Case | None = None
        self._runs: list[Run] = []

    def __call__(
        self,
        what: Scenario | str | Path,
        topology: str | None = None,
        settings: Mapping[str, object] | None = None,
        seed: int | None = None,
        step: str | None = None,
    ) -> Run:
        """Play a scenario value, a story by its name, or a YAML file (looked for beside the test first).

        `topology` (a name or a file), `settings` and `seed` are as for `cellnet scenario run`; the default
        seed is that of `--cellnet-seed`. `step`: only that one, and what it needs. A FAIL fails the test,
        INCONCLUSIVE skips it. Raises ScenarioError and others for what cannot be, before anything starts.
        """
        __tracebackhide__ = True
        scenario = self._scenario(what, topology, settings or {}, seed)
        if step is not None:
            scenario = only(scenario, step)
        checks.check(scenario)
        self._end_case()
        own = wishes.read(
            [mark for mark in self._request.node.iter_markers() if mark.name in hooks.MARKERS],
            self._request.node.path.parent,
        )
        wish = Wish(scenario.topology, own.controller, own.needs)
        self._case = case = hooks.lend(self._request, wish)
        stage = LentStage(case.lent.client, wish.controller)
        terminal = Terminal()
        try:
            run = Runner(scenario, stage, terminal).play()
        finally:
            terminal.close()
            stage.take_down()
        self._runs.append(run)
        Judge(case, inconclusive_fails=self._options.inconclusive_fails).conclude(findings(run))
        return run

    def finish(self) -> None:
        """Give the last lab back, and write the reports."""
        try:
            self._end_case()
        finally:
            if self._options.report is not None:
                place = self._options.report / records.name_for(self._request.node.nodeid)
                for number, run in enumerate(self._runs, start=1):
                    directory = place / f"{number}-{run.scenario.name}"
                    directory.mkdir(parents=True, exist_ok=True)
                    writing.write(run, directory)

    def _end_case(self) -> None:
        case, self._case = self._case, None
        if case is not None:
            hooks.give_back(self._request.node, case)

    def _scenario(
        self,
        what: Scenario | str | Path,
        topology: str | None,
        settings: Mapping[str, object],
        seed: int | None,
    ) -> Scenario:
        if isinstance(what, Scenario):
            return what
        chosen_seed = self._options.seed if seed is None else seed
        if isinstance(what, Path) or catalogue.is_file(what):
            beside = self._request.node.path.parent / what
            path = beside if beside.is_file() else Path(what)
            return files.read(path, topology, seed)
        given = {key: str(value) for key, value in settings.items()}
        story = catalogue.find(what)
        place = None if topology is None else sources.resolve(topology)
        return catalogue.scenario(story, place, given, chosen_seed)


def only(scenario: Scenario, step: str) -> Scenario:
    """The scenario with one step, and those that make what it needs. Raises UsageError for an unknown one."""
    names = [one.name for one in scenario.steps]
    if step not in names:
        raise pytest.UsageError(f"{scenario.name} has no step {step!r}; it has {', '.join(names)}")
    kept = tuple(one for one in scenario.steps if one.name == step or isinstance(one.do, NEEDED))
    return replace(scenario, steps=kept)


def findings(run: Run) -> list[Finding]:
    """Everything that was judged: steps, and safety properties over the whole run. Pure."""
    found = [
        Finding(outcome.verdict, f"{outcome.step.title}: {outcome.reason}")
        for outcome in run.outcomes
        if outcome.verdict is not None
    ]
    found += [Finding(one.verdict, f"{one.says}: {one.reason}") for one in run.safety]
    if run.verdict not in {finding.verdict for finding in found}:
        found.append(Finding(run.verdict, f"the run as a whole is {run.verdict.value}"))
    return found
