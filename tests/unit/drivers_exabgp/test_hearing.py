"""What the driver makes of lines and answers: notes on sessions, the picture, and the observation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bgp.client import Hello
from bgp.events import SessionDown, SessionUp
from bgp.model import Route
from bgp.readback import SessionState
from cellnet_core.drivers.exabgp import sessions
from cellnet_core.drivers.exabgp.observation import Answers, compose
from cellnet_core.drivers.exabgp.picture import Picture
from cellnet_core.drivers.exabgp.sessions import Note
from tests.unit.bgp.samples import BOTH, PEER, neighbor, route

UP = SessionState(PEER, "ESTABLISHED", "10.0.2.1", 9, BOTH, 3, True)
DOWN = SessionState(PEER, "IDLE", None, None, (), None, False)
LOST = SessionDown(PEER, "closing connection")


class ManualClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Notebook:
    """A journal in memory."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, dict[str, Any]]] = []

    def record(self, kind: str, **detail: Any) -> None:
        self.facts.append((kind, detail))


def line(kind: str, **content: Any) -> str:
    """An event line about the sample neighbour."""
    about = {"address": {"local": PEER.local, "peer": PEER.remote}, **content}
    return json.dumps({"exabgp": "5.0.0", "type": kind, "neighbor": about})


STATE_UP = line("state", state="up")
STATE_DOWN = line("state", state="down", reason="closing connection")
ANNOUNCE = line(
    "update",
    direction="receive",
    message={
        "update": {"attribute": {}, "announce": {"ipv4 unicast": {"172.16.0.2": [{"nlri": "10.0.2.0/24"}]}}}
    },
)
OPEN = line(
    "open",
    direction="receive",
    open={
        "asn": 65002,
        "hold_time": 9,
        "router_id": "10.0.2.1",
        "capabilities": {
            "1": {"families": ["ipv4/unicast"]},
            "64": {"time": 30, "restart-flags": [], "address-family-flags": {"ipv4/unicast": ["restart"]}},
        },
    },
)


def picture() -> tuple[Picture, ManualClock, Notebook, list[str]]:
    clock, notebook, told = ManualClock(), Notebook(), []
    return Picture(clock, notebook, lambda about, **_: told.append(about)), clock, notebook, told


def learned(seen: Picture) -> dict[str, bool]:
    return {held.route.prefix: held.stale for _, held in seen.rib.routes()}


# --- notes on sessions -------------------------------------------------------------------------------


def test_a_session_flaps_when_it_ends_not_when_an_attempt_fails() -> None:
    note = sessions.advance(Note(), SessionUp(PEER), 10)
    note = sessions.advance(note, LOST, 20)
    assert note == Note(established=False, since=20, flaps=1, last_error="closing connection")
    assert sessions.advance(note, LOST, 21) == note


def test_why_a_peer_refuses_is_news_and_that_it_is_silent_is_not() -> None:
    note = Note(since=5, flaps=1, last_error="notification received (6,2)")
    assert sessions.advance(note, LOST, 6) == note
    refused = SessionDown(PEER, "notification received (6,3)")
    assert sessions.advance(note, refused, 6).last_error == "notification received (6,3)"


def test_each_session_needs_its_own_end_of_rib() -> None:
    note = Note(established=True, since=10, end_of_rib_sent=True)
    for after in (
        sessions.advance(sessions.advance(note, LOST, 20), SessionUp(PEER), 21),
        sessions.confirm(sessions.confirm(note, DOWN, 20), UP, 30),
        sessions.confirm(sessions.restarted(note, 20), UP, 30),
    ):
        assert after.established
        assert not after.end_of_rib_sent
        assert after.flaps == 1


def test_a_missed_event_is_made_up_for_by_asking() -> None:
    assert sessions.confirm(Note(), UP, 100).since == 97
    assert sessions.confirm(Note(established=True, since=10), UP, 100).since == 10


# --- the picture -------------------------------------------------------------------------------------


def test_events_before_the_first_reading_wait_for_it() -> None:
    seen, _, _, told = picture()
    seen.take_hello(Hello("1-1", "5.0.15", ((900.0, OPEN), (901.0, STATE_UP))))
    seen.take_line(999.0, ANNOUNCE)
    assert told == ["session", "speaker", "route"]
    assert learned(seen) == {}
    seen.take_neighbors([neighbor()])
    assert seen.notes[PEER] == Note(established=True, since=901.0)
    assert seen.take_tables({PEER: UP}, {"172.16.0.2": (route("10.0.2.0/24"),)})
    assert learned(seen) == {"10.0.2.0/24": False}


@pytest.mark.parametrize(
    ("told", "again"),
    [
        ({"ipv4": 902.0, "ipv6": 902.1}, ()),
        ({"ipv4": 902.0}, ("172.16.0.2",)),
        ({"ipv4": 902.0, "ipv6": 900.5}, ("172.16.0.2",)),  # in the session before this one
        ({}, ("172.16.0.2",)),
    ],
)
def test_end_of_rib_is_due_only_where_nobody_has_said_it(
    told: dict[str, float], again: tuple[str, ...]
) -> None:
    seen, clock, _, _ = picture()
    before = tuple((at, "172.16.0.2", family) for family, at in told.items())
    seen.take_hello(Hello("1-1", "5.0.15", ((901.0, STATE_UP),), before))
    seen.take_neighbors([neighbor()])
    seen.take_tables({PEER: UP}, {})
    found = compose(Answers("1-1", (neighbor(),), {PEER: UP}, {}), seen.rib, seen.notes, clock.now())
    assert found.end_of_rib_due == again


def test_updates_between_two_answers_are_newer_than_they_are() -> None:
    seen, clock, _, _ = picture()
    seen.take_hello(Hello("1-1", "5.0.15", ((900.0, OPEN), (901.0, STATE_UP))))
    seen.take_neighbors([neighbor()])
    clock.time = 1001.0
    seen.take_line(1000.5, ANNOUNCE)
    assert seen.take_tables({PEER: UP}, {})
    assert learned(seen) == {"10.0.2.0/24": False}


def test_answers_around_the_end_of_a_session_are_not_put_together() -> None:
    seen, _, _, _ = picture()
    seen.take_hello(Hello("1-1", "5.0.15", ((900.0, OPEN), (901.0, STATE_UP))))
    seen.take_neighbors([neighbor()])
    seen.take_tables({PEER: UP}, {"172.16.0.2": (route("10.0.2.0/24"),)})
    seen.take_neighbors([neighbor()])
    seen.take_line(1000.5, STATE_DOWN)
    assert not seen.take_tables({PEER: UP}, {"172.16.0.2": (route("10.0.3.0/24"),)})
    assert learned(seen) == {"10.0.2.0/24": True}


def test_another_instance_is_a_restart_of_ours_and_the_same_is_not() -> None:
    seen, _, notebook, told = picture()
    hello = Hello("1-1", "5.0.15", ((900.0, OPEN), (901.0, STATE_UP)))
    seen.take_hello(hello)
    seen.take_neighbors([neighbor()])
    seen.take_tables({PEER: UP}, {"172.16.0.2": (route("10.0.2.0/24"),)})
    seen.take_hello(hello)
    assert learned(seen) == {"10.0.2.0/24": False}
    seen.take_hello(Hello("1-2", "5.0.15", ()))
    assert learned(seen) == {"10.0.2.0/24": True}
    assert told.count("restart") == 1
    assert ("bgp-route", {"neighbor": "main-east-1", "stale": ("10.0.2.0/24",)}) in notebook.facts


def test_failed_attempts_are_neither_told_nor_written_down() -> None:
    seen, _, notebook, told = picture()
    seen.take_hello(Hello("1-1", "5.0.15", ()))
    seen.take_neighbors([neighbor()])
    seen.take_line(1000.1, STATE_DOWN)
    before = len(told), len(notebook.facts)
    for attempt in range(5):
        seen.take_line(1001.0 + attempt, STATE_DOWN)
    assert (len(told), len(notebook.facts)) == before


def test_a_malformed_line_is_a_fact_and_no_traceback() -> None:
    seen, _, notebook, told = picture()
    seen.take_line(1.0, '{ "exabgp": nonsense')
    assert told == ["fault"]
    assert notebook.facts[0][0] == "driver-fault"


# --- the observation ---------------------------------------------------------------------------------


def test_an_observation_of_an_established_session() -> None:
    seen, clock, _, _ = picture()
    seen.take_hello(Hello("1-1", "5.0.15", ((901.0, STATE_UP),)))
    seen.take_neighbors([neighbor()])
    seen.take_tables({PEER: UP}, {"172.16.0.2": (route("10.0.2.0/24", med=3),)})
    own = Route("ipv4", "10.0.1.0/24", "172.16.0.1", communities=("65535:0",))
    found = compose(
        Answers("1-1", (neighbor(),), {PEER: UP}, {"172.16.0.2": [own]}), seen.rib, seen.notes, clock.now()
    )
    assert found.fresh
    assert found.instance == "1-1"
    (session,) = found.sessions
    assert (session.neighbor, session.state, session.since, session.hold_time) == (
        "main-east-1",
        "ESTABLISHED",
        901,
        9,
    )
    (announced,) = found.announced
    assert (announced.neighbor, announced.prefix, announced.communities) == (
        "main-east-1",
        "10.0.1.0/24",
        ("65535:0",),
    )
    (heard,) = found.learned
    assert (heard.neighbor, heard.med, heard.local_preference, heard.stale) == ("main-east-1", 3, 100, False)
    assert found.end_of_rib_due == ("172.16.0.2",)


def test_waiting_for_a_peer_is_active() -> None:
    found = compose(Answers("1-1", (neighbor(),), {PEER: DOWN}, {}), picture()[0].rib, {}, 5.0)
    assert [session.state for session in found.sessions] == ["ACTIVE"]
    assert found.end_of_rib_due == ()


@pytest.mark.parametrize(
    ("heard", "only_routes"),
    [
        ((ANNOUNCE,), True),
        ((ANNOUNCE, STATE_DOWN), False),
        ((OPEN,), False),
        (("no event",), False),
        ((line("update", direction="receive", message={"eor": {"afi": "ipv4", "safi": "unicast"}}),), True),
    ],
    ids=["route", "end of a session", "open", "unreadable", "end of rib"],
)
def test_what_was_heard_since_is_known_to_be_routes_alone(heard: tuple[str, ...], only_routes: bool) -> None:
    seen, _, _, _ = picture()
    seen.take_hello(Hello("1-1", "5.0.15", ((900.0, OPEN), (901.0, STATE_UP))))
    assert not seen.only_routes
    seen.only_routes = True
    seen.take_neighbors([neighbor()])
    seen.take_tables({PEER: UP}, {})
    for number, each in enumerate(heard):
        seen.take_line(1000.5 + number, each)
    assert seen.only_routes == only_routes


def test_another_connection_is_news_of_everything() -> None:
    seen, _, _, _ = picture()
    seen.only_routes = True
    seen.take_hello(Hello("1-1", "5.0.15", ()))
    assert not seen.only_routes
