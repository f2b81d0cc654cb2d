"""Four behaviours of ExaBGP 5.0 that would cost us sessions or seconds, changed in our own process only.

Each is one small override, named with what it repairs; the tests show both the defect and the repair.
ExaBGP's files are untouched. Drop an item when a release makes it needless.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from exabgp.configuration.configuration import Configuration
from exabgp.reactor import peer as exabgp_peer
from exabgp.reactor.asynchronous import ASYNC
from exabgp.reactor.delay import Delay
from exabgp.reactor.loop import Reactor

FIRST_RETRY = 0.05
GROWTH = 1.25  # slow: how long a peer has been away is how long one more attempt may be away, by a quarter
LONGEST_RETRY = 1.0


class BoundedDelay(Delay):  # type: ignore[misc]
    """The pause before the next connection attempt, in seconds: 0, 0.05, then a quarter more, at most 1.

    ExaBGP's own grows 0, 1, 2, 3, 4, 5, 7 ... to 60 s, and a refused connection counts: a peer whose speaker
    comes up 0.3 s after ours then costs 0.8 s, and one that was away for five minutes up to a minute.
    """

    _next: float

    def increase(self) -> None:
        self._time = time.time() + self._next
        self._next = min(max(FIRST_RETRY, self._next * GROWTH), LONGEST_RETRY)


def pending_adj_rib_out(reactor: Reactor) -> bool:
    """Whether updates wait to be sent on an established session.

    ExaBGP asks this before a reload, and when it is so it forgets the reload. It also counts what waits for a
    peer that is not connected, so one unreachable peer would make every reload vanish.
    """
    return any(reactor._peers[key].neighbor.rib.outgoing.pending() for key in reactor.established_peers())  # noqa: SLF001


def whole_or_not(reload: Callable[[Configuration], bool]) -> Callable[[Configuration], bool]:
    """A reload that changes nothing when it fails.

    ExaBGP forgets its neighbours and API processes before it reads; after a file that is missing or cannot be
    read it ends the API process, since no configuration names it, and nobody can talk to it any more.
    """

    def reload_or_keep(configuration: Configuration) -> bool:
        neighbors, processes = configuration.neighbors, configuration.processes
        if reload(configuration) is True:
            return True
        configuration.neighbors, configuration.processes = neighbors, processes
        return False

    return reload_or_keep


def apply() -> None:
    """Change the four behaviours; once, before ExaBGP's reactor is made."""
    Configuration.reload = whole_or_not(Configuration.reload)
    exabgp_peer.Delay = BoundedDelay
    Reactor._pending_adjribout = pending_adj_rib_out  # noqa: SLF001
    # Lines of an answer per turn of the loop, which then sleeps 10 ms: 50 make long answers slow.
    ASYNC.LIMIT = 5000
