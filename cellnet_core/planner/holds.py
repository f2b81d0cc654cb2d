"""Hold-down: a path that came back waits before traffic returns to it.

    NEW  --up-->    UP      first time ever: nothing to wait for
    UP   --down-->  DOWN    loses preference at once
    UP   --flap-->  HELD    down and up again between two looks (the switch counted it)
    DOWN --up-->    HELD    back, without preference
    HELD --down-->  DOWN
    HELD --flap-->  HELD    and the wait begins again
    HELD --after hold_down seconds of up--> UP

Not knowing whether a path is up changes nothing. Pure; the fast repair itself is in the switch's groups, so
nothing here is in a hurry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cellnet_core.drivers.contract import PortStatus
from cellnet_core.planner.seen import Hold, Standing


@dataclass(frozen=True, slots=True)
class Watched:
    """A path whose liveness matters. `hold_down` in seconds."""

    path: str
    interface: str
    hold_down: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A path changed its standing."""

    path: str
    before: Standing
    after: Standing


def is_up(port: PortStatus | None) -> bool | None:
    """Whether a path is alive by link and BFD (RFC 5880 section 6.2); None when that is not known."""
    if port is None:
        return None
    if port.link_up is False or port.bfd in ("down", "init", "admin_down"):
        return False
    if port.bfd == "up":
        return True
    return port.link_up if port.bfd == "off" else None


def step(hold: Hold, port: PortStatus | None, hold_down: float, now: float) -> Hold:
    """The standing of one path after one more look at its port, by the table above."""
    up = is_up(port)
    if port is None or up is None:
        return hold
    flaps = port.flaps
    flapped = flaps > hold.flaps
    match hold.standing, up:
        case (Standing.NEW, True):
            return Hold(Standing.UP, now, flaps)
        case (Standing.UP, True) if flapped:
            return Hold(Standing.HELD, now, flaps, lost=now)
        case (Standing.UP, False):
            return Hold(Standing.DOWN, now, flaps, lost=now)
        case (Standing.HELD, False):
            return Hold(Standing.DOWN, now, flaps, hold.lost)
        case (Standing.DOWN, True):
            return Hold(Standing.HELD, now, flaps, hold.lost)
        case (Standing.HELD, True) if flapped or hold.since > now:
            # A `since` in the future is one of another boot of the machine.
            return Hold(Standing.HELD, now, flaps, hold.lost)
        case (Standing.HELD, True) if now >= hold.since + hold_down:
            return Hold(Standing.UP, now, flaps, hold.lost)
        case _:
            # A switch that restarted counts from zero again.
            return hold if hold.flaps == flaps else replace(hold, flaps=flaps)


def preference(hold: Hold) -> tuple[int, float]:
    """Sort key among paths: those that are up, those that wait, those that are down.

    The switch moves traffic to the first path that is alive, at once. So a path that is down stands behind
    one that waits: else it would take the traffic in the moment it comes back. Of those that wait, the one
    that has been up for longest comes first; of those that are down, the one that was last seen well: a stall
    of the switch takes BFD down on all paths, and the first two of them carry on as last resort.
    """
    match hold.standing:
        case Standing.UP:
            return (0, 0.0)
        case Standing.HELD:
            return (1, hold.since)
        case _:
            return (2, -hold.lost)


def advance(
    holds: Mapping[str, Hold], watched: Iterable[Watched], ports: Iterable[PortStatus], now: float
) -> dict[str, Hold]:
    """Standing of every watched path after one more look; paths no longer watched are forgotten."""
    by_interface = {port.interface: port for port in ports}
    return {
        path.path: step(holds.get(path.path, Hold()), by_interface.get(path.interface), path.hold_down, now)
        for path in watched
    }


def turns(before: Mapping[str, Hold], after: Mapping[str, Hold]) -> tuple[Turn, ...]:
    """What changed, by path name, for the journal."""
    return tuple(
        Turn(name, was, after[name].standing)
        for name in sorted(after)
        if (was := before.get(name, Hold()).standing) is not after[name].standing
    )


def next_due(holds: Mapping[str, Hold], watched: Iterable[Watched], now: float) -> float | None:
    """When the next held path may get its preference back; None when none waits for time alone."""
    due = [
        hold.since + path.hold_down
        for path in watched
        if (hold := holds.get(path.path)) is not None and hold.standing is Standing.HELD
    ]
    return min((at for at in due if at > now), default=None)
