"""The client over a relay that a test plays: what is asked when the connection breaks."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from bgp.client import SpeakerClient, SpeakerUnavailableError

SAID = {"instance": "1-1", "version": "5.0.15", "memory": [], "end_of_rib": []}
HELLO = b"hello " + json.dumps(SAID).encode() + b"\n"


def test_a_question_that_was_given_up_leaves_no_unheard_failure(tmp_path: Path) -> None:
    """The asker goes away while the command waits to be sent; then the connection ends."""
    unheard: list[dict[str, Any]] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        end = asyncio.Event()

        async def relay(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(HELLO)
            await end.wait()  # reads nothing: what is sent piles up
            writer.close()

        server = await asyncio.start_unix_server(relay, tmp_path / "s", limit=1)
        lost = asyncio.Event()
        client = SpeakerClient(tmp_path / "s", lambda _: None, lambda *_: None, lost.set)
        await client.connect(5.0)
        with pytest.raises((TimeoutError, SpeakerUnavailableError)):
            async with asyncio.timeout(0.1):
                await client.ask("x" * 4_000_000, 5.0)
        end.set()
        await asyncio.wait_for(lost.wait(), 5.0)
        await client.close()
        server.close()
        await server.wait_closed()
        gc.collect()

    asyncio.run(story())
    assert unheard == []
