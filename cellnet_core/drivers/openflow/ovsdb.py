"""A replica of the switch's database, kept by the OVSDB protocol (RFC 7047), and what it says of ports.

Reads only; changes are made by ovs-vsctl in one transaction (`switch.py`). The library of Open vSwitch
itself is not used: its poller imports eventlet into the agent where that is installed, and it blocks a
thread; what is needed of the protocol is one `monitor` and its updates.
"""

from __future__ import annotations

import asyncio
import codecs
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from cellnet_core.model.clock import Clock

Row: TypeAlias = Mapping[str, Any]
Database: TypeAlias = Mapping[str, Mapping[str, Row]]
"""Table to row's uuid to columns. Sets are tuples (also of one), maps are dicts, references are uuids."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "Open_vSwitch": ("bridges", "ovs_version"),
    "Bridge": (
        "name",
        "ports",
        "datapath_type",
        "fail_mode",
        "protocols",
        "other_config",
        "external_ids",
        "controller",
    ),
    "Port": ("name", "interfaces"),
    "Interface": (
        "name",
        "type",
        "mac",
        "ofport_request",
        "options",
        "bfd",
        "bfd_status",
        "cfm_mpid",
        "other_config",
        "link_state",
        "link_resets",
        "error",
    ),
    "Controller": ("target", "connection_mode", "max_backoff", "inactivity_probe"),
}
_RETRY: Final = 0.2
_MONITOR_ID: Final = 1


def decode(value: Any) -> Any:
    """An OVSDB value (RFC 7047 section 5.1) as a Python value; a plain atom stays what it is."""
    match value:
        case ["set", list(members)]:
            return tuple(decode(member) for member in members)
        case ["map", list(pairs)]:
            return {key: decode(member) for key, member in pairs}
        case ["uuid" | "named-uuid", str(uuid)]:
            return uuid
        case _:
            return value


def as_set(value: Any) -> tuple[Any, ...]:
    """A set column of one member arrives as the plain member."""
    return value if isinstance(value, tuple) else (value,)


def optional(value: Any) -> Any:
    """The member of a column that holds at most one; None when it holds none."""
    members = as_set(value)
    return members[0] if members else None


def interface(database: Database, name: str) -> Row | None:
    """The row of an interface by name."""
    return next((row for row in database["Interface"].values() if row["name"] == name), None)


class Replica:
    """Follows the database in the background and keeps the newest state of the columns above."""

    def __init__(self, socket: Path, clock: Clock, changed: Callable[[Database | None], None]) -> None:
        """`changed` is called in the event loop with each new state, and with None when it is lost."""
        self._socket = socket
        self._clock = clock
        self._changed = changed
        self._state: Database | None = None
        self._news = asyncio.Condition()

    @property
    def state(self) -> Database | None:
        """The newest state; None while the database server is away."""
        return self._state

    async def wait(self, until: Callable[[Database], bool], seconds: float) -> Database:
        """The first state that satisfies the condition. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._news:
            while self._state is None or not until(self._state):
                await self._news.wait()
            return self._state

    async def run(self) -> None:
        """Connect, follow, connect again; until cancelled."""
        while True:
            with suppress(OSError, EOFError, ValueError):
                await self._follow()
            await self._set(None)
            await self._clock.sleep(_RETRY)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            tables = {table: [{"columns": list(columns)}] for table, columns in COLUMNS.items()}
            _send(writer, method="monitor", params=["Open_vSwitch", None, tables], id=_MONITOR_ID)
            async for message in _messages(reader):
                match message:
                    case {"id": int(), "result": dict(updates), "error": None}:
                        await self._set(_updated({table: {} for table in COLUMNS}, updates))
                    case {"method": "update", "params": [_, dict(updates)]}:
                        await self._set(_updated(self._state or {}, updates))
                    case {"method": "echo", "params": params, "id": id_}:
                        _send(writer, result=params, error=None, id=id_)
                    case _:
                        raise ValueError(f"unexpected message of the database server: {message!r}")
        finally:
            writer.close()

    async def _set(self, state: Database | None) -> None:
        if state is None and self._state is None:
            return
        async with self._news:
            self._state = state
            self._news.notify_all()
        self._changed(state)


def _send(writer: asyncio.StreamWriter, **message: Any) -> None:
    writer.write(json.dumps(message).encode())


def _updated(state: Database, updates: Mapping[str, Any]) -> Database:
    """The state after table updates (RFC 7047 section 4.1.6); the old one is left as it was."""
    tables = {table: dict(rows) for table, rows in state.items()}
    for table, rows in updates.items():
        for uuid, row in rows.items():
            new = row.get("new")
            if new is None:
                tables.setdefault(table, {}).pop(uuid, None)
            else:
                # `new` holds every monitored column, changed or not.
                tables.setdefault(table, {})[uuid] = {name: decode(value) for name, value in new.items()}
    return tables


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[Any]:
    """JSON texts, back to back without any separator (RFC 7047 section 4)."""
    decoder = json.JSONDecoder()
    text = codecs.getincrementaldecoder("utf-8")()
    buffer = ""
    while chunk := await reader.read(1 << 16):
        buffer = (buffer + text.decode(chunk)).lstrip()
        while buffer:
            try:
                message, end = decoder.raw_decode(buffer)
            except json.JSONDecodeError:
                break  # not all of it is here yet
            yield message
            buffer = buffer[end:].lstrip()
