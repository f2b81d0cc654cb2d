"""What ExaBGP 5.0 does, and what it does in our process. A release that makes one needless fails here."""

from __future__ import annotations

import select
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest
from exabgp.reactor.asynchronous import ASYNC
from exabgp.reactor.delay import Delay
from exabgp.reactor.loop import Reactor
from exabgp.util import dns

from bgp.patches import (
    LONGEST_RETRY,
    SHORT_SESSION,
    BoundedDelay,
    names_without_dns,
    pending_adj_rib_out,
    without_closed,
)


def pauses(delay: Any, attempts: int) -> list[float]:
    """Seconds before each next attempt, when all fail at once."""
    found = []
    for _ in range(attempts):
        delay.increase()
        found.append(delay._time - time.time())
    return found


def test_exabgp_asks_for_the_hosts_name_when_it_starts_and_we_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getfqdn() -> str:
        asked.append("a name server")
        return "gateway.example.org"

    monkeypatch.setattr(socket, "getfqdn", getfqdn)
    monkeypatch.setitem(dns.__dict__, "__domain_name", "")
    dns.warn()
    assert asked
    asked.clear()
    monkeypatch.setitem(dns.__dict__, "__domain_name", "")
    names_without_dns()
    dns.warn()
    assert not asked
    assert dns.domain() == dns.host() == socket.gethostname().split(".")[0]


def test_exabgp_waits_up_to_a_minute_and_we_a_second() -> None:
    assert max(pauses(Delay(), 20)) > 50
    ours = pauses(BoundedDelay(), 20)
    assert max(ours) <= LONGEST_RETRY
    assert sum(ours[:4]) < 0.5
    delay = BoundedDelay()
    pauses(delay, 9)
    delay.reset()  # up
    delay._up_at -= SHORT_SESSION
    assert pauses(delay, 1)[0] < 0.01


def test_sessions_that_end_at_once_are_tried_ever_more_slowly() -> None:
    def flapping(delay: Any) -> list[float]:
        found = []
        for _ in range(20):
            delay.reset()  # up
            found += pauses(delay, 1)
        return found

    assert max(flapping(Delay())) < 0.01
    delay = BoundedDelay()
    assert max(flapping(delay)) > LONGEST_RETRY / 2
    # One that lasted clears that, and somebody who resets it does not wait.
    delay.reset()
    delay._up_at -= SHORT_SESSION
    delay.reset()
    assert pauses(delay, 1)[0] < 0.01


class Session:
    """As much of ExaBGP's peer as the two questions look at: updates wait, nobody is there."""

    fsm = SimpleNamespace()
    proto = None

    def __init__(self, established: bool) -> None:
        self.established = established
        outgoing = SimpleNamespace(pending=lambda: True)
        self.neighbor = {"passive": False}
        self.neighbor = Neighbor(passive=False, rib=SimpleNamespace(outgoing=outgoing))

    def stopping(self) -> bool:
        return False


class Neighbor(dict[str, bool]):
    """A mapping with a RIB, like ExaBGP's."""

    def __init__(self, passive: bool, rib: object) -> None:
        super().__init__(passive=passive)
        self.rib = rib


def reactor(established: bool) -> Any:
    """A reactor with one neighbour, whose loop does not run."""
    made = Reactor.__new__(Reactor)
    made._peers = {"one": Session(established)}
    made.established_peers = lambda: {"one"} if established else set()
    return made


def test_an_unreachable_peer_makes_exabgp_forget_reloads_but_not_ours() -> None:
    assert Reactor._pending_adjribout(reactor(established=False)) is True
    assert pending_adj_rib_out(reactor(established=False)) is False
    assert pending_adj_rib_out(reactor(established=True)) is True


def test_long_answers_are_given_in_pieces_of_fifty() -> None:
    assert ASYNC.LIMIT == 50


def test_a_session_that_ended_makes_exabgp_sleep_while_it_is_talked_to_and_not_us() -> None:
    def naps_in(wait: Any) -> int:
        naps = []
        looping: Any = Reactor.__new__(Reactor)
        looping._poller = select.poll()
        looping._prevent_spin = lambda: naps.append("10 ms")
        looping.processes = SimpleNamespace(fds=[])
        ours, theirs = socket.socketpair()
        ended, peer = socket.socketpair()
        with ours, theirs, ended, peer:
            for each in (ours, ended):
                looping._poller.register(each.fileno(), select.POLLIN)
            ended.close()
            theirs.send(b"talk")
            for _ in range(3):
                assert list(wait(looping, 0)) == [ours.fileno()]
        return len(naps)

    assert naps_in(Reactor._wait_for_io) == 3
    assert naps_in(without_closed(Reactor._wait_for_io)) == 0
