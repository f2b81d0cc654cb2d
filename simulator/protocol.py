"""What a client and the lab daemon say to each other: one JSON line each way, typed on both sides.

A connection carries one request: `{"op": "exec", "args": {...}}`, then any number of `{"progress": "..."}`
lines, then one `{"result": ...}` or `{"error": {"code", "message"}}`. A client that hangs up cancels its
request. Pure: bytes in, values out; no sockets here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from simulator import codec
from simulator.errors import BY_CODE, LabError, LabUsageError
from topologies.model import Link

LINE_LIMIT = 64 * 1024 * 1024
"""Bytes of the longest line either side accepts (outputs of programs travel in one)."""


@dataclass(frozen=True, slots=True)
class Show:
    """-> LabView"""

    op: ClassVar[str] = "show"


@dataclass(frozen=True, slots=True)
class Exec:
    """Run a program and wait for it -> Completed"""

    op: ClassVar[str] = "exec"
    node: str
    argv: tuple[str, ...]
    timeout: float
    stdin: str | None = None


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a background process -> its id"""

    op: ClassVar[str] = "spawn"
    node: str
    argv: tuple[str, ...]
    name: str
    env: dict[str, str] = field(default_factory=dict)
    realtime: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a background process (SIGTERM, then SIGKILL) -> exit status"""

    op: ClassVar[str] = "stop"
    id: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a background process -> exit status, negative for a signal"""

    op: ClassVar[str] = "wait"
    id: str
    timeout: float


@dataclass(frozen=True, slots=True)
class WaitReady:
    """Wait until every service is ready; a progress line for each that becomes so -> null"""

    op: ClassVar[str] = "wait-ready"
    timeout: float


@dataclass(frozen=True, slots=True)
class KillService:
    """Send a signal to a service's process group -> null"""

    op: ClassVar[str] = "kill-service"
    name: str
    signal: int


@dataclass(frozen=True, slots=True)
class RestartService:
    """Stop and start a service, wait until it is ready -> null"""

    op: ClassVar[str] = "restart-service"
    name: str


@dataclass(frozen=True, slots=True)
class Inject:
    """Apply a fault -> its id"""

    op: ClassVar[str] = "inject"
    fault: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clear:
    """Take a fault back -> null"""

    op: ClassVar[str] = "clear"
    id: str


@dataclass(frozen=True, slots=True)
class ClearAll:
    """Take every fault back, last first -> null"""

    op: ClassVar[str] = "clear-all"


@dataclass(frozen=True, slots=True)
class AddNode:
    """-> NodeView"""

    op: ClassVar[str] = "add-node"
    name: str


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Also removes its links and ends its processes -> null"""

    op: ClassVar[str] = "remove-node"
    name: str


@dataclass(frozen=True, slots=True)
class AddLink:
    """-> null"""

    op: ClassVar[str] = "add-link"
    link: Link


@dataclass(frozen=True, slots=True)
class RemoveLink:
    """-> null"""

    op: ClassVar[str] = "remove-link"
    name: str


@dataclass(frozen=True, slots=True)
class Record:
    """Put a line into the timeline -> null"""

    op: ClassVar[str] = "record"
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Down:
    """End the lab: the answer is the last thing it says -> null"""

    op: ClassVar[str] = "down"


Request = (
    Show
    | Exec
    | Spawn
    | Stop
    | Wait
    | WaitReady
    | KillService
    | RestartService
    | Inject
    | Clear
    | ClearAll
    | AddNode
    | RemoveNode
    | AddLink
    | RemoveLink
    | Record
    | Down
)

_REQUESTS: dict[str, type[Request]] = {kind.op: kind for kind in Request.__args__}


@dataclass(frozen=True, slots=True)
class Progress:
    """A line for the person who waits."""

    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """The request was carried out."""

    value: Any = None


def encode_request(request: Request) -> bytes:
    """One line."""
    return _line({"op": request.op, "args": codec.to_document(request)})


def parse_request(line: bytes) -> Request:
    """Raises LabUsageError for anything that is not a request of this protocol."""
    document = _parse(line)
    op = document.get("op")
    kind = _REQUESTS.get(op) if isinstance(op, str) else None
    if kind is None:
        raise LabUsageError(f"unknown operation {op!r}; known: {', '.join(sorted(_REQUESTS))}")
    try:
        return codec.from_document(kind, document.get("args", {}), place=kind.op)
    except codec.CodecError as error:
        raise LabUsageError(str(error)) from error


def encode_progress(text: str) -> bytes:
    """One line."""
    return _line({"progress": text})


def encode_result(value: Any) -> bytes:
    """One line."""
    return _line({"result": codec.to_document(value)})


def encode_error(error: LabError) -> bytes:
    """One line."""
    return _line({"error": {"code": error.code, "message": str(error)}})


def parse_answer(line: bytes) -> Progress | Result:
    """Raises the LabError that the daemon answered with."""
    document = _parse(line)
    if "progress" in document:
        return Progress(str(document["progress"]))
    if "error" in document:
        error = document["error"]
        raise BY_CODE.get(error.get("code"), LabError)(error.get("message", "no message"))
    return Result(document.get("result"))


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _parse(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise LabUsageError(f"not a line of JSON: {error}") from error
    if not isinstance(document, dict):
        raise LabUsageError(f"expected a JSON object, got {type(document).__name__}")
    return document
