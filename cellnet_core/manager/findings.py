"""What is right and what is wrong with a connection, one condition at a time. Pure.

Conditions are positive: "True" is good. What agents report are problems, and end up in one condition. A side
whose report is missing or too old makes a condition "Unknown": what it said before is not passed off as the
present.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from cellnet_core.model.wire import ConnectionReport, ReportDocument
from cellnet_core.store.records import ConnectionRecord, EndpointRecord

STALE_AFTER = 6.0
"""Seconds. Agents report at least every two: three missed reports are no accident."""

Truth = Literal["True", "False", "Unknown"]


class Side(NamedTuple):
    """One end, as the manager knows it. Times in seconds."""

    endpoint: EndpointRecord
    report: ReportDocument | None
    """The latest, or None since the manager started."""
    connections: Mapping[str, ConnectionReport]
    """What that report says of each connection, by id."""
    age: float
    """Since that report; without one, since the manager started."""
    generation: int
    """Of the intent that this agent should have."""
    astray: bool
    """Whether this agent stands in another history: what it says is about other intents than ours."""
    ever_seen: bool
    """Whether this agent ever asked or reported: one that never did has nothing to take down."""
    fresh: bool
    """Whether the report may be taken for the present."""

    @property
    def place(self) -> str:
        """How messages name this side."""
        return self.endpoint.place

    def about(self, connection: ConnectionRecord) -> ConnectionReport | None:
        """What the latest report says of the connection."""
        return self.connections.get(connection.id)

    def observed(self, connection: ConnectionRecord) -> bool:
        """Whether its agent has seen the connection's devices, and not too long ago, to say anything of it.

        A new agent, or one whose speaker or switch does not answer, lists nothing or what was last known.
        """
        about = self.about(connection)
        if about is None:
            return True  # it says that it has none
        ages = (about.sessions_age_s, about.tables_age_s)
        return all(age is not None and age + self.age <= STALE_AFTER for age in ages)


Sides = tuple[Side, Side]


class Finding(NamedTuple):
    """A condition before its history. Nine are made for each look at a connection: a tuple is made fast."""

    type: str
    status: Truth
    reason: str
    message: str


_DELETING = Finding("Enabled", "False", "Deleting", "being deleted")
_DISABLED = Finding("Enabled", "False", "Disabled", "enabled is false")
_WANTED = Finding("Enabled", "True", "Enabled", "wanted")
_BOTH_REPORT = Finding("AgentsReporting", "True", "Fresh", "both agents report")
_NO_PROBLEM = Finding("AgentsContent", "True", "NoProblem", "neither agent reports a problem")


def find(connection: ConnectionRecord, sides: Sides) -> tuple[Finding, ...]:
    """All conditions of the connection, always in the same order."""
    first = (_enabled(connection), _reporting(sides), _applied(connection, sides))
    stale = [side.place for side in sides if not side.fresh]
    if stale:
        text = f"no current report from {' and '.join(stale)}"
        return (*first, *[Finding(type_, "Unknown", "NoFreshReport", text) for type_ in REPORTED])
    families = " and ".join(connection.families)
    good = (
        "every path has its session",
        f"each uses the other's prefixes in {families}",
        f"round trips both ways in {families}",
        "every path is up and in use",
        "speaker, controller and switch answer",
    )
    checked = (
        _check(type_, text, connection, sides, check)
        for (type_, check), text in zip(CHECKS.items(), good, strict=True)
    )
    return (*first, *checked, _problems(connection, sides))


def wanted(connection: ConnectionRecord) -> bool:
    """Whether the agents shall have it."""
    return connection.enabled and not connection.deleting


def is_absent(connection: ConnectionRecord, side: Side) -> bool:
    """Whether this side has taken the connection down, for an intent that says so."""
    if not side.ever_seen:
        return True
    if side.report is None:
        return False
    if side.astray:
        return False
    about = side.about(connection)
    if about is None:
        # Not listed under an intent that says "absent": this agent has nothing of it.
        return side.report.generation >= side.generation
    return about.phase == "absent" and about.revision >= connection.revision_number


def _enabled(connection: ConnectionRecord) -> Finding:
    if connection.deleting:
        return _DELETING
    return _WANTED if connection.enabled else _DISABLED


def _reporting(sides: Sides) -> Finding:
    late = []
    reason = "ReportStale"
    for side in sides:
        if side.report is None:
            reason = "NoReport"
            late.append(
                f"the agent of {side.place} has not reported since the manager started {side.age:.1f} s ago"
                if side.ever_seen
                else f"the agent of {side.place} has never reported"
            )
        elif not side.fresh:
            late.append(f"the agent of {side.place} last reported {side.age:.1f} s ago")
    if late:
        return Finding("AgentsReporting", "False", reason, "; ".join(late))
    return _BOTH_REPORT


def _applied(connection: ConnectionRecord, sides: Sides) -> Finding:
    revision = connection.revision_number
    waiting = []
    for side in sides:
        about = side.about(connection)
        if side.report is not None and side.astray:
            text = (
                f"{side.place} follows generation {side.report.generation} of another history and keeps what "
                f"it has: put the newer database back, or confirm this one (at {side.generation})"
            )
            return Finding("Applied", "False", "AgentAstray", text)
        if not wanted(connection):
            if not is_absent(connection, side):
                waiting.append(f"{side.place} has not reported it gone")
        elif about is None:
            waiting.append(f"{side.place} has not taken it up")
        elif about.phase == "error":
            text = f"{side.place} cannot apply it: {_reasons(about)}"
            return Finding("Applied", "False", "AgentError", text)
        elif about.phase != "applied" or about.revision < revision:
            waiting.append(f"{side.place} is applying revision {revision}")
    if waiting:
        return Finding("Applied", "False", "Pending", "; ".join(waiting))
    return Finding("Applied", "True", "Applied", f"both sides have made revision {revision} so")


def _reasons(about: ConnectionReport) -> str:
    return "; ".join(c.message for c in about.conditions if c.status == "True") or "no reason given"


OBSERVED = frozenset({"SessionsEstablished", "RoutesLearned"})
"""Conditions that rest on what speaker and tables last said."""


def _blind(connection: ConnectionRecord, side: Side) -> str:
    about = side.about(connection)
    age = None if about is None else about.sessions_age_s
    if age is None:
        return f"{side.place} has not seen its devices since its agent started"
    return f"{side.place} last saw its devices {age + side.age:.1f} s ago"


def _unsure(connection: ConnectionRecord, side: Side) -> bool:
    about = side.about(connection)
    if about is None:
        return False
    never = about.sessions_age_s is None or about.tables_age_s is None
    return any(not health.known for health in about.health) or (never and not about.health)


Lack = tuple[str, str]
"""Reason in CamelCase, and what is missing where."""
Check = Callable[[ConnectionRecord, Side, Side, ConnectionReport], list[Lack]]


def _check(type_: str, good: str, connection: ConnectionRecord, sides: Sides, check: Check) -> Finding:
    """Unknown when a side cannot tell (both reports are fresh), False when either misses something, else
    True."""
    if type_ in OBSERVED:
        blind = [_blind(connection, side) for side in sides if not side.observed(connection)]
        if blind:
            return Finding(type_, "Unknown", "NotObserved", "; ".join(blind))
    if type_ == "HealthChecked":
        unsure = [side.place for side in sides if _unsure(connection, side)]
        if unsure:
            text = f"{' and '.join(unsure)} began to check and cannot tell yet"
            return Finding(type_, "Unknown", "NotYetKnown", text)
    lacking: list[Lack] = []
    for near, far in (sides, sides[::-1]):
        about = near.about(connection)
        if about is None:
            return Finding(type_, "Unknown", "NotTakenUp", f"{near.place} says nothing of it yet")
        lacking += check(connection, near, far, about)
    if lacking:
        return Finding(type_, "False", lacking[0][0], "; ".join(text for _, text in lacking))
    return Finding(type_, "True", "AsWanted", good)


def _sessions(connection: ConnectionRecord, near: Side, _far: Side, about: ConnectionReport) -> list[Lack]:
    states = {session.path: session for session in about.sessions}
    lacking = []
    for path in connection.paths:
        session = states.get(path.name)
        if session is None or session.state != "ESTABLISHED":
            error = f" ({session.last_error})" if session and session.last_error else ""
            lacking.append(
                ("SessionDown", f"session of {path.name} is not ESTABLISHED at {near.place}{error}")
            )
    return lacking


def _routes(connection: ConnectionRecord, near: Side, far: Side, about: ConnectionReport) -> list[Lack]:
    # As sets: there may be ten thousand on either side.
    learned = {family: frozenset(about.learned.get(family, ())) for family in connection.families}
    lacking = []
    for prefix in far.endpoint.prefixes:
        used = learned.get("ipv6" if ":" in prefix else "ipv4")
        if used is not None and prefix not in used:
            lacking.append(("RouteMissing", f"{near.place} has no route to {prefix}"))
    return lacking


def _health(connection: ConnectionRecord, near: Side, far: Side, about: ConnectionReport) -> list[Lack]:
    ok = {health.family for health in about.health if health.ok}
    return [
        ("NoAnswer", f"{near.place} gets no {family} answer from {far.place}")
        for family in connection.families
        if family not in ok
    ]


def _paths(connection: ConnectionRecord, near: Side, _far: Side, about: ConnectionReport) -> list[Lack]:
    seen = {path.path: path for path in about.paths}
    lacking = []
    for path in connection.paths:
        state = seen.get(path.name)
        if state is None or state.link_up is None or state.bfd is None:
            lacking.append(("PathUnknown", f"{near.place} does not know the state of {path.name}"))
        elif not state.link_up:
            lacking.append(("LinkDown", f"link of {path.name} is down at {near.place}"))
        elif state.bfd not in ("up", "off"):
            lacking.append(("BfdDown", f"BFD of {path.name} is {state.bfd} at {near.place}"))
        elif state.held_down:
            lacking.append(("HeldDown", f"{path.name} is up again at {near.place}, in its hold-down"))
    return lacking


def _processes(_c: ConnectionRecord, near: Side, _far: Side, _about: ConnectionReport) -> list[Lack]:
    processes = () if near.report is None else near.report.processes
    return [
        (f"{process.name.capitalize()}Down", f"{process.name} of {near.place}: {process.message or 'down'}")
        for process in processes
        if not process.ok
    ]


def _problems(connection: ConnectionRecord, sides: Sides) -> Finding:
    """What the agents have to say: each of their conditions names a problem, "True" when it is there."""
    said = [
        (problem, side.place)
        for side in sides
        if (about := side.about(connection)) is not None
        for problem in about.conditions
        if problem.status != "False"
    ]
    if not said:
        return _NO_PROBLEM
    certain = [problem.type for problem, _ in said if problem.status == "True"]
    return Finding(
        "AgentsContent",
        "False" if certain else "Unknown",
        certain[0] if certain else said[0][0].type,
        "; ".join(f"{place}: {problem.message}" for problem, place in said),
    )


CHECKS: Mapping[str, Check] = {
    "SessionsEstablished": _sessions,
    "RoutesLearned": _routes,
    "HealthChecked": _health,
    "PathsUp": _paths,
    "ProcessesRunning": _processes,
}
REPORTED = (*CHECKS, "AgentsContent")
"""Conditions that only current reports can tell."""
