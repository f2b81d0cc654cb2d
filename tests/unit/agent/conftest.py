"""Runs a story in a cloud of fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.agent.cloud import Cloud, Story


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story in a cloud with started agents."""

    def run(story: Story) -> None:
        async def told() -> None:
            async with Cloud(tmp_path) as cloud:
                await story(cloud)

        asyncio.run(told())

    return run
