"""What ExaBGP does not say of a session when asked: since when, how it last ended, how often. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf

from bgp.events import Event, SessionDown, SessionUp
from bgp.readback import SessionState


@dataclass(frozen=True, slots=True)
class Note:
    """Remarks on one session. Times in monotonic seconds.

    `end_of_rib_sent` belongs to the present session: each new one needs its own.
    """

    established: bool = False
    since: float = float("-inf")
    flaps: int = 0
    last_error: str | None = None
    end_of_rib_sent: bool = False


def advance(note: Note, event: Event, at: float) -> Note:
    """The note after an event. What is older than the note changes nothing."""
    if at <= note.since:
        return note
    match event:
        case SessionUp():
            return replace(note, established=True, since=at, end_of_rib_sent=False)
        case SessionDown(reason=reason):
            if not note.established:
                return replace(note, last_error=reason) if tells_more(note, event) else note
            return Note(established=False, since=at, flaps=note.flaps + 1, last_error=reason)
        case _:
            return note


def tells_more(note: Note, event: SessionDown) -> bool:
    """Whether the end of a session that is down already is news.

    ExaBGP calls each failed attempt to connect "down" as well. Why a peer refuses is worth knowing; that it
    does not answer is not, after the first time.
    """
    if note.last_error is None:
        return True
    return event.notification is not None and event.reason != note.last_error


def confirm(note: Note, state: SessionState, now: float) -> Note:
    """The note after asking: where an event was missed, the answer counts."""
    if state.established == note.established:
        return replace(note, since=now) if note.since == float("-inf") else note
    if state.established:
        return replace(note, established=True, since=now - (state.up_for or 0), end_of_rib_sent=False)
    return Note(established=False, since=now, flaps=note.flaps + 1, last_error=note.last_error)


def told(note: Note, families: Iterable[str], end_of_rib: Mapping[str, float]) -> Note:
    """The note when others know the times at which the peer was told End-of-RIB, by family."""
    since_then = note.established and all(end_of_rib.get(name, -inf) > note.since for name in families)
    return replace(note, end_of_rib_sent=True) if since_then else note


def restarted(note: Note, now: float) -> Note:
    """The note after our own speaker was started anew."""
    return Note(
        established=False,
        since=now,
        flaps=note.flaps + (1 if note.established else 0),
        last_error="the speaker was restarted",
    )
