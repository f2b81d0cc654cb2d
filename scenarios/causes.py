"""What led to what: each fact of a timeline linked to the one that caused it, where that is known. Pure.

Only links that rest on something both facts say: the same plan's agent and switch, the same port, the same
service, the same prefix, the same generation of an intent. Where nothing says so there is no link: a guess
that looks like knowledge would be worse than a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from topologies.model import Topology

from . import liveness
from .measurements import FlowMeasurement
from .values import Event

SOON = 0.25
"""Seconds within which a second witness tells of the same."""
PLANNED = 6.0
"""Seconds that carrying out a plan may take at most (both drivers' own limits)."""
TRAVEL = 10.0
"""Seconds within which a route that was announced is learned at the other end."""
_WAKES = ("intent", "path", "port", "bgp-route", "bgp-session", "boot", "bgp-speaker")
_HINTS = {"port": "port", "route": "bgp-route", "session": "bgp-session"}
_MODS = ("flow-mod", "group-mod", "flow-mods")
_REPAIRS = ("bfd", "group-mod", "flow-mod", "flow-mods", "fault-cleared")


def link(events: Sequence[Event], topology: Topology) -> tuple[int | None, ...]:
    """For each event (in order of time) the position of its cause in the sequence, or None."""
    reader = _Reader(topology)
    return tuple(reader.take(position, event) for position, event in enumerate(events))


@dataclass(slots=True)
class _Fault:
    position: int
    event: Event
    ports: frozenset[tuple[str, str]]
    cleared: int | None = None

    @property
    def document(self) -> Mapping[str, Any]:
        fault = self.event.detail.get("fault")
        return fault if isinstance(fault, Mapping) else {}


@dataclass(slots=True)
class _Reader:
    """Reads a timeline from its start and remembers what later facts may rest on."""

    topology: Topology
    last: dict[tuple[str, ...], tuple[int, float]] = field(default_factory=dict)
    """Position and moment of the last fact of a name."""
    faults: list[_Fault] = field(default_factory=list)

    def take(self, position: int, event: Event) -> int | None:
        rule = _RULES.get(event.kind)
        cause = rule(self, event) if rule is not None else None
        self._remember(position, event)
        return cause

    # --- memory -----------------------------------------------------------------------------------

    def _remember(self, position: int, event: Event) -> None:
        node = _node(event)
        for name in (
            (event.kind,),
            (event.kind, node),
            (event.kind, node, str(event.detail.get("interface", ""))),
            (event.kind, node, str(event.detail.get("neighbor", ""))),
            (event.kind, str(event.detail.get("service", ""))),
        ):
            if name[-1]:
                self.last[name] = (position, event.t)
        if event.kind == "fault":
            document = event.detail.get("fault")
            ports = liveness.hit(document, self.topology) if isinstance(document, Mapping) else frozenset()
            self.faults.append(_Fault(position, event, ports))
        elif event.kind == "bgp-announce":
            for prefix in event.detail.get("announced", ()):
                self.last["announced", str(prefix), node] = (position, event.t)
        elif event.kind in _REPAIRS:
            self.last["repair",] = (position, event.t)
        elif event.kind == "plan":
            self.last["plan-number", node, str(event.detail.get("number"))] = (position, event.t)
        if event.detail.get("request") is not None and event.kind != "intent.told":
            self.last["request", str(event.detail["request"])] = (position, event.t)
        if event.kind in _WAKES:
            self.last["wake", node] = (position, event.t)
        generations = event.detail.get("generations")
        if isinstance(generations, Mapping):
            for agent, generation in generations.items():
                self.last["generation", str(agent), str(generation)] = (position, event.t)

    def recent(self, now: float, within: float, *name: str) -> int | None:
        """The last fact of that name, if it is no older than that."""
        found = self.last.get(name)
        return found[0] if found is not None and now - found[1] <= within else None

    # --- rules ------------------------------------------------------------------------------------

    def cleared(self, event: Event) -> int | None:
        for fault in reversed(self.faults):
            if fault.document == event.detail.get("fault") and fault.cleared is None:
                fault.cleared = fault.position
                return fault.position
        return None

    def port(self, event: Event) -> int | None:
        """What a port tells: what its switch logged a moment before, else the fault or its end."""
        node, interface = _node(event), str(event.detail.get("interface", ""))
        if event.kind == "port":
            logged = self.recent(event.t, SOON, "bfd", node, interface)
            if logged is not None:
                return logged
        fault = next((one for one in reversed(self.faults) if (node, interface) in one.ports), None)
        if fault is None:
            return None
        if fault.cleared is not None:
            return self.last["fault-cleared",][0]
        return fault.position

    def hint(self, event: Event) -> int | None:
        """What a driver tells its agent: the fact of that kind that it has just written down."""
        kind = _HINTS.get(str(event.detail.get("about")))
        return None if kind is None else self.recent(event.t, SOON, kind, _node(event))

    def path(self, event: Event) -> int | None:
        return self.recent(event.t, PLANNED, "port", _node(event))

    def plan(self, event: Event) -> int | None:
        """What rang last before it. A plan that nobody rang for (a resync) has no cause."""
        if list(event.detail.get("woken_by", ())) == ["resync"]:
            return None
        return self.recent(event.t, 1.0, "wake", _node(event))

    def action(self, event: Event) -> int | None:
        plan = str(event.detail.get("plan", ""))
        numbered = self.last.get(("plan-number", _node(event), plan))
        return numbered[0] if numbered is not None else self.recent(event.t, PLANNED, "plan", _node(event))

    def told(self, event: Event) -> int | None:
        """New intents of agents: the change in the manager that the same request made."""
        request = event.detail.get("request")
        found = self.last.get(("request", str(request)))
        return found[0] if found is not None and request is not None else None

    def mod(self, event: Event) -> int | None:
        """A change of a switch's tables: the plan of that gateway's agent."""
        gateway = next(
            (
                gateway.name
                for cell in self.topology.cells
                for gateway in cell.gateways
                if gateway.datapath_id == event.detail.get("dpid")
            ),
            "",
        )
        return self.recent(event.t, PLANNED, "plan", gateway)

    def session(self, event: Event) -> int | None:
        name = str(event.detail.get("neighbor", ""))
        if event.detail.get("state") == "down":
            return self.recent(event.t, SOON, "bgp-notification", _node(event), name) or self.service_gone()
        return self.recent(event.t, TRAVEL, "plan", _node(event))

    def service_gone(self) -> int | None:
        """A speaker that was stopped or killed on purpose."""
        speakers = [one for one in self.faults if str(one.document.get("service")).startswith("speaker@")]
        return speakers[-1].position if speakers else None

    def notification(self, event: Event) -> int | None:  # noqa: ARG002 - one signature for all
        return self.faults[-1].position if self.faults else None

    def route(self, event: Event) -> int | None:
        node, detail = _node(event), event.detail
        if detail.get("withdrawn") or detail.get("stale"):
            return self.recent(event.t, SOON, "bgp-session", node, str(detail.get("neighbor", "")))
        for prefix in detail.get("learned", ()):
            found = [
                value
                for name, value in self.last.items()
                if name[:2] == ("announced", str(prefix)) and name[2] != node
            ]
            if found and event.t - max(found)[1] <= TRAVEL:
                return max(found)[0]
        return None

    def service(self, event: Event) -> int | None:
        name = str(event.detail.get("service", ""))
        if event.kind == "service-exit":
            fault = next((one for one in reversed(self.faults) if one.document.get("service") == name), None)
            return fault.position if fault is not None and event.t - fault.event.t < 1.0 else None
        before = "service-exit" if event.kind == "service-start" else "service-start"
        return self.recent(event.t, 60.0, before, name)

    def born(self, event: Event) -> int | None:
        """What a process does at its start: the start of its service on that node."""
        role = {"switch-started": "switch", "bgp-speaker": "speaker", "boot": "switch"}[event.kind]
        return self.recent(event.t, 15.0, "service-start", f"{role}@{_node(event)}")

    def intent(self, event: Event) -> int | None:
        name = ("generation", _node(event), str(event.detail.get("generation")))
        return self.last[name][0] if name in self.last else None

    def wanted(self, event: Event) -> int | None:
        """A change in the manager: the request that the scenario made a moment before."""
        return self.recent(event.t, 1.0, "change")

    def outage(self, event: Event) -> int | None:
        fault = next((one for one in reversed(self.faults) if one.event.t <= event.t + 0.02), None)
        return fault.position if fault is not None else None

    def again(self, event: Event) -> int | None:
        began = event.t - float(event.detail.get("after_ms", 0.0)) / 1000
        found = self.last.get(("repair",))
        return found[0] if found is not None and found[1] >= began else None


def _node(event: Event) -> str:
    return event.source.partition("/")[2]


_RULES: dict[str, Callable[[_Reader, Event], int | None]] = {
    "fault-cleared": _Reader.cleared,
    "bfd": _Reader.port,
    "port": _Reader.port,
    "hint": _Reader.hint,
    "path": _Reader.path,
    "plan": _Reader.plan,
    "action": _Reader.action,
    **dict.fromkeys(_MODS, _Reader.mod),
    "bgp-announce": _Reader.action,
    "bgp-session": _Reader.session,
    "bgp-notification": _Reader.notification,
    "bgp-route": _Reader.route,
    "service-exit": _Reader.service,
    "service-start": _Reader.service,
    "service-ready": _Reader.service,
    "switch-started": _Reader.born,
    "bgp-speaker": _Reader.born,
    "boot": _Reader.born,
    "intent": _Reader.intent,
    "intent.told": _Reader.told,
    "connection.created": _Reader.wanted,
    "connection.updated": _Reader.wanted,
    "endpoint.created": _Reader.wanted,
    "endpoint.updated": _Reader.wanted,
    "outage": _Reader.outage,
    "packets-again": _Reader.again,
}


def of_probes(flows: Sequence[FlowMeasurement]) -> list[Event]:
    """Outages as facts of the timeline: when the first packet was lost, and when one arrived again."""
    found = []
    for measured in flows:
        for outage in measured.outages:
            source = f"probe/{measured.flow.source}"
            told = {"flow": measured.flow.name, "lost": outage.lost}
            found.append(Event(outage.start, source, "outage", told))
            after = {"flow": measured.flow.name, "after_ms": round(outage.duration_ms, 3)}
            found.append(Event(outage.end, source, "packets-again", after))
    return found
