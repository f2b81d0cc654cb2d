"""The adjacency RIB in over restarts: RFC 4724 section 4.2, with time as an argument."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgp.events import (
    EndOfRib,
    OpenReceived,
    RestartCapability,
    SessionDown,
    SessionUp,
    UpdateReceived,
)
from bgp.model import Family, Peer
from bgp.rib import Configured, Rib, RibEvent, Snapshot, SpeakerRestarted, Tick, advance, changes
from tests.unit.bgp.samples import BOTH, GRACEFUL, PEER, route

FOUR, SIX = route("10.0.2.0/24"), route("fdce:11:0:2::/64", "fdce:11:ffff:1::2")
LOST = SessionDown(PEER, "closing connection")


def opened(restart: RestartCapability | None = GRACEFUL) -> OpenReceived:
    return OpenReceived(PEER, 65002, "10.0.2.1", 9, BOTH, restart)


def announce(*routes: object) -> UpdateReceived:
    return UpdateReceived(PEER, routes, ())  # type: ignore[arg-type]


def play(*events: RibEvent, start: Rib | None = None, at: float = 100.0) -> Rib:
    """The tables after these events, one second apart."""
    rib = start or advance(Rib(), Configured({PEER: 30}), 0)
    for offset, event in enumerate(events):
        rib = advance(rib, event, at + offset)
    return rib


def held(rib: Rib) -> dict[str, bool]:
    """Prefix to whether it is stale."""
    return {one.route.prefix: one.stale for _, one in rib.routes()}


LEARNED = play(opened(), SessionUp(PEER), announce(FOUR, SIX), EndOfRib(PEER, "ipv4"), EndOfRib(PEER, "ipv6"))
FRESH = {FOUR.prefix: False, SIX.prefix: False}
STALE = {FOUR.prefix: True, SIX.prefix: True}


def test_updates_come_and_go() -> None:
    assert held(LEARNED) == FRESH
    rib = play(UpdateReceived(PEER, (replace(SIX, med=7),), (("ipv4", FOUR.prefix),)), start=LEARNED)
    assert [one.route.med for _, one in rib.routes()] == [7]


@pytest.mark.parametrize(
    ("end", "after"),
    [
        (LOST, STALE),
        (SessionDown(PEER, "stop, message [shutting down]"), STALE),
        (SessionUp(PEER), STALE),  # a new session, so the old one ended unseen
        (Snapshot(PEER, False, ()), STALE),
        (SpeakerRestarted(), STALE),
        (SessionDown(PEER, "notification received (6,4)"), {}),
        (SessionDown(PEER, "notification sent (4,0)"), {}),
        (SessionDown(PEER, "stop, message [removed]"), {}),
        (Configured({}), {}),
    ],
)
def test_which_ends_of_sessions_keep_routes(end: RibEvent, after: dict[str, bool]) -> None:
    assert held(play(end, start=LEARNED, at=200)) == after


@pytest.mark.parametrize("restart", [None, replace(GRACEFUL, time=0), replace(GRACEFUL, families=())])
def test_without_graceful_restart_a_lost_session_deletes(restart: RestartCapability | None) -> None:
    rib = play(opened(restart), SessionUp(PEER), announce(FOUR, SIX), LOST)
    assert held(rib) == {}


def test_graceful_restart_switched_off_here_deletes() -> None:
    start = advance(Rib(), Configured({PEER: 0}), 0)
    assert held(play(opened(), SessionUp(PEER), announce(FOUR), LOST, start=start)) == {}


def test_only_the_families_of_the_capability_are_kept() -> None:
    rib = play(opened(replace(GRACEFUL, families=("ipv6",))), SessionUp(PEER), announce(FOUR, SIX), LOST)
    assert held(rib) == {SIX.prefix: True}


def test_end_of_rib_ends_one_family() -> None:
    rib = play(LOST, opened(), SessionUp(PEER), announce(FOUR), start=LEARNED, at=200)
    assert held(rib) == {FOUR.prefix: False, SIX.prefix: True}
    assert held(play(EndOfRib(PEER, "ipv4"), start=rib, at=210)) == {FOUR.prefix: False, SIX.prefix: True}
    assert held(play(EndOfRib(PEER, "ipv6"), start=rib, at=210)) == {FOUR.prefix: False}


def test_the_restart_time_runs_from_the_loss_and_again_from_the_return() -> None:
    lost = play(LOST, start=LEARNED, at=200)
    assert lost.next_deadline() == 230
    assert held(play(Tick(), start=lost, at=229.9)) == STALE
    assert held(play(Tick(), start=lost, at=230)) == {}
    back = play(opened(), SessionUp(PEER), start=lost, at=220)
    assert back.next_deadline() == 251
    assert held(play(Tick(), start=back, at=251)) == {}


@pytest.mark.parametrize(
    ("restart", "kept"),
    [
        (GRACEFUL, STALE),
        (None, {}),
        (replace(GRACEFUL, preserved=("ipv6",)), {SIX.prefix: True}),
        (replace(GRACEFUL, families=("ipv4",), preserved=("ipv4",)), {FOUR.prefix: True}),
    ],
)
def test_the_returned_peer_must_have_kept_its_forwarding(
    restart: RestartCapability | None, kept: dict[str, bool]
) -> None:
    assert held(play(LOST, opened(restart), SessionUp(PEER), start=LEARNED, at=200)) == kept


def test_a_second_loss_before_end_of_rib_deletes_what_was_stale() -> None:
    rib = play(LOST, opened(), SessionUp(PEER), announce(FOUR), LOST, start=LEARNED, at=200)
    assert held(rib) == {FOUR.prefix: True}


def test_failed_attempts_to_reconnect_change_nothing() -> None:
    rib = play(
        Snapshot(PEER, True, (FOUR, SIX)),
        LOST,
        LOST,
        SessionDown(PEER, "notification received (6,3)"),
        start=LEARNED,
        at=200,
    )
    assert held(rib) == STALE
    assert rib.next_deadline() == 231


def test_after_our_own_restart_the_peers_forwarding_bit_does_not_matter() -> None:
    forgot = replace(GRACEFUL, preserved=())
    rib = play(SpeakerRestarted(), opened(forgot), SessionUp(PEER), start=LEARNED, at=200)
    assert held(rib) == STALE
    assert held(play(announce(SIX), EndOfRib(PEER, "ipv4"), EndOfRib(PEER, "ipv6"), start=rib, at=210)) == {
        SIX.prefix: False
    }


def test_old_news_about_the_session_is_ignored() -> None:
    assert play(SessionDown(PEER, "notification received (6,4)"), start=LEARNED, at=50) is LEARNED


def test_news_of_strangers_is_ignored() -> None:
    stranger = Peer("172.16.0.5", "172.16.0.6")
    assert play(SessionUp(stranger), UpdateReceived(stranger, (FOUR,), ()), start=LEARNED, at=200) is LEARNED


def test_a_read_back_is_the_truth_for_all_but_stale_routes() -> None:
    other = route("10.0.3.0/24")
    assert held(play(Snapshot(PEER, True, (SIX, other)), start=LEARNED, at=200)) == {
        SIX.prefix: False, other.prefix: False,
    }  # fmt: skip
    back = play(LOST, opened(), SessionUp(PEER), Snapshot(PEER, True, (SIX,)), start=LEARNED, at=200)
    assert held(back) == {FOUR.prefix: True, SIX.prefix: False}


def test_a_read_back_that_lost_the_global_next_hop_does_not_replace_it() -> None:
    rib = play(Snapshot(PEER, True, (FOUR, replace(SIX, next_hop="fe80::1"))), start=LEARNED, at=200)
    assert [one.route.next_hop for _, one in rib.routes()] == ["172.16.0.2", SIX.next_hop]


def test_a_new_process_finds_a_restart_under_way() -> None:
    told = play(opened(), LOST)  # what the relay remembers
    assert held(play(Snapshot(PEER, False, (FOUR, SIX)), start=told, at=110)) == STALE
    assert held(play(Snapshot(PEER, False, (FOUR, SIX)), start=told, at=131)) == {}
    ended = play(opened(), SessionDown(PEER, "notification received (6,2)"))
    assert held(play(Snapshot(PEER, False, (FOUR, SIX)), start=ended, at=110)) == {}


def test_changes_are_told() -> None:
    lost = play(LOST, start=LEARNED, at=200)
    assert list(changes(LEARNED, lost, LOST)) == [(PEER, {"stale": (FOUR.prefix, SIX.prefix)})]
    update = announce(FOUR)
    assert list(changes(lost, play(update, start=lost, at=210), update)) == [
        (PEER, {"learned": (FOUR.prefix,)})
    ]
    gone = play(Tick(), start=lost, at=300)
    assert list(changes(lost, gone, Tick())) == [(PEER, {"withdrawn": (FOUR.prefix, SIX.prefix)})]


FAMILY: st.SearchStrategy[Family] = st.sampled_from(BOTH)
EVENTS: st.SearchStrategy[RibEvent] = st.one_of(
    st.builds(opened, st.sampled_from([GRACEFUL, None, replace(GRACEFUL, preserved=("ipv4",))])),
    st.just(SessionUp(PEER)),
    st.sampled_from([LOST, SessionDown(PEER, "notification sent (4,0)")]),
    st.builds(announce, st.sampled_from([FOUR, SIX])),
    st.builds(EndOfRib, st.just(PEER), FAMILY),
    st.builds(Snapshot, st.just(PEER), st.booleans(), st.sampled_from([(), (FOUR,), (FOUR, SIX)])),
    st.just(SpeakerRestarted()),
    st.just(Tick()),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 40)), max_size=30))
def test_stale_routes_always_have_an_end(steps: list[tuple[RibEvent, float]]) -> None:
    rib, now = advance(Rib(), Configured({PEER: 30}), 0), 0.0
    for event, pause in steps:
        now += pause
        rib = advance(rib, event, now)
        if any(held(rib).values()):
            deadline = rib.next_deadline()
            assert deadline is not None
            assert now < deadline <= now + 30
    assert not any(held(advance(rib, Tick(), now + 30)).values())
