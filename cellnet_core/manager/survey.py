"""What joins cells, and how much of it is left: paths and their state from both sides' reports. Pure.

A path carries traffic only when both its ends say so; one end that sees it down is enough to know that
it does not. What neither end can tell now is UNKNOWN and is not counted as surviving.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cellnet_core.manager import findings
from cellnet_core.manager.findings import Side
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.store.records import PathRecord

SURVIVING = frozenset({"ONLINE", "DEGRADED"})
"""A path in its hold-down is DEGRADED: it is used when no other is left."""
_WORST_FIRST = ("OFFLINE", "UNKNOWN", "DEGRADED", "ONLINE")


@dataclass(frozen=True, slots=True)
class PathState:
    """One path now, and why it is not ONLINE (empty when it is)."""

    record: PathRecord
    operating_status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Link:
    """A connection and its paths, in order of preference."""

    view: ConnectionView
    paths: tuple[PathState, ...]

    @property
    def surviving(self) -> int:
        """How many of its paths can carry traffic now."""
        return sum(path.operating_status in SURVIVING for path in self.paths)

    @property
    def unknown(self) -> int:
        """Of how many paths nobody can tell now."""
        return sum(path.operating_status == "UNKNOWN" for path in self.paths)

    def joins(self, one: str, other: str) -> bool:
        """Whether it is between these two cells (ids), whichever is its local one."""
        record = self.view.record
        return {record.local.cell_id, record.remote.cell_id} == {one, other}


def links(views: Iterable[ConnectionView]) -> tuple[Link, ...]:
    """Each connection with the state of its paths, by name."""
    made = (Link(view, tuple(_path(view, path) for path in view.record.paths)) for view in views)
    return tuple(sorted(made, key=lambda link: link.view.record.name))


def _path(view: ConnectionView, path: PathRecord) -> PathState:
    if not findings.wanted(view.record):
        why = "the connection is being deleted" if view.record.deleting else "the connection is disabled"
        return PathState(path, "OFFLINE", why)
    seen = [_seen(view, side, path.name) for side in view.sides]
    status = min((state for state, _ in seen), key=_WORST_FIRST.index)
    return PathState(path, status, "; ".join(why for state, why in seen if why))


def _seen(view: ConnectionView, side: Side, path: str) -> tuple[str, str]:
    """The path as one side sees it, and why it is not ONLINE."""
    about = side.about(view.record)
    if not side.fresh or about is None:
        return "UNKNOWN", f"no current report from {side.place}"
    if not side.observed(view.record):
        return "UNKNOWN", f"{side.place} has not seen its devices lately"
    state = next((p for p in about.paths if p.path == path), None)
    session = next((s for s in about.sessions if s.path == path), None)
    if state is None or state.link_up is None or state.bfd is None:
        return "UNKNOWN", f"{side.place} does not know the state of its port"
    if not state.link_up:
        return "OFFLINE", f"link down at {side.place}"
    if state.bfd not in ("up", "off"):
        return "OFFLINE", f"BFD {state.bfd} at {side.place}"
    if session is None or session.state != "ESTABLISHED":
        return "OFFLINE", f"BGP session {session.state if session else 'missing'} at {side.place}"
    if state.held_down:
        return "DEGRADED", f"up again, in its hold-down at {side.place}"
    return "ONLINE", ""
