"""Joins a listener that was opened on the host to the manager's socket inside the sandbox.

The listening socket stays in the host's network namespace although its holder left it; each connection is
answered by copying bytes to and from the unix socket, so the lab gets no route to anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

_CHUNK = 65536


async def serve(listener: socket.socket, target: Path) -> asyncio.Server:
    """Begin to relay. A connection made while the target does not listen is closed at once."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_unix_connection(str(target))
        except (FileNotFoundError, ConnectionRefusedError):
            writer.close()
            return
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        for end in (inner_writer, writer):
            end.close()

    return await asyncio.start_server(relay, sock=listener)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of one direction, and pass that end on."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
