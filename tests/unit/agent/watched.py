"""Notes when the devices of an agent are looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cellnet_core.drivers.fake import FakeForwarding, FakeSpeaker


class Watched:
    """`began`: the moments at which a device was asked what it has."""

    def __init__(self, device: FakeForwarding | FakeSpeaker) -> None:
        self.began: list[float] = []
        self._device = device
        self._observe: Callable[[], Awaitable[Any]] = device.observe
        device.observe = self._noted  # type: ignore[method-assign]

    async def _noted(self) -> Any:
        self.began.append(self._device.clock.now())
        return await self._observe()
