"""What a round looks at, and what was seen a moment ago and will do.

A device that was written to, or that rang, is looked at again; of a speaker that rang for routes alone a
glance will do, which asks it nothing. Whoever calls says when everything is to be looked at, whatever was
heard: what is known here is never older than that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellnet_core.agent.execute import GRACE
from cellnet_core.agent.kernel import NeighborTable
from cellnet_core.drivers.contract import (
    OBSERVE_TIMEOUT,
    Driver,
    DriverError,
    ForwardingDriver,
    ForwardingObservation,
    Outcome,
    SpeakerDriver,
    SpeakerObservation,
)
from cellnet_core.model.clock import Clock
from cellnet_core.planner.seen import Seen

LOOK_AT_ALL = ("start", "resync", "audit")
"""Rings that do not say who changed; an intent and the kernel's neighbours say that no device did."""
ROUTE = "route"
"""What a speaker rings for when it has told of a route."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was seen a moment ago and has not been written to since; None: to be looked at."""

    speaker: SpeakerObservation | None = None
    forwarding: ForwardingObservation | None = None


NOTHING = Known()


class Lookout:
    """Looks at both devices and at the kernel's neighbours."""

    def __init__(
        self, speaker: SpeakerDriver, forwarding: ForwardingDriver, neighbors: NeighborTable, clock: Clock
    ) -> None:
        self._speaker = speaker
        self._forwarding = forwarding
        self._neighbors = neighbors
        self._clock = clock

    async def look(self, rings: Sequence[str] = LOOK_AT_ALL, known: Known = NOTHING) -> Seen:
        """All that is there now. Of what is known, that which nobody rang for is taken over."""
        speaker, gateway = known.speaker, known.forwarding
        if speaker is not None and (about := _about(self._speaker, rings)):
            speaker = self._speaker.glance() if about == {ROUTE} else None
        if gateway is not None and _about(self._forwarding, rings):
            gateway = None
        if speaker is None and gateway is None:
            speaker, gateway = await asyncio.gather(self.at_speaker(), self.at_gateway())
        return Seen(
            speaker or await self.at_speaker(),
            gateway or await self.at_gateway(),
            self._neighbors.snapshot(),
        )

    def untouched(self, seen: Seen, outcomes: Sequence[Outcome]) -> Known:
        """Of what was seen, that which is still there: what was acted on is not."""
        touched = {outcome.action.driver for outcome in outcomes}
        return Known(
            None if self._speaker.name in touched else seen.speaker,
            None if self._forwarding.name in touched else seen.forwarding,
        )

    async def at_speaker(self) -> SpeakerObservation:
        """The speaker as it is when asked; not fresh where it does not answer."""
        try:
            async with asyncio.timeout(OBSERVE_TIMEOUT + GRACE):
                return await self._speaker.observe()
        except (DriverError, TimeoutError):
            return SpeakerObservation(self._clock.now(), fresh=False)

    async def at_gateway(self) -> ForwardingObservation:
        """The gateway as it is when asked; not fresh where it does not answer."""
        try:
            async with asyncio.timeout(OBSERVE_TIMEOUT + GRACE):
                return await self._forwarding.observe()
        except (DriverError, TimeoutError):
            return ForwardingObservation(self._clock.now(), fresh=False)


def _about(driver: Driver[Any, Any], rings: Sequence[str]) -> set[str]:
    """What a device rang for, as far as these rings tell."""
    own = f"{driver.name}: "
    return {ring.removeprefix(own) for ring in rings if ring in LOOK_AT_ALL or ring.startswith(own)}
