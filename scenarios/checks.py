"""Checks a scenario before anything starts: every problem at once, with its place and its remedy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator import faults, stack
from simulator.context import SEGMENT_NODE, Inventory
from topologies.model import LinkKind, Topology

from .conditions import CONDITIONS
from .values import IN_USE, Break, Connect, Scenario, Step


class ScenarioError(ValueError):
    """A scenario that cannot be played. `problems` has a line for each thing that is wrong."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def check(scenario: Scenario) -> None:
    """Raises ScenarioError with everything that is wrong with it."""
    inventory = expected_inventory(scenario.topology)
    problems = []
    seen: set[str] = set()
    for index, step in enumerate(scenario.steps):
        place = f"{scenario.name}: steps[{index}] ({step.name})"
        if step.name in seen:
            problems.append(f"{place}: another step has that name; names of steps must differ")
        seen.add(step.name)
        problems += [f"{place}: {problem}" for problem in _step_problems(step, inventory)]
    if problems:
        raise ScenarioError(problems)


def expected_inventory(topology: Topology) -> Inventory:
    """The names that a lab of this topology will have."""
    return Inventory(
        topology=topology,
        nodes=frozenset(stack.node_names(topology)) | {SEGMENT_NODE},
        links={link.name: link for link in topology.links},
        services={spec.name: spec.node for spec in stack.expand(topology, "ryu").services},
    )


def _step_problems(step: Step, inventory: Inventory) -> list[str]:
    problems = [
        f"there is no condition {wanted.condition!r}; there are: {', '.join(sorted(CONDITIONS))}"
        for wanted in step.then
        if wanted.condition not in CONDITIONS
    ]
    problems += [
        f"{wanted.says!r} must have a deadline above 0 s, not {wanted.within_s:g}"
        for wanted in step.then
        if wanted.within_s <= 0
    ]
    action = step.do
    cells = [cell.name for cell in inventory.topology.cells]
    if isinstance(action, Connect):
        problems += [
            f"there is no cell {name!r}; there are: {', '.join(cells)}"
            for name in (action.local_cell, action.remote_cell)
            if name not in cells
        ]
        if action.local_cell == action.remote_cell:
            problems.append(f"{action.local_cell!r} cannot be connected to itself; name two cells")
    if isinstance(action, Break):
        problems += _fault_problems(action, inventory)
    return problems


def _fault_problems(action: Break, inventory: Inventory) -> list[str]:
    problems = []
    if action.hold_s < 0 or action.phase_s < 0:
        problems.append("hold_s and phase_s are seconds and cannot be negative")
    if action.restarts is not None and action.restarts not in inventory.services:
        known = ", ".join(sorted(inventory.services))
        problems.append(f"there is no service {action.restarts!r}; there are: {known}")
    try:
        faults.parse(_filled(action.fault, inventory.topology), inventory, "fault")
    except faults.FaultError as error:
        problems += [str(problem) for problem in error.problems]
    return problems


def _filled(fault: Mapping[str, Any], topology: Topology) -> dict[str, Any]:
    """The fault with some WAN link for the path in use, which only the run can know."""
    path = next((link.name for link in topology.links if link.kind is LinkKind.WAN), "")
    return {key: path if value == IN_USE else value for key, value in fault.items()}
