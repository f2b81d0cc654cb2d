"""Checks a scenario before anything starts: every problem at once, with its place and its remedy. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from simulator import faults, stack
from simulator.context import SEGMENT_NODE, Inventory
from topologies.model import Cell, LinkKind, Topology

from . import ways
from .actions import Boot, Break, Change, Connect, Disconnect, StartProbes, Watch
from .conditions import ARGUMENTS, CONDITIONS, OPTIONAL
from .scenario import Scenario, Step
from .values import KINDS, Budget, Expectation
from .wording import nearest

Path = tuple[str | int, ...]
LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. `path` leads to it from the step, such as ("do", "hold_s")."""

    step: int
    path: Path
    message: str


class ScenarioError(ValueError):
    """A scenario that cannot be played. `problems` has a line for each thing that is wrong."""

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def check(scenario: Scenario) -> None:
    """Raises ScenarioError with everything that is wrong with it."""
    found = problems(scenario)
    if found:
        names = [step.name for step in scenario.steps]
        raise ScenarioError(
            [
                f"{scenario.name}: steps[{one.step}] ({names[one.step]}): {one.message}"
                if one.step >= 0
                else f"{scenario.name}: {one.message}"
                for one in found
            ]
        )


def problems(scenario: Scenario) -> list[Problem]:
    """Everything that is wrong, in the order of the steps; step -1: about the whole."""
    inventory = expected_inventory(scenario.topology)
    found = [] if scenario.steps else [Problem(-1, (), "it has no steps; begin with boot")]
    seen: set[str] = set()
    joined: tuple[Cell, Cell] | None = None
    done: set[type] = set()
    for index, step in enumerate(scenario.steps):
        if step.name in seen:
            message = f"another step is called {step.name!r}; names of steps must differ"
            found.append(Problem(index, ("name",), message))
        seen.add(step.name)
        if isinstance(step.do, Connect):
            joined = _cells(step.do, scenario.topology) or joined
        checker = _Step(step, inventory, joined)
        found += [Problem(index, path, message) for path, message in (*_order(step, done), *checker.all())]
        done.add(type(step.do))
    return found


def expected_inventory(topology: Topology) -> Inventory:
    """The names that a lab of this topology will have."""
    return Inventory(
        topology=topology,
        nodes=frozenset(stack.node_names(topology)) | {SEGMENT_NODE},
        links={link.name: link for link in topology.links},
        services={spec.name: spec.node for spec in stack.expand(topology, "ryu").services},
    )


Wrong = tuple[Path, str]


def _order(step: Step, done: set[type]) -> Iterator[Wrong]:
    """What must have been done before this step can be."""
    if Boot not in done and not isinstance(step.do, Boot):
        yield ("do",), "nothing is there yet; make boot the first step"
    elif isinstance(step.do, Boot) and Boot in done:
        yield ("do",), "the lab is booted already; boot once"
    elif isinstance(step.do, (Break, StartProbes, Disconnect)) and Connect not in done:
        yield ("do",), "no cells are connected yet; put a connect step before it"
    if isinstance(step.do, StartProbes) and StartProbes in done:
        yield ("do",), "probes run already, until the scenario ends; start them once"
    if isinstance(step.do, Connect) and Connect in done:
        yield ("do",), "two cells are connected already; use change to create more connections"
    if Disconnect in done:
        yield ("do",), "the connection was taken away; make disconnect the last step"


def _cells(action: Connect, topology: Topology) -> tuple[Cell, Cell] | None:
    try:
        return topology.cell(action.local_cell), topology.cell(action.remote_cell)
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class _Step:
    """Checks one step in a lab with that inventory, between those cells."""

    step: Step
    inventory: Inventory
    joined: tuple[Cell, Cell] | None

    def all(self) -> Iterator[Wrong]:
        for number, wanted in enumerate(self.step.then):
            yield from self._expectation(wanted, ("then", number), LONGEST_S)
        yield from self._twice(self.step.then, ("then",))
        if self.step.budget is not None:
            yield from self._budget(self.step.budget)
        action = self.step.do
        if isinstance(action, Connect):
            yield from self._connect(action)
        elif isinstance(action, Watch):
            yield from _seconds(action.seconds, ("do", "seconds"), "seconds", above=True)
        elif isinstance(action, StartProbes):
            yield from self._flows(action)
        elif isinstance(action, Change):
            yield from self._change(action, ("do",))
        elif isinstance(action, Break):
            yield from self._break(action)

    def _budget(self, budget: Budget) -> Iterator[Wrong]:
        yield from _budget(budget, ("budget",))
        hosts = self._hosts()
        for node, other in budget.towards.items():
            path: Path = ("budget", "towards", node)
            if node not in hosts:
                yield path, f"there is no host {node!r}; {nearest(node, hosts)}"
            if other.towards:
                yield (*path, "towards"), "limits for a node have no further limits; write them side by side"
            yield from _budget(other, path)

    def _hosts(self) -> list[str]:
        return [host.name for cell in self.inventory.topology.cells for host in cell.hosts]

    def _connect(self, action: Connect) -> Iterator[Wrong]:
        names = [cell.name for cell in self.inventory.topology.cells]
        for field in ("local_cell", "remote_cell"):
            name = getattr(action, field)
            if name not in names:
                yield ("do", field), f"there is no cell {name!r}; {nearest(name, names)}"
        if action.local_cell == action.remote_cell:
            message = f"{action.local_cell!r} cannot be connected to itself; name two cells"
            yield ("do", "remote_cell"), message

    def _flows(self, action: StartProbes) -> Iterator[Wrong]:
        hosts = self._hosts()
        if not action.flows:
            yield ("do", "flows"), "no flows; name at least one"
        for number, flow in enumerate(action.flows):
            for field in ("source", "destination"):
                name = getattr(flow, field)
                if name not in hosts:
                    yield ("do", "flows", number, field), f"there is no host {name!r}; {nearest(name, hosts)}"
            if not 1 <= flow.rate <= 10_000:
                yield ("do", "flows", number, "rate"), f"{flow.rate} packets/s; choose 1 to 10000"

    def _change(self, change: Change, path: Path) -> Iterator[Wrong]:
        cell = change.fields.get("cell")
        names = [cell.name for cell in self.inventory.topology.cells]
        if cell is not None and cell not in names:
            yield (*path, "fields", "cell"), f"there is no cell {cell!r}; {nearest(str(cell), names)}"
        needs = {"endpoint": ("cell",), "connection": ("local_endpoint", "remote_endpoint")}[change.resource]
        if change.do == "create":
            for field in needs:
                if field not in change.fields:
                    yield (*path, "fields"), f"a new {change.resource} needs {field}"
        yield from _seconds(change.after_s, (*path, "after_s"), "after_s")

    def _break(self, action: Break) -> Iterator[Wrong]:
        for field in ("hold_s", "phase_s", "apart_s"):
            yield from _seconds(getattr(action, field), ("do", field), field)
        services = self.inventory.services
        if action.restarts is not None and action.restarts not in services:
            message = f"there is no service {action.restarts!r}; {nearest(action.restarts, services)}"
            yield ("do", "restarts"), message
        if not action.faults:
            yield ("do", "fault"), "no fault; name at least one"
        for number, _ in enumerate(action.faults):
            yield from self._fault(action, number)
        for number, wanted in enumerate(action.during):
            yield from self._expectation(wanted, ("do", "during", number), action.hold_s)
        yield from self._twice((*action.during, *self.step.then), ("do", "during"))
        for number, change in enumerate(action.changes):
            path = ("do", "changes", number)
            yield from self._change(change, path)
            if change.after_s > action.hold_s:
                message = f"after_s {change.after_s:g} is after the faults' end ({action.hold_s:g} s)"
                yield (*path, "after_s"), f"{message}; make hold_s longer or the change a step of its own"

    def _fault(self, action: Break, number: int) -> Iterator[Wrong]:
        path: Path = ("do", "fault") if not isinstance(action.fault, tuple) else ("do", "fault", number)
        topology = self.inventory.topology
        # Before cells are connected any WAN link will do: that they are not is told elsewhere.
        links = ways.between(topology, *self.joined) if self.joined is not None else topology.links
        names = tuple(link.name for link in links if link.kind is LinkKind.WAN)
        try:
            filled = ways.fill(action.faults[number], names[0] if names else "", names)
            faults.parse(filled, self.inventory, "fault")
        except ways.NoSuchWayError as error:
            yield path, f"fault: {error}"
        except faults.FaultError as error:
            for problem in error.problems:
                yield (*path, *str(problem).partition(":")[0].split(".")[1:]), str(problem)

    def _expectation(self, wanted: Expectation, path: Path, within: float) -> Iterator[Wrong]:
        if wanted.kind not in KINDS:
            yield (*path, "kind"), f"there is no kind {wanted.kind!r}; {nearest(wanted.kind, KINDS)}"
        if wanted.condition not in CONDITIONS:
            message = f"there is no condition {wanted.condition!r}; {nearest(wanted.condition, CONDITIONS)}"
            yield (*path, "condition"), message
            return
        if not 0 < wanted.within_s < math.inf:
            message = f"{wanted.says!r} must have a deadline above 0 s, not {wanted.within_s:g}"
            yield (*path, "within_s"), message
        elif wanted.within_s > within:
            message = f"{wanted.says!r} has a deadline of {wanted.within_s:g} s, later than {within:g} s"
            yield (*path, "within_s"), f"{message}, when its time is over"
        yield from _seconds(wanted.for_s, (*path, "for_s"), "for_s")
        yield from self._arguments(wanted, path)

    def _arguments(self, wanted: Expectation, path: Path) -> Iterator[Wrong]:
        needed = ARGUMENTS.get(wanted.condition, ())
        known = (*needed, *OPTIONAL.get(wanted.condition, ()))
        for name in needed:
            if name not in wanted.of:
                yield (*path, "of"), f"{wanted.condition!r} needs {name!r} in of"
        for name in wanted.of:
            if name not in known:
                remedy = nearest(name, known) if known else "it takes nothing"
                yield (*path, "of", name), f"{wanted.condition!r} takes no {name!r}; {remedy}"
        gateways = [gateway.name for cell in self.inventory.topology.cells for gateway in cell.gateways]
        gateway = wanted.of.get("gateway")
        if gateway is not None and gateway not in gateways:
            message = f"there is no gateway {gateway!r}; {nearest(str(gateway), gateways)}"
            yield (*path, "of", "gateway"), message
        if "prefix" in wanted.of:
            try:
                ip_network(str(wanted.of["prefix"]))
            except ValueError as error:
                yield (*path, "of", "prefix"), f"{error}; write it like 10.9.0.0/24"
        if wanted.condition == "service-back" and getattr(self.step.do, "restarts", None) is None:
            yield path, "'service-back' needs restarts in the same step: the service that must come back"
        if wanted.condition == "path" and not isinstance(self.step.do, Break) and "is" not in wanted.of:
            yield path, "'path' needs a fault in the same step, or of: {is: LINK}"

    def _twice(self, wanted: tuple[Expectation, ...], path: Path) -> Iterator[Wrong]:
        says = [one.says for one in wanted]
        for name in dict.fromkeys(one for one in says if says.count(one) > 1):
            yield path, f"two expectations say {name!r}; give one of them other words with says: ..."


def _budget(budget: Budget, path: Path) -> Iterator[Wrong]:
    place = ".".join(map(str, path))
    for field in ("outage_ms", "lost", "outages"):
        value = getattr(budget, field)
        if value is not None and not 0 <= value < math.inf:
            yield (*path, field), f"{place}.{field} {value:g} cannot be; give 0 or more"
    if not budget.why.strip():
        yield (*path, "why"), f"{place}.why is empty; say where the figures come from"
    if budget.outage_ms is None and budget.lost is None and budget.outages is None:
        yield path, "a budget limits something; give outage_ms, lost or outages"


def _seconds(value: float, path: Path, name: str, *, above: bool = False) -> Iterator[Wrong]:
    if not 0 <= value <= LONGEST_S or (above and value == 0):
        low = "above 0" if above else "0"
        yield path, f"{name} {value:g}: seconds cannot be negative or endless; give {low} to {LONGEST_S:g}"
