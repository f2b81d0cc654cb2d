"""Taking a connection down in order: withdraw, unroute, close, gone. Pure.

The stage is derived from what is observed, so that a restart of anything in the middle goes on where it was:
announcements still out -> WITHDRAW (sessions and routes stay, so that packets under way arrive);
none out, but flows left -> UNROUTE; flows gone, but neighbours left -> CLOSE; nothing left -> GONE.
What another connection wants of a session that both use is not this one's to wait for.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from cellnet_core.drivers.contract import Announcement, Neighbor, SpeakerObservation
from cellnet_core.model.wire import ConnectionIntent


class Stage(StrEnum):
    """How far a connection is. PRESENT is not being taken down."""

    PRESENT = "present"
    UNKNOWN = "unknown"
    WITHDRAW = "withdraw"
    UNROUTE = "unroute"
    CLOSE = "close"
    GONE = "gone"


KEEPS_ROUTES = {Stage.PRESENT, Stage.UNKNOWN, Stage.WITHDRAW}
KEEPS_NEIGHBORS = {Stage.UNKNOWN, Stage.WITHDRAW, Stage.UNROUTE}


def before_unrouting(
    connection: ConnectionIntent, speaker: SpeakerObservation, wanted: Collection[Announcement] = ()
) -> Stage:
    """The stage as far as the speaker alone can tell. `wanted`: what other connections announce."""
    if connection.phase == "present":
        return Stage.PRESENT
    if not speaker.fresh:
        return Stage.UNKNOWN
    names = {path.session for path in connection.paths}
    others = {(announcement.neighbor, announcement.prefix) for announcement in wanted}
    if any(
        announcement.neighbor in names and (announcement.neighbor, announcement.prefix) not in others
        for announcement in speaker.announced
    ):
        return Stage.WITHDRAW
    return Stage.UNROUTE


def after_unrouting(
    stage: Stage,
    connection: ConnectionIntent,
    speaker: SpeakerObservation,
    *,
    flows_gone: bool,
    shared: Collection[str] = (),
) -> Stage:
    """The stage, once it is known whether any flow is left to remove. `shared`: see `observed_neighbors`."""
    if stage is not Stage.UNROUTE or not flows_gone:
        return stage
    return Stage.CLOSE if observed_neighbors(connection, speaker, shared) else Stage.GONE


def observed_neighbors(
    connection: ConnectionIntent, speaker: SpeakerObservation, shared: Collection[str] = ()
) -> tuple[Neighbor, ...]:
    """Neighbours of a leaving connection that still exist: kept as they are, never created anew.

    `shared`: names of sessions that other connections want; they stay anyway.
    """
    names = {path.session for path in connection.paths}.difference(shared)
    return tuple(neighbor for neighbor in speaker.neighbors if neighbor.name in names)
