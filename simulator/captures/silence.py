"""Judging that nothing was changed: no UPDATE, no flow-mod, over a stretch in which the channels were heard.

An empty capture proves nothing by itself: it may have looked at the wrong place. So each interface must have
carried a message each way (keepalives, echoes), and the capture must be complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulator.captures.messages import CHANGES, UNREADABLE, Message
from simulator.captures.pcapng import Direction
from simulator.captures.session import Capture, Lab

SLACK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Silence:
    """What was heard between two moments (CLOCK_MONOTONIC seconds); None: without bound on that side."""

    since: float | None
    until: float | None
    changes: tuple[Message, ...]
    heard: Counter[str]
    """How many messages of each kind, summed over interfaces."""
    doubts: tuple[str, ...]
    """Why the absence of changes would prove nothing."""

    @property
    def proved(self) -> bool:
        """Nothing was changed, and a change would have been heard."""
        return not self.changes and not self.doubts

    def require(self) -> None:
        """Raises AssertionError, with everything that was changed and every doubt."""
        lines = [*map(str, self.changes), *(f"doubt: {doubt}" for doubt in self.doubts)]
        if lines:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.heard.items()))
            raise AssertionError("\n".join(["silence is not proved", *lines, f"heard: {kinds or 'nothing'}"]))


def judge(
    messages: Iterable[Message],
    interfaces: Sequence[str],
    doubts: Sequence[str] = (),
    since: float | None = None,
    until: float | None = None,
) -> Silence:
    """Whether these messages, seen at those interfaces, prove silence. Pure."""
    kept = [
        message
        for message in messages
        if (since is None or message.t >= since) and (until is None or message.t <= until)
    ]
    ways = {(message.interface, message.direction) for message in kept}
    mute = [
        f"{interface}: no message {'left' if way is Direction.OUT else 'arrived'} at all"
        for interface in interfaces
        for way in (Direction.IN, Direction.OUT)
        if (interface, way) not in ways
    ]
    unread = [f"unknown content: {message}" for message in kept if message.kind == UNREADABLE]
    changes = tuple(message for message in kept if message.kind in CHANGES)
    heard = Counter(message.kind for message in kept)
    return Silence(since, until, changes, heard, (*doubts, *mute, *unread))


def of(capture: Capture, since: float | None = None, until: float | None = None) -> Silence:
    """The same of a capture that was stopped."""
    return judge(capture.messages(), capture.interfaces(), capture.doubts(), since, until)


def listen(
    lab: Lab, seconds: float = 10.0, what: Sequence[str] = ("bgp", "openflow"), node: str | None = None
) -> Silence:
    """Capture the channels for so long, and judge. Raises CaptureError, LabError."""
    capture = Capture(lab, what, node)
    capture.start(seconds)
    capture.wait(seconds + SLACK_SECONDS)
    return of(capture)
