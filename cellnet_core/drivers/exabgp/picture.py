"""What the driver has heard of ExaBGP: tables, remarks on sessions, names. No I/O but the journal.

Events and answers go in, in the order in which ExaBGP wrote them; hints come out. The tables and remarks
themselves are values of pure modules (`bgp.rib`, `sessions`); this class only holds the latest ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bgp import rib
from bgp.client import Hello
from bgp.events import (
    EndOfRib,
    Event,
    MalformedEventError,
    NotificationSeen,
    OpenReceived,
    OtherEvent,
    RefreshReceived,
    SessionDown,
    SessionUp,
    SpeakerShutdown,
    UpdateReceived,
    parse,
)
from bgp.model import Family, Neighbor, Peer, Route
from bgp.readback import SessionState
from cellnet_core.drivers.exabgp import sessions
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal

Tell = Callable[..., None]
"""Called as `tell(about, **detail)` when somebody should look again."""


class Picture:
    """The latest of everything heard. `tell` is called for each hint and must not block."""

    def __init__(self, clock: Clock, journal: Journal, tell: Tell) -> None:
        self._clock = clock
        self._journal = journal
        self._tell = tell
        self.rib = rib.Rib()
        self.notes: dict[Peer, sessions.Note] = {}
        self.instance = ""
        self.only_routes = False
        """Since it was set, nothing was heard but routes, and all of that was understood."""
        self._names: dict[Peer, str] = {}
        # Events wait here from a connection's start until the neighbours are known; then it is None.
        self._waiting: list[tuple[float, Event]] | None = []
        self._seen_while_asking: list[tuple[float, Event]] = []
        # Peer address to family to when it was told End-of-RIB, by whoever was here before.
        self._told_before: dict[str, dict[str, float]] = {}

    def name(self, address: str) -> str:
        """The name of the neighbour at that peer address; the address when it is not known."""
        return next((name for peer, name in self._names.items() if peer.remote == address), address)

    # --- what the relay says -----------------------------------------------------------------------------

    def take_hello(self, hello: Hello) -> None:
        """A connection begins; when it is to another process than the last, all sessions are gone."""
        self.only_routes = False
        restarted = self.instance not in ("", hello.instance)
        self.instance = hello.instance
        if restarted:
            now = self._clock.now()
            self.advance(rib.SpeakerRestarted(), now)
            self.notes = {peer: sessions.restarted(note, now) for peer, note in self.notes.items()}
        self._told_before = {}
        for at, peer, family in hello.end_of_rib:
            self._told_before.setdefault(peer, {})[family] = at
        self._waiting = []
        for at, line in hello.memory:
            self.take_line(at, line)
        self._journal.record("bgp-speaker", instance=hello.instance, restarted=restarted)
        self._tell("restart" if restarted else "speaker", instance=hello.instance)

    def take_line(self, at: float, line: str) -> None:
        """An event of ExaBGP."""
        try:
            event = parse(line)
        except MalformedEventError as error:
            self.only_routes = False
            self._journal.record("driver-fault", driver="exabgp", error=str(error))
            self._tell("fault")
            return
        if self._waiting is not None:
            if not isinstance(event, UpdateReceived | EndOfRib):  # the tables are about to be read anyway
                self._waiting.append((at, event))
        elif self._failed_attempt(event):
            return
        else:
            self._take_event(event, at)
        if not isinstance(event, UpdateReceived | EndOfRib):
            self.only_routes = False
        match event:
            case UpdateReceived() | EndOfRib():
                self._tell("route", neighbor=self.name(event.peer.remote))
            case SessionUp() | SessionDown():
                self._tell("session", neighbor=self.name(event.peer.remote))
            case SpeakerShutdown():
                self._tell("speaker", shutdown=True)
            case _:
                pass

    # --- what ExaBGP answers -----------------------------------------------------------------------------

    def take_neighbors(self, neighbors: Sequence[Neighbor]) -> None:
        """Who the neighbours are now; then what had to wait for that. A reading of tables may follow."""
        self._names = {neighbor.peer: neighbor.name for neighbor in neighbors}
        times = {neighbor.peer: neighbor.graceful_restart_time for neighbor in neighbors}
        self.advance(rib.Configured(times), self._clock.now())
        self.notes = {peer: self.notes.get(peer, sessions.Note()) for peer in times}
        waiting, self._waiting = self._waiting or [], None
        for at, event in waiting:
            self._take_event(event, at)
        for neighbor in neighbors:
            before = self._told_before.get(neighbor.peer_address, {})
            self.notes[neighbor.peer] = sessions.told(self.notes[neighbor.peer], neighbor.families, before)
        self._seen_while_asking = []

    def take_tables(
        self, states: Mapping[Peer, SessionState], learned: Mapping[str, tuple[Route, ...]]
    ) -> bool:
        """Sessions, and routes by peer address; then again the updates that came meanwhile: they are newer.

        False when a session came or went meanwhile: its answers do not fit together, so it was left out.
        """
        now = self._clock.now()
        between, self._seen_while_asking = self._seen_while_asking, []
        in_motion = {
            event.peer for _, event in between if isinstance(event, SessionUp | SessionDown | OpenReceived)
        }
        for peer, state in states.items():
            if peer in in_motion or peer not in self.notes:
                continue
            self.notes[peer] = sessions.confirm(self.notes[peer], state, now)
            self.advance(rib.Snapshot(peer, state.established, learned.get(peer.remote, ())), now)
        for at, event in between:
            if isinstance(event, UpdateReceived | EndOfRib):
                self.advance(event, at)
        return not in_motion

    def take_end_of_rib(self, address: str, families: Sequence[Family], before: sessions.Note | None) -> None:
        """A peer was told End-of-RIB in the session that `before` describes."""
        for peer, note in self.notes.items():
            if peer.remote == address and note == before:
                self.notes[peer] = replace(note, end_of_rib_sent=True)
        self._journal.record("bgp-announce", neighbor=self.name(address), end_of_rib=list(families))

    def note_of(self, address: str) -> sessions.Note | None:
        """The remarks on the session with that peer address."""
        return next((note for peer, note in self.notes.items() if peer.remote == address), None)

    # --- tables ------------------------------------------------------------------------------------------

    def advance(self, event: rib.RibEvent, at: float) -> None:
        """The tables after an event, with what became of routes in the journal."""
        before, self.rib = self.rib, rib.advance(self.rib, event, at)
        for peer, words in rib.changes(before, self.rib, event):
            self._journal.record("bgp-route", neighbor=self.name(peer.remote), **words)

    def _failed_attempt(self, event: Event) -> bool:
        """Whether it is only one more connection attempt that failed: ExaBGP calls each of them "down"."""
        if not isinstance(event, SessionDown):
            return False
        note = self.notes.get(event.peer)
        return note is not None and not note.established and not sessions.tells_more(note, event)

    def _take_event(self, event: Event, at: float) -> None:
        match event:
            case SpeakerShutdown() | OtherEvent() | RefreshReceived():
                return
            case NotificationSeen():
                self._record("bgp-notification", event.peer, direction=event.direction, code=event.code,
                             subcode=event.subcode, message=event.message)  # fmt: skip
                return
            case SessionUp():
                self._record("bgp-session", event.peer, state="up", at=at)
            case SessionDown():
                self._record(
                    "bgp-session", event.peer, state="down", at=at, reason=event.reason, restart=event.restart
                )
            case _:
                pass
        if event.peer in self.notes:
            self.notes[event.peer] = sessions.advance(self.notes[event.peer], event, at)
        self._seen_while_asking.append((at, event))
        self.advance(event, at)

    def _record(self, kind: str, peer: Peer, **detail: Any) -> None:
        self._journal.record(kind, neighbor=self.name(peer.remote), **detail)
