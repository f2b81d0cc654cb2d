"""A fake BGP speaker, and the WAN that lets fake speakers learn each other's announcements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from cellnet_core.drivers.contract import (
    Action,
    Announcement,
    Capabilities,
    LearnedRoute,
    Neighbor,
    Outcome,
    Session,
    SpeakerIntent,
    SpeakerObservation,
)
from cellnet_core.drivers.fake_device import FakeDevice
from cellnet_core.model.clock import Clock


class FakeWan:
    """Joins fake speakers: two neighbours that name each other's addresses and AS numbers have a session."""

    def __init__(self) -> None:
        self.speakers: list[FakeSpeaker] = []
        self.cuts: set[frozenset[str]] = set()

    def cut(self, address_a: str, address_b: str) -> None:
        """End the session between two addresses, as an expired hold timer does."""
        self.cuts.add(frozenset((address_a, address_b)))
        self.settle()

    def mend(self, address_a: str, address_b: str) -> None:
        """Undo `cut`."""
        self.cuts.discard(frozenset((address_a, address_b)))
        self.settle()

    def settle(self) -> None:
        """Bring all sessions and learned routes up to date; whoever sees a change gets a hint."""
        for speaker in self.speakers:
            sessions = dict(speaker.sessions)
            if speaker.listen(self):
                speaker.hint("route" if speaker.sessions == sessions else "session")

    def far_end(self, near: FakeSpeaker, neighbor: Neighbor) -> tuple[FakeSpeaker, Neighbor] | None:
        """The other side of a session, if it can be up."""
        if frozenset((neighbor.local_address, neighbor.peer_address)) in self.cuts:
            return None
        for speaker in self.speakers:
            if speaker is near or not speaker.running or not near.running:
                continue
            for other in speaker.neighbors.values():
                if (other.local_address, other.peer_address, other.local_as, other.peer_as) == (
                    neighbor.peer_address,
                    neighbor.local_address,
                    neighbor.peer_as,
                    neighbor.local_as,
                ) and not (other.passive and neighbor.passive):
                    return speaker, other
        return None


class FakeSpeaker(FakeDevice):
    """A BGP speaker. Its configuration (neighbours) outlives a restart, announcements and routes do not."""

    def __init__(self, clock: Clock, wan: FakeWan | None = None, name: str = "fake-speaker") -> None:
        super().__init__(name, clock)
        self.wan = wan or FakeWan()
        self.wan.speakers.append(self)
        self.running = True
        self.neighbors: dict[str, Neighbor] = {}
        self.announced: dict[tuple[str, str], Announcement] = {}
        self.learned: dict[tuple[str, str], LearnedRoute] = {}
        self.sessions: dict[str, Session] = {}
        self._looked: SpeakerObservation | None = None

    def capabilities(self) -> Capabilities:
        """See the contract."""
        no = "a fake has no wire"
        return Capabilities(
            self.name,
            "1",
            {
                "ipv4": True,
                "ipv6": True,
                "graceful_restart": True,
                "manual_end_of_rib": True,
                "dynamic_peers": True,
                "md5": no,
                "bfd": no,
                "evpn": no,
                "communities": True,
            },
        )

    def plan(self, desired: SpeakerIntent, observed: SpeakerObservation) -> tuple[Action, ...]:
        """See the contract."""
        if not observed.fresh:
            return ()
        want, have = {n.name: n for n in desired.neighbors}, {n.name: n for n in observed.neighbors}
        say = {(a.neighbor, a.prefix): a for a in desired.announcements}
        said = {(a.neighbor, a.prefix): a for a in observed.announced}
        actions = [
            self._action("modify" if name in have else "add", f"neighbour {name}", 10, neighbor)
            for name, neighbor in want.items()
            if have.get(name) != neighbor
        ]
        actions += [
            self._action("modify" if key in said else "add", f"announcement {key[1]} to {key[0]}", 30, value)
            for key, value in say.items()
            if said.get(key) != value
        ]
        actions += [
            self._action("remove", f"announcement {key[1]} to {key[0]}", 60, value)
            for key, value in said.items()
            if key not in say
        ]
        actions += [
            self._action("remove", f"neighbour {name}", 80, neighbor)
            for name, neighbor in have.items()
            if name not in want
        ]
        return tuple(sorted(actions, key=lambda action: (action.order, action.target)))

    def prepare(self) -> bool:
        """See the contract: a fake waits for nothing."""
        return False

    def order(self, kind: Literal["refresh", "reset"], neighbors: Sequence[Neighbor]) -> tuple[Action, ...]:
        """See the contract."""
        return tuple(
            Action(
                self.name, "modify", f"session {n.name}", f"{kind} was asked for", 50, (kind, n.name), True
            )
            for n in neighbors
        )

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        """See the contract."""
        self._looked = None if actions else self._looked
        return await super().apply(actions)

    async def observe(self) -> SpeakerObservation:
        """See the contract."""
        self._looked = None
        await self._answer()
        if self.faults.unavailable or self.faults.stale or not self.running:
            return SpeakerObservation(self.clock.now(), fresh=False)
        self._looked = self._everything()
        return self._looked

    def glance(self) -> SpeakerObservation | None:
        """See the contract. Whatever changed but routes, or was applied, has it asked again."""
        if self._looked is None or self.faults.unavailable or self.faults.stale or not self.running:
            return None
        now = self._everything()
        only_routes = replace(now, at=self._looked.at, learned=self._looked.learned) == self._looked
        return replace(now, at=self._looked.at) if only_routes else None

    def _everything(self) -> SpeakerObservation:
        return SpeakerObservation(
            at=self.clock.now(),
            fresh=True,
            instance=self.instance,
            neighbors=tuple(sorted(self.neighbors.values())),
            sessions=tuple(self.sessions[name] for name in sorted(self.sessions)),
            announced=tuple(self.announced[key] for key in sorted(self.announced)),
            learned=tuple(sorted(self.learned.values(), key=lambda r: (r.prefix, r.stale, r.neighbor))),
        )

    def changed(self, about: str) -> None:
        """Neighbours may see it too."""
        super().changed(about)
        self.wan.settle()

    def restart(self) -> None:
        """Crash and come back: a new process that knows its configuration only."""
        self.running = False
        self.wan.settle()
        self.restarts += 1
        self.announced, self.learned, self.sessions = {}, {}, {}
        self.running = True
        self.changed("restart")

    def lose(self, neighbor: str, prefix: str) -> None:
        """Withdraw an announcement behind the driver's back."""
        del self.announced[neighbor, prefix]
        self.changed("drift")

    def plant(self, announcement: Announcement) -> None:
        """Announce something behind the driver's back."""
        self.announced[announcement.neighbor, announcement.prefix] = announcement
        self.changed("drift")

    def listen(self, wan: FakeWan) -> bool:
        """Take in what the far ends say; True if anything changed."""
        before = (dict(self.sessions), dict(self.learned))
        for name in [name for name in self.sessions if name not in self.neighbors]:
            del self.sessions[name]
        self.learned = {key: route for key, route in self.learned.items() if key[0] in self.neighbors}
        for name, neighbor in self.neighbors.items():
            self._listen_to(wan, name, neighbor)
        return before != (self.sessions, self.learned)

    def _listen_to(self, wan: FakeWan, name: str, neighbor: Neighbor) -> None:
        far = wan.far_end(self, neighbor)
        state = "ESTABLISHED" if far else "ACTIVE"
        old = self.sessions.get(name)
        mine = {key: route for key, route in self.learned.items() if key[0] == name}
        if old is None or old.state != state:
            flaps = 0 if old is None else old.flaps + (state == "ACTIVE")
            hold_time = min(neighbor.hold_time, far[1].hold_time) if far else None
            families = tuple(f for f in neighbor.families if f in far[1].families) if far else ()
            error = None if far or old is None else "closing connection"
            self.sessions[name] = Session(name, state, self.clock.now(), error, hold_time, families, flaps)
        if far is None:
            cut = frozenset((neighbor.local_address, neighbor.peer_address)) in wan.cuts
            for key, route in mine.items():
                del self.learned[key]
                if not cut:  # the peer is gone without a word: RFC 4724 section 4.2
                    self.learned[key] = replace(route, stale=True)
            return
        told = {
            (name, a.prefix): LearnedRoute(
                name, a.prefix, a.next_hop, (far[1].local_as,), med=a.med or 0, communities=a.communities
            )
            for a in far[0].announced.values()
            if a.neighbor == far[1].name
        }
        if told or not any(route.stale for route in mine.values()):  # else its End-of-RIB is yet to come
            for key in mine:
                del self.learned[key]
            self.learned |= told

    def _do(self, action: Action) -> str:
        value = action.payload
        if isinstance(value, tuple):
            return self._once(*value)
        if isinstance(value, Neighbor):
            if action.verb == "remove":
                self.neighbors.pop(value.name, None)
                self.announced = {k: v for k, v in self.announced.items() if k[0] != value.name}
            else:
                self.neighbors[value.name] = value
        elif isinstance(value, Announcement):
            if action.verb == "remove":
                self.announced.pop((value.neighbor, value.prefix), None)
            elif value.neighbor not in self.neighbors:
                return f"no neighbour {value.neighbor}; add it first"
            else:
                self.announced[value.neighbor, value.prefix] = value
        return ""

    def _once(self, kind: str, name: str) -> str:
        session = self.sessions.get(name)
        if session is None or session.state != "ESTABLISHED":
            return "the session is not up"
        if kind == "reset":  # down and up again, with graceful restart: nothing is lost
            self.sessions[name] = replace(session, since=self.clock.now(), flaps=session.flaps + 1)
        return ""

    def _action(self, verb: str, target: str, order: int, payload: Neighbor | Announcement) -> Action:
        reason = {"add": "wanted, not there", "modify": "differs", "remove": "there, not wanted"}[verb]
        return Action(self.name, verb, target, reason, order, payload)
