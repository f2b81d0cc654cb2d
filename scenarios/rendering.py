"""From a scenario to the document of a scenario file; `reading` makes the same value of it. Pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from ruamel.yaml import YAML

from topologies import catalogue, render
from topologies.model import Topology

from .actions import name_of
from .scenario import Scenario, Step


def document(scenario: Scenario) -> dict[str, Any]:
    """The whole file as plain values. Raises TopologyError for a topology that no file can describe."""
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "summary": scenario.summary,
        "topology": topology(scenario.topology),
        "seed": scenario.seed,
        "parameters": dict(scenario.parameters),
        "steps": [_step(step) for step in scenario.steps],
    }


def topology(value: Topology) -> dict[str, Any]:
    """A name of the catalogue with its settings, or the whole topology."""
    name = value.parameters.get("catalogue")
    if name in catalogue.names():
        settings = {key: one for key, one in value.parameters.items() if key != "catalogue"}
        if catalogue.build(name, settings) == value:
            return {"name": name, "settings": settings}
    whole: dict[str, Any] = YAML(typ="safe").load(render.render(value))
    return whole


def _step(step: Step) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "name": step.name,
        "title": step.title,
        "what": step.what,
        "expect": step.expect,
        name_of(step.do): _fields(step.do),
    }
    if step.then:
        rendered["then"] = [_fields(one) for one in step.then]
    if step.budget is not None:
        rendered["budget"] = _fields(step.budget)
    return rendered


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a value that are not what they would be anyway."""
    found = {}
    for field in dataclasses.fields(value):
        one = getattr(value, field.name)
        usual = field.default_factory() if callable(field.default_factory) else field.default
        if one != usual:
            found[field.name] = _plain(one)
    return found


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value
