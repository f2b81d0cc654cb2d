"""Scenarios in YAML files: the same value as a story makes, checked before anything starts.

`load` reports everything that is wrong with a file at once, each with file and line: what does not fit the
published schema (`scenario.schema.json`), and, for all that could be read, what `checks` finds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from io import StringIO
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML

from topologies import catalogue, fileformat, findings, schema_findings, sources, yaml_source
from topologies.errors import TopologyError
from topologies.findings import Finding
from topologies.model import Topology

from . import checks, reading, rendering
from .actions import ACTIONS
from .checks import ScenarioError
from .scenario import Scenario, Step

SCHEMA_FILE = "scenario.schema.json"
Path = tuple[str | int, ...]


def schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12) of the file format."""
    text = resources.files("scenarios").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def read(path: FilePath, topology: str | None = None, seed: int | None = None) -> Scenario:
    """`load` of a file. Raises ScenarioError also if it cannot be opened or is no text."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError([f"{path}: the file is no text in UTF-8; save it as UTF-8"]) from error
    except OSError as error:
        raise ScenarioError([f"{path}: cannot be read: {error.strerror}; check name and rights"]) from error
    return load(text, str(path), topology, seed)


def load(
    text: str, filename: str = "scenario.yaml", topology: str | None = None, seed: int | None = None
) -> Scenario:
    """The scenario that a file describes. Raises ScenarioError with every problem and its line.

    `topology` (a name of the catalogue or a file) and `seed` go before what the file says.
    """
    try:
        source = yaml_source.parse(text, filename)
    except TopologyError as error:
        raise ScenarioError(
            [str(problem).replace("topology", "scenario") for problem in error.problems]
        ) from error
    found = [_of_scenario(one) for one in schema_findings.find(source.value, schema())]
    if () not in {one.path for one in found}:
        built, more = _Document(source.value, filename, {one.path for one in found}).build(topology)
        found += more
        if not found and built is not None:
            return built if seed is None else replace(built, seed=seed)
    problems = findings.report(found, filename, source.locate)
    raise ScenarioError([str(problem) for problem in problems])


def dump(scenario: Scenario) -> str:
    """The scenario as a file, which `load` makes the same value of. Raises TopologyError."""
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel types it None
    yaml.allow_unicode = True
    stream = StringIO()
    yaml.dump(rendering.document(scenario), stream)
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class _Document:
    """A document whose misfits are known; what is beside them is read all the same."""

    value: dict[str, Any]
    filename: str
    misfits: set[Path]

    def build(self, topology: str | None) -> tuple[Scenario | None, list[Finding]]:
        """The scenario, of the steps that can be read, and what is wrong with them."""
        wrong: list[Finding] = []
        network = self._topology(topology, wrong)
        if network is None or self._unreadable(("steps",)):
            return None, wrong
        steps: list[tuple[int, Step]] = []
        for index, document in enumerate(self.value.get("steps", ())):
            if self._misfit_within(("steps", index)):
                continue
            try:
                steps.append((index, reading.step(document, network)))
            except reading.StepError as error:
                place: Path = ("steps", index, *([error.field] if error.field else []))
                wrong.append(Finding(place, *_halves(str(error))))
        scenario = self._scenario(network, tuple(step for _, step in steps))
        complete = len(steps) == len(self.value.get("steps", ()))
        for problem in checks.problems(scenario):
            if problem.step < 0:
                wrong.append(Finding(("steps",), *_halves(problem.message)))
            elif complete or problem.path != ("do",):  # without all steps their order says nothing
                index, step = steps[problem.step]
                wrong.append(Finding(_place(index, step, problem.path), *_halves(problem.message)))
        return scenario, wrong

    def _scenario(self, network: Topology, steps: tuple[Step, ...]) -> Scenario:
        value = self.value
        seed = value.get("seed", 0)
        return Scenario(
            name=str(value.get("scenario", "")),
            title=str(value.get("title", "")),
            summary=str(value.get("summary", "")),
            topology=network,
            steps=steps,
            seed=seed if isinstance(seed, int) else 0,
            parameters=value.get("parameters", dict(network.parameters)),
        )

    def _topology(self, instead: str | None, wrong: list[Finding]) -> Topology | None:
        """The topology that is named, described, or given instead."""
        if instead is not None:
            return sources.resolve(instead)
        if self._unreadable(("topology",)):
            return None
        said = self.value["topology"]
        try:
            if isinstance(said, str):
                return sources.resolve(said)
            if "file" in said:
                return sources.resolve(str(FilePath(self.filename).parent / str(said["file"])))
            if "cells" in said:
                stream = StringIO()
                YAML(typ="safe").dump(said, stream)
                return fileformat.load(stream.getvalue(), f"{self.filename}: topology")
            return catalogue.build(str(said.get("name", "")), said.get("settings", {}))
        except TopologyError as error:
            wrong += [Finding(("topology",), *_halves(str(problem))) for problem in error.problems]
            return None

    def _unreadable(self, path: Path) -> bool:
        return path in self.misfits

    def _misfit_within(self, path: Path) -> bool:
        return any(one[: len(path)] == path for one in self.misfits)


def _place(index: int, step: Step, path: Path) -> Path:
    """Where in the file a problem of a step is: what it does is under the name of the action."""
    name = next(name for name, kind in ACTIONS.items() if isinstance(step.do, kind))
    rest = (name, *path[1:]) if path[:1] == ("do",) else path
    return ("steps", index, *rest)


def _of_scenario(found: Finding) -> Finding:
    """What is no mapping at all is told how a scenario begins, not how a topology does."""
    if found.path == () and "begin with" in found.remedy:
        return replace(found, remedy="begin with 'scenario: my-drill', 'title:', 'topology:' and 'steps:'")
    return found


def _halves(message: str) -> tuple[str, str]:
    """Fact and remedy of a message, which are told apart by a semicolon."""
    fact, _, remedy = message.partition("; ")
    return fact, remedy or "see docs/scenarios.md"
