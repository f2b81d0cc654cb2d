"""In which state each link and node was at a moment, from the timeline: what the drawing of a network shows.

Pure. Links are as agents and switches told, nodes as the supervisor told; what a fault stops or impairs
without anybody noticing is shown as degraded while the fault lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scenarios import liveness
from scenarios.outcomes import Outcome, Run
from scenarios.values import Event
from topologies.draw.states import State
from topologies.model import LinkKind, Topology

_WORSE = (State.UP, State.UNKNOWN, State.DEGRADED, State.DOWN)


def while_broken(run: Run, outcome: Outcome) -> dict[str, str]:
    """The network just before a step's faults were cleared, or a moment after one that was over at once."""
    assert outcome.injected is not None
    moment = outcome.injected + 0.2 if outcome.cleared is None else outcome.cleared - 0.001
    return at(run.scenario.topology, run.timeline, moment, [struck.fault for struck in outcome.faults])


def in_the_end(run: Run) -> dict[str, str]:
    """The network at the end of the run."""
    return at(run.scenario.topology, run.timeline, run.ended)


def at(
    topology: Topology, events: Sequence[Event], moment: float, faults: Iterable[Mapping[str, Any]] = ()
) -> dict[str, str]:
    """By name of link or node; names of which nothing is known are left out."""
    before = [event for event in events if event.t <= moment]
    found: dict[str, State] = {}
    _links(topology, before, found)
    _services(before, found)
    for fault in faults:
        _impaired(topology, fault, found)
    return {name: state.value for name, state in found.items()}


def _worse(found: dict[str, State], name: str, state: State) -> None:
    found[name] = max(found.get(name, state), state, key=_WORSE.index)


def _links(topology: Topology, events: Iterable[Event], found: dict[str, State]) -> None:
    ports: dict[tuple[str, str], State] = {}
    held: dict[str, State] = {}
    for event in events:
        node, detail = event.source.partition("/")[2], event.detail
        if event.kind == "port" and event.source.startswith("agent/"):
            dead = detail.get("link_up") is False or detail.get("bfd") in ("down", "init", "admin_down")
            ports[node, str(detail.get("interface"))] = State.DOWN if dead else State.UP
        elif event.kind == "path":
            held[f"{node} {detail.get('path')}"] = (
                State.DEGRADED if detail.get("event") == "held" else State.UP
            )
    for link in topology.links:
        if link.kind is not LinkKind.WAN:
            continue
        for end in (link.a, link.b):
            if (end.node, end.name) in ports:
                _worse(found, link.name, ports[end.node, end.name])
                _worse(found, link.name, held.get(f"{end.node} {link.name}", State.UP))


def _services(events: Iterable[Event], found: dict[str, State]) -> None:
    away: dict[str, bool] = {}
    for event in events:
        name = str(event.detail.get("service", ""))
        if event.kind in ("service-exit", "service-ready"):
            away[name] = event.kind == "service-exit"
    for name, gone in away.items():
        if gone:
            _worse(found, name.partition("@")[2], State.DOWN)


def _impaired(topology: Topology, fault: Mapping[str, Any], found: dict[str, State]) -> None:
    """What a fault does, whether or not somebody has noticed."""
    nodes = {end.node for link in topology.links for end in (link.a, link.b)}
    ends = liveness.hit(fault, topology)
    for link in topology.links:
        if link.kind is LinkKind.WAN and (link.a.node, link.a.name) in ends:
            _worse(found, link.name, State.DEGRADED)
    node = str(fault.get("service", "")).partition("@")[2]
    named = [node, *(str(name) for key in ("cells", "nodes", "members") for name in fault.get(key, ()))]
    for name in named:
        if name in nodes or any(cell.name == name for cell in topology.cells):
            _worse(found, name, State.DEGRADED)
