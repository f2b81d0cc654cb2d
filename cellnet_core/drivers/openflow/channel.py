"""The agent's end of the controller's socket: one request at a time, and a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cellnet_core.drivers.contract import DriverUnavailableError
from cellnet_core.openflow import protocol, values

_LIMIT: Final = 32 * 1024 * 1024


class Channel:
    """Requests to the controller. Connects when needed; a broken connection is replaced by the next call."""

    def __init__(self, socket: Path, dpid: int) -> None:
        self._socket = socket
        self._dpid = dpid
        self._lock = asyncio.Lock()
        self._next_id = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def status(self, seconds: float) -> Mapping[str, Any]:
        """What `status` answers. Raises DriverUnavailableError."""
        _, result = await self._ask("status", seconds)
        return result

    async def observe(self, seconds: float) -> values.Tables:
        """All flows and groups of the switch, now. Raises DriverUnavailableError."""
        parts, result = await self._ask("observe", seconds, dpid=self._dpid)
        return values.Tables(
            flows=tuple(values.flow_from_json(each) for part in parts for each in part["flows"]),
            groups=tuple(values.group_from_json(each) for each in result["groups"]),
        )

    async def apply(self, mods: Sequence[values.Mod], seconds: float) -> dict[int, str]:
        """Send changes in this order; returns the failed ones by index. Raises DriverUnavailableError."""
        failed: dict[int, str] = {}
        done = 0
        async with asyncio.timeout(seconds):
            for chunk in protocol.split(mods):
                documents = [values.mod_to_json(mod) for mod in chunk]
                _, result = await self._ask("apply", seconds, dpid=self._dpid, mods=documents)
                failed |= {done + int(index): text for index, text in result["failed"].items()}
                done += len(chunk)
        return failed

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """Events until the controller goes away, which is the end and no error; none if it is not there."""
        with suppress(OSError, ValueError):
            reader, writer = await asyncio.open_unix_connection(str(self._socket), limit=_LIMIT)
            try:
                writer.write(protocol.request_line(0, "watch"))
                await reader.readline()
                yield {"about": "controller-connected"}
                while line := await reader.readline():
                    yield json.loads(line)["event"]
            finally:
                writer.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(
        self, op: str, seconds: float, **fields: Any
    ) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
        async with self._lock:
            self._next_id += 1
            try:
                async with asyncio.timeout(seconds):
                    return await self._exchange(self._next_id, op, fields)
            except (OSError, TimeoutError, EOFError, ValueError) as error:
                self.close()  # an answer that comes later must not be taken for that of the next request
                raise DriverUnavailableError(
                    f"the controller does not answer on {self._socket}: is it running? ({error or 'slow'})"
                ) from error
            except asyncio.CancelledError:
                self.close()
                raise

    async def _exchange(
        self, id_: int, op: str, fields: Mapping[str, Any]
    ) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
        if self._streams is None:
            self._streams = await asyncio.open_unix_connection(str(self._socket), limit=_LIMIT)
        reader, writer = self._streams
        writer.write(protocol.request_line(id_, op, **fields))
        await writer.drain()
        parts: list[Mapping[str, Any]] = []
        while True:
            line = await reader.readline()
            match json.loads(line) if line else None:
                case {"id": answered, "part": dict(part)} if answered == id_:
                    parts.append(part)
                case {"id": answered, "ok": True, "result": dict(result)} if answered == id_:
                    return parts, result
                case {"ok": False, "error": {"code": code, "message": message}}:
                    raise DriverUnavailableError(f"controller: {message} ({code})")
                case None:
                    raise EOFError("it closed the connection")
                case other:
                    raise ValueError(f"unexpected answer {str(other)[:200]}")
