"""Behaviours of ExaBGP 5.0 that would cost us sessions or seconds, changed in our own process only.

Each is one small override, named with what it repairs; the tests show both the defect and the repair.
ExaBGP's files are untouched. Drop an item when a release makes it needless.
"""

# ruff: noqa: SLF001 - what is changed here is ExaBGP's own, which has no other door

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator

from exabgp.bgp.message.open.capability import Capability
from exabgp.bgp.message.open.capability.negotiated import Negotiated
from exabgp.configuration.configuration import Configuration
from exabgp.reactor import peer as exabgp_peer
from exabgp.reactor.api.processes import Processes
from exabgp.reactor.asynchronous import ASYNC
from exabgp.reactor.delay import Delay
from exabgp.reactor.loop import Reactor
from exabgp.util import dns

FIRST_RETRY = 0.05
GROWTH = 1.25  # slow: how long a peer has been away is how long one more attempt may be away, by a quarter
LONGEST_RETRY = 1.0
SHORT_SESSION = 1.0
"""Seconds. One that ended sooner is no reason to try again at once."""


class BoundedDelay(Delay):  # type: ignore[misc]  # ExaBGP has no types
    """The pause before the next connection attempt, in seconds: 0, 0.05, then a quarter more, at most 1.

    ExaBGP's own grows 0, 1, 2, 3, 4, 5, 7 ... to 60 s, and a refused connection counts: a peer whose speaker
    comes up 0.3 s after ours then costs 0.8 s, and one that was away for five minutes up to a minute.

    A session that was up for a moment only goes on with the pause before it: a peer that sends something
    broken in each session was called 40 times a second otherwise (RFC 4271 section 8.1.1 asks to damp that).
    """

    _next: float
    _kept: float = 0.0
    _up_at: float = 0.0

    def reset(self) -> None:
        now = time.time()
        if self._next:
            self._kept = self._next
        elif now > self._up_at + SHORT_SESSION:
            self._kept = 0.0
        self._up_at = now
        super().reset()

    def increase(self) -> None:
        if time.time() < self._up_at + SHORT_SESSION:
            self._next = self._next or self._kept
        else:
            self._kept = 0.0
        self._time = time.time() + self._next
        self._next = min(max(FIRST_RETRY, self._next * GROWTH), LONGEST_RETRY)


def pending_adj_rib_out(reactor: Reactor) -> bool:
    """Whether updates wait to be sent on an established session.

    ExaBGP asks this before a reload, and when it is so it forgets the reload. It also counts what waits for a
    peer that is not connected, so one unreachable peer would make every reload vanish.
    """
    return any(reactor._peers[key].neighbor.rib.outgoing.pending() for key in reactor.established_peers())


def whole_or_not(reload: Callable[[Configuration], bool]) -> Callable[[Configuration], bool]:
    """A reload that changes nothing when it fails, and does not make the next one fail.

    ExaBGP forgets its neighbours and API processes before it reads; after a file that is missing or cannot be
    read it ends the API process, since no configuration names it, and nobody can talk to it any more. And
    after an error within a section it goes on from there when it reads again, however right the file is then.
    """

    def reload_or_keep(configuration: Configuration) -> bool:
        configuration._cleanup()
        neighbors, processes = configuration.neighbors, configuration.processes
        if reload(configuration) is True:
            return True
        configuration.neighbors, configuration.processes = neighbors, processes
        return False

    return reload_or_keep


def refuse_by_itself(_processes: Processes, *_about: object) -> None:
    """Say nothing to API processes about a message whose header is broken.

    ExaBGP would tell them of a NOTIFICATION, with an argument too many: the TypeError ends the session
    without the NOTIFICATION that is due (RFC 4271 section 6.1), and so as if the peer had restarted. Left
    alone it sends that, and tells by the event that every NOTIFICATION sent has.
    """


def whose_as(negotiate: Callable[[Negotiated], None]) -> Callable[[Negotiated], None]:
    """The peer's AS number is what its capability says (RFC 6793 section 4.1).

    ExaBGP looks at the capability only if the field of two octets says AS_TRANS, so a peer of another AS is
    let in by the right number in the field.
    """

    def negotiate_and_look(negotiated: Negotiated) -> None:
        negotiate(negotiated)
        if negotiated.asn4:
            said = negotiated.received_open.capabilities.get(Capability.CODE.FOUR_BYTES_ASN)
            negotiated.peer_as = negotiated.peer_as if said is None else said

    return negotiate_and_look


def without_closed(wait: Callable[[Reactor, int], Iterator[int]]) -> Callable[[Reactor, int], Iterator[int]]:
    """Wait for descriptors with input, and no longer for those that were closed.

    ExaBGP never forgets the socket of a session that ended. Until its number is used again, each wait ends at
    once because of it, and ExaBGP then sleeps 10 ms, so as not to spin, whoever talks to it meanwhile.
    """

    def wait_for_open(reactor: Reactor, sleep: int) -> Iterator[int]:
        for descriptor, event in reactor._poller.poll(0):
            if event & select.POLLNVAL and descriptor not in reactor.processes.fds:
                reactor._poller.unregister(descriptor)
        yield from wait(reactor, sleep)

    return wait_for_open


def names_without_dns() -> None:
    """Let ExaBGP know the host's name before it asks a name server for it.

    It asks when it starts, only to warn of slow answers. On a host whose name is not in /etc/hosts, and in a
    gateway that has no way to a name server, that is 10 s without a speaker after each restart. What it keeps
    of the answer, the first label, is in the host's own name.
    """
    dns.__dict__["__domain_name"] = dns.host()


def apply() -> None:
    """Change them; once, before ExaBGP's reactor is made."""
    names_without_dns()
    Negotiated._negotiate = whose_as(Negotiated._negotiate)
    Processes.notification = refuse_by_itself
    Configuration.reload = whole_or_not(Configuration.reload)
    exabgp_peer.Delay = BoundedDelay
    Reactor._pending_adjribout = pending_adj_rib_out
    Reactor._wait_for_io = without_closed(Reactor._wait_for_io)
    # Lines of an answer per turn of the loop, which then sleeps 10 ms: 50 make long answers slow.
    ASYNC.LIMIT = 5000
