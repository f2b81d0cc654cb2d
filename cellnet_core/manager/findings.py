"""What is right and what is wrong with a connection, one condition at a time. Pure.

Conditions are positive: "True" is good. What agents report are problems, and end up in one condition. A side
whose report is missing or too old makes a condition "Unknown": what it said before is not passed off as the
present.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from cellnet_core.model.wire import ConnectionReport, ReportDocument
from cellnet_core.store.records import ConnectionRecord, EndpointRecord, Family

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
        return _observed(self, self.about(connection))


Sides = tuple[Side, Side]
Abouts = tuple[ConnectionReport | None, ConnectionReport | None]
"""What each side says of one connection: looked up once, and needed by almost all that follows."""


def abouts(connection: ConnectionRecord, sides: Sides) -> Abouts:
    """What each side says of the connection."""
    near, far = sides
    return near.connections.get(connection.id), far.connections.get(connection.id)


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
    near, far = sides
    said = abouts(connection, sides)
    first = (_enabled(connection), _reporting(sides), _applied(connection, sides, said))
    if not (near.fresh and far.fresh):
        return first + _unheard(" and ".join([side.place for side in sides if not side.fresh]))
    near_says, far_says = said
    looks = ((near, far, near_says), (far, near, far_says))
    doubts = _doubts(looks)
    checked = [
        doubts.get(good.type) or _check(good, connection, looks, check)
        for good, check in zip(_good(connection.families), CHECKS.values(), strict=True)
    ]
    return (*first, *checked, _problems(sides, said))


@lru_cache(maxsize=64)
def _good(families: tuple[Family, ...]) -> tuple[Finding, ...]:
    """What each of CHECKS finds where nothing is wrong."""
    both = " and ".join(families)
    texts = (
        "every path has its session",
        f"each uses the other's prefixes in {both}",
        f"round trips both ways in {both}",
        "every path is up and in use",
        "speaker, controller and switch answer",
    )
    return tuple(Finding(type_, "True", "AsWanted", text) for type_, text in zip(CHECKS, texts, strict=True))


@lru_cache(maxsize=1024)
def _unheard(places: str) -> tuple[Finding, ...]:
    """What is found of all that only current reports can tell, without one from there."""
    text = f"no current report from {places}"
    return tuple(Finding(type_, "Unknown", "NoFreshReport", text) for type_ in REPORTED)


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
    near, far = sides
    if near.fresh and far.fresh:
        return _BOTH_REPORT
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
    return Finding("AgentsReporting", "False", reason, "; ".join(late))


def _applied(connection: ConnectionRecord, sides: Sides, said: Abouts) -> Finding:
    revision = connection.revision_number
    waiting = []
    for side, about in zip(sides, said, strict=True):
        if side.astray and side.report is not None:
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
    return _made_so(revision)


@lru_cache(maxsize=256)
def _made_so(revision: int) -> Finding:
    return Finding("Applied", "True", "Applied", f"both sides have made revision {revision} so")


def _reasons(about: ConnectionReport) -> str:
    return "; ".join(c.message for c in about.conditions if c.status == "True") or "no reason given"


Look = tuple[Side, Side, ConnectionReport | None]
"""From one side to the other, and what the first says of the connection."""


def _observed(side: Side, about: ConnectionReport | None) -> bool:
    if about is None:
        return True  # it says that it has none
    sessions, tables = about.sessions_age_s, about.tables_age_s
    if sessions is None or tables is None:
        return False
    return sessions + side.age <= STALE_AFTER and tables + side.age <= STALE_AFTER


def _blind(side: Side, about: ConnectionReport | None) -> str:
    age = None if about is None else about.sessions_age_s
    if age is None:
        return f"{side.place} has not seen its devices since its agent started"
    return f"{side.place} last saw its devices {age + side.age:.1f} s ago"


def _unsure(about: ConnectionReport | None) -> bool:
    if about is None:
        return False
    if not about.health:
        return about.sessions_age_s is None or about.tables_age_s is None
    return False in [health.known for health in about.health]


def _doubts(looks: Sequence[Look]) -> Mapping[str, Finding]:
    """What a side cannot tell although both reports are fresh, by type of what else would be checked."""
    blind = [_blind(side, about) for side, _, about in looks if not _observed(side, about)]
    unsure = [side.place for side, _, about in looks if _unsure(about)]
    if not (blind or unsure):
        return _NO_DOUBTS
    doubts = {}
    if blind:
        # What speaker and tables said last.
        for type_ in ("SessionsEstablished", "RoutesLearned"):
            doubts[type_] = Finding(type_, "Unknown", "NotObserved", "; ".join(blind))
    if unsure:
        text = f"{' and '.join(unsure)} began to check and cannot tell yet"
        doubts["HealthChecked"] = Finding("HealthChecked", "Unknown", "NotYetKnown", text)
    return doubts


_NO_DOUBTS: Mapping[str, Finding] = {}

Lack = tuple[str, str]
"""Reason in CamelCase, and what is missing where."""
Lacks = Sequence[Lack]
Check = Callable[[ConnectionRecord, Side, Side, ConnectionReport], Lacks]
NOTHING: Lacks = ()
"""What is missing mostly."""


def _check(good: Finding, connection: ConnectionRecord, looks: Sequence[Look], check: Check) -> Finding:
    """Unknown when a side does not say, False when either misses something, else as it should be."""
    lacking: list[Lack] = []
    for near, far, about in looks:
        if about is None:
            return Finding(good.type, "Unknown", "NotTakenUp", f"{near.place} says nothing of it yet")
        lacking += check(connection, near, far, about)
    if lacking:
        return Finding(good.type, "False", lacking[0][0], "; ".join([text for _, text in lacking]))
    return good


def _sessions(connection: ConnectionRecord, near: Side, _far: Side, about: ConnectionReport) -> Lacks:
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


FEW = 4
"""So many texts are compared before a set of them would be made."""


def _routes(connection: ConnectionRecord, near: Side, far: Side, about: ConnectionReport) -> Lacks:
    learned: dict[str, Collection[str]] = {}
    for family in connection.families:
        used = about.learned.get(family, ())
        # As a set where they are many: there may be ten thousand, on either side.
        learned[family] = used if len(used) <= FEW else frozenset(used)
    lacking = []
    for prefix in far.endpoint.prefixes:
        there = learned.get("ipv6" if ":" in prefix else "ipv4")
        if there is not None and prefix not in there:
            lacking.append(("RouteMissing", f"{near.place} has no route to {prefix}"))
    return lacking


def _health(connection: ConnectionRecord, near: Side, far: Side, about: ConnectionReport) -> Lacks:
    ok = [health.family for health in about.health if health.ok]
    return [
        ("NoAnswer", f"{near.place} gets no {family} answer from {far.place}")
        for family in connection.families
        if family not in ok
    ]


PASSES = ("up", "off")
"""What BFD says of a path that may be used."""


def _paths(connection: ConnectionRecord, near: Side, _far: Side, about: ConnectionReport) -> Lacks:
    seen = {path.path: path for path in about.paths}
    lacking = []
    for path in connection.paths:
        state = seen.get(path.name)
        if state is not None and state.link_up and state.bfd in PASSES and not state.held_down:
            continue
        if state is None or state.link_up is None or state.bfd is None:
            lacking.append(("PathUnknown", f"{near.place} does not know the state of {path.name}"))
        elif not state.link_up:
            lacking.append(("LinkDown", f"link of {path.name} is down at {near.place}"))
        elif state.bfd not in PASSES:
            lacking.append(("BfdDown", f"BFD of {path.name} is {state.bfd} at {near.place}"))
        else:
            lacking.append(("HeldDown", f"{path.name} is up again at {near.place}, in its hold-down"))
    return lacking


def _processes(_c: ConnectionRecord, near: Side, _far: Side, _about: ConnectionReport) -> Lacks:
    processes = () if near.report is None else near.report.processes
    if not processes:
        return NOTHING
    return [
        (f"{process.name.capitalize()}Down", f"{process.name} of {near.place}: {process.message or 'down'}")
        for process in processes
        if not process.ok
    ]


def _problems(sides: Sides, said: Abouts) -> Finding:
    """What the agents have to say: each of their conditions names a problem, "True" when it is there."""
    problems = [
        (problem, side.place)
        for side, about in zip(sides, said, strict=True)
        if about is not None and about.conditions
        for problem in about.conditions
        if problem.status != "False"
    ]
    if not problems:
        return _NO_PROBLEM
    certain = [problem.type for problem, _ in problems if problem.status == "True"]
    return Finding(
        "AgentsContent",
        "False" if certain else "Unknown",
        certain[0] if certain else problems[0][0].type,
        "; ".join([f"{place}: {problem.message}" for problem, place in problems]),
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
