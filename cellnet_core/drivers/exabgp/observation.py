"""Puts ExaBGP's answers together into the contract's observation. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bgp import bestpath, model
from bgp.readback import SessionState
from bgp.rib import Held, Rib
from cellnet_core.drivers.contract import Announcement, LearnedRoute, Session
from cellnet_core.drivers.exabgp.planning import ExaBgpObservation, to_contract
from cellnet_core.drivers.exabgp.sessions import Note


@dataclass(frozen=True, slots=True)
class Answers:
    """One reading of ExaBGP: configuration, sessions, and the adjacency RIB out by peer address."""

    instance: str
    neighbors: tuple[model.Neighbor, ...]
    sessions: Mapping[model.Peer, SessionState]
    announced: Mapping[str, Sequence[model.Route]]


def compose(answers: Answers, rib: Rib, notes: Mapping[model.Peer, Note], now: float) -> ExaBgpObservation:
    """The observation at `now`; `rib` and `notes` have taken in the same answers already."""
    neighbors = sorted(answers.neighbors, key=lambda neighbor: neighbor.name)
    names = {neighbor.peer: neighbor.name for neighbor in neighbors}
    sessions = []
    due = []
    for neighbor in neighbors:
        state = answers.sessions.get(neighbor.peer)
        note = notes.get(neighbor.peer, Note(since=now))
        sessions.append(_session(neighbor, state, note))
        if state is not None and state.established and not note.end_of_rib_sent:
            due.append(neighbor.peer_address)
    identifiers = {peer: state.router_id for peer, state in answers.sessions.items()}
    return ExaBgpObservation(
        at=now,
        fresh=True,
        instance=answers.instance,
        neighbors=tuple(to_contract(neighbor) for neighbor in neighbors),
        sessions=tuple(sessions),
        announced=tuple(sorted(_announcements(answers), key=lambda one: (one.neighbor, one.prefix))),
        learned=_learned(rib, names, identifiers),
        configured=tuple(neighbors),
        end_of_rib_due=tuple(due),
    )


def _session(neighbor: model.Neighbor, state: SessionState | None, note: Note) -> Session:
    shown = "IDLE" if state is None else state.state
    if state is not None and shown == "IDLE":
        # ExaBGP says IDLE of a neighbour it listens for or calls again and again. To RFC 4271 that is Active;
        # Idle is one that refuses connections.
        shown = "ACTIVE"
    return Session(
        neighbor=neighbor.name,
        state=shown,
        since=note.since,
        last_error=note.last_error,
        hold_time=None if state is None else state.hold_time,
        families=state.families if state is not None and state.established else (),
        flaps=note.flaps,
    )


def _announcements(answers: Answers) -> list[Announcement]:
    names = {neighbor.peer_address: neighbor.name for neighbor in answers.neighbors}
    return [
        Announcement(names[address], route.prefix, route.next_hop, route.med, route.communities)
        for address, routes in answers.announced.items()
        if address in names
        for route in routes
    ]


def _learned(
    rib: Rib, names: Mapping[model.Peer, str], identifiers: Mapping[model.Peer, str | None]
) -> tuple[LearnedRoute, ...]:
    """All routes held: by family and prefix, best first within a prefix."""
    by_prefix: dict[tuple[str, str], dict[bestpath.Path, tuple[model.Peer, Held]]] = defaultdict(dict)
    for peer, held in rib.routes():
        path = bestpath.Path(held.route, peer.remote, identifiers.get(peer))
        by_prefix[held.route.family, held.route.prefix][path] = (peer, held)
    learned = []
    for _, paths in sorted(by_prefix.items()):
        for path in bestpath.rank(paths):
            peer, held = paths[path]
            learned.append(_learned_route(names.get(peer, peer.remote), held))
    return tuple(learned)


def _learned_route(name: str, held: Held) -> LearnedRoute:
    route = held.route
    return LearnedRoute(
        neighbor=name,
        prefix=route.prefix,
        next_hop=route.next_hop,
        as_path=route.as_path,
        origin=route.origin,
        med=route.med or 0,
        local_preference=(
            bestpath.DEFAULT_LOCAL_PREFERENCE if route.local_preference is None else route.local_preference
        ),
        communities=route.communities,
        stale=held.stale,
    )
