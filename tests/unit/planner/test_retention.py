"""Routes outlive the speaker that learned them, but not for ever."""

from __future__ import annotations

from dataclasses import replace

from cellnet_core.drivers.contract import LearnedRoute, Neighbor, Session, SpeakerObservation
from cellnet_core.planner import retention
from cellnet_core.planner.seen import Memory

A = LearnedRoute("p1", "10.0.2.0/24", "172.16.0.2")
B = LearnedRoute("p1", "10.0.3.0/24", "172.16.0.2")
WANTED = [Neighbor("p1", "172.16.0.1", "172.16.0.2", 1, 2, False, ("ipv4",), graceful_restart_time=30)]


def observed(*routes: LearnedRoute, up: float | None = None, instance: str = "s#1") -> SpeakerObservation:
    sessions = (Session("p1", "ESTABLISHED", up),) if up is not None else (Session("p1", "ACTIVE", 0.0),)
    return SpeakerObservation(0.0, fresh=True, instance=instance, sessions=sessions, learned=routes)


def after(memory: Memory, seen: SpeakerObservation, now: float) -> Memory:
    learned, deferrals, instance = retention.advance(memory, seen, WANTED, now)
    return replace(memory, learned=learned, deferrals=deferrals, speaker_instance=instance)


def test_a_silent_speaker_changes_nothing() -> None:
    memory = after(Memory(), observed(A, B, up=0.0), 1.0)
    assert after(memory, SpeakerObservation(2.0, fresh=False), 2.0) == memory


def test_the_same_speaker_is_believed_at_once() -> None:
    memory = after(Memory(), observed(A, B, up=0.0), 1.0)
    assert after(memory, observed(A, up=0.0), 2.0).learned == (A,)


def test_a_restarted_speaker_keeps_what_was_learned_until_told_again() -> None:
    memory = after(Memory(), observed(A, B, up=0.0), 1.0)
    memory = after(memory, observed(instance="s#2"), 2.0)
    assert set(memory.learned) == {replace(A, stale=True), replace(B, stale=True)}
    memory = after(memory, observed(A, up=3.0, instance="s#2"), 3.5)
    assert set(memory.learned) == {A, replace(B, stale=True)}
    memory = after(memory, observed(A, B, up=3.0, instance="s#2"), 4.0)
    assert set(memory.learned) == {A, B}
    assert memory.deferrals == {}


def test_what_is_not_told_again_goes_when_the_neighbour_is_quiet() -> None:
    memory = after(Memory(), observed(A, B, up=0.0), 1.0)
    memory = after(memory, observed(instance="s#2"), 2.0)
    memory = after(memory, observed(A, up=3.0, instance="s#2"), 4.0)
    assert retention.next_due(memory.deferrals, WANTED, 4.0) == 6.0
    assert len(after(memory, observed(A, up=3.0, instance="s#2"), 5.9).learned) == 2
    assert after(memory, observed(A, up=3.0, instance="s#2"), 6.0).learned == (A,)


def test_a_neighbour_that_never_comes_back_is_given_up_after_its_restart_time() -> None:
    memory = after(Memory(), observed(A, up=0.0), 1.0)
    memory = after(memory, observed(instance="s#2"), 2.0)
    assert len(after(memory, observed(instance="s#2"), 31.9).learned) == 1
    assert after(memory, observed(instance="s#2"), 32.0).learned == ()


def test_routes_of_a_neighbour_that_is_no_longer_wanted_are_not_kept() -> None:
    memory = after(Memory(), observed(A, up=0.0), 1.0)
    learned, deferrals, _ = retention.advance(memory, observed(instance="s#2"), [], 2.0)
    assert (learned, deferrals) == ((), {})
