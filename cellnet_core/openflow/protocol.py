"""What an agent and its controller say to each other: JSON lines on a unix socket.

A request is `{"id": N, "op": ..., ...}`; each is answered in the order received, by any number of
`{"id": N, "part": ...}` lines and then one `{"id": N, "ok": true, "result": ...}` or
`{"id": N, "ok": false, "error": {"code": ..., "message": ...}}`.

    status                      result: {"library", "switches": [{"dpid", "address", "since"}]}
    observe, "dpid"             parts: {"flows": [...]}; result: {"groups": [...], "ports": [...]}
    apply, "dpid", "mods"       result: {"count", "failed": {"<index>": message}}; at most MAX_MODS mods,
                                sent in this order; the answer comes after the switch has done them all
    watch                       result: {}; then `{"event": {"about": ..., ...}}` lines until closed

Values are those of `values.py`. No I/O here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cellnet_core.openflow.values import CodecError, Mod, mod_from_json

MAX_LINE: Final = 8 * 1024 * 1024
"""Bytes; a longer line is refused and the connection closed, since its end cannot be trusted."""
MAX_MODS: Final = 2000
FLOWS_PER_PART: Final = 500

BAD_REQUEST: Final = "bad-request"
NO_SWITCH: Final = "no-switch"
SWITCH_LOST: Final = "switch-lost"
SWITCH_SILENT: Final = "switch-silent"


class RequestError(Exception):
    """A request that is refused. `code` is one of this module's words; the text says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """A request that makes sense as far as it can be told without a switch."""

    id: int
    op: str
    dpid: int = 0
    mods: tuple[Mod, ...] = ()


def parse_request(line: bytes) -> Request:
    """A request out of one line. Raises RequestError."""
    try:
        document = json.loads(line)
    except ValueError as error:  # also UnicodeDecodeError
        raise RequestError(BAD_REQUEST, f"not a JSON line: {error}") from error
    except RecursionError as error:
        raise RequestError(BAD_REQUEST, "nested too deeply") from error
    match document:
        case {"id": int(id_), "op": ("status" | "watch") as op}:
            return Request(id_, op)
        case {"id": int(id_), "op": "observe", "dpid": int(dpid)}:
            return Request(id_, "observe", dpid)
        case {"id": int(id_), "op": "apply", "dpid": int(dpid), "mods": list(mods)}:
            if len(mods) > MAX_MODS:
                raise RequestError(BAD_REQUEST, f"{len(mods)} mods: send at most {MAX_MODS} at a time")
            try:
                return Request(id_, "apply", dpid, tuple(mod_from_json(mod) for mod in mods))
            except CodecError as error:
                raise RequestError(BAD_REQUEST, str(error)) from error
        case _:
            raise RequestError(
                BAD_REQUEST,
                'a request is {"id": number, "op": "status", "observe", "apply" or "watch", ...}; '
                'observe and apply want "dpid", apply wants "mods"',
            )


def request_id(line: bytes) -> int | None:
    """The id of a request that may be refused for anything else, so that the refusal finds its asker."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    id_ = document.get("id") if isinstance(document, dict) else None
    return id_ if isinstance(id_, int) else None


def request_line(id_: int, op: str, **fields: Any) -> bytes:
    """A request as a line."""
    return _line({"id": id_, "op": op, **fields})


def part_line(id_: int, part: Mapping[str, Any]) -> bytes:
    """A part of an answer as a line."""
    return _line({"id": id_, "part": part})


def result_line(id_: int, result: Mapping[str, Any]) -> bytes:
    """The end of a good answer as a line."""
    return _line({"id": id_, "ok": True, "result": result})


def error_line(id_: int | None, error: RequestError) -> bytes:
    """A refusal as a line."""
    return _line({"id": id_, "ok": False, "error": {"code": error.code, "message": str(error)}})


def event_line(event: Mapping[str, Any]) -> bytes:
    """An event as a line."""
    return _line({"event": event})


def split(mods: Sequence[Any], size: int = MAX_MODS) -> list[Sequence[Any]]:
    """Mods in requests of a size that is taken."""
    return [mods[start : start + size] for start in range(0, len(mods), size)]


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
