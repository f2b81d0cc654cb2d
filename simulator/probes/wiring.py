"""The words between a probe process and whoever started it, over a unix socket: one JSON line each way.

    {"op": "start", "at_ns": N}   begin to send at that moment of CLOCK_MONOTONIC
    {"op": "status"}              write down everything so far, and say how things are
    {"op": "quiesce"}             send no more; go on receiving
    {"op": "finish"}              write everything down and end

Every answer is the process's status (see `simulator.probes.process.Status`).
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.probes.flows import ProbeError

ANSWER_SECONDS = 5.0
_LONGEST_LINE = 4096


class Server:
    """The process's side; never waits for anybody. `poll` is called now and then."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._callers: dict[socket.socket, bytes] = {}

    def poll(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Take new callers and answer those who said a whole line."""
        while True:
            try:
                caller, _ = self._listener.accept()
            except BlockingIOError:
                break
            caller.setblocking(False)
            self._callers[caller] = b""
        for caller in list(self._callers):
            try:
                words = caller.recv(_LONGEST_LINE)
            except BlockingIOError:
                continue
            except ConnectionError:
                words = b""
            line = self._callers[caller] + words
            if words and not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                self._callers[caller] = line
                continue
            del self._callers[caller]
            with caller:
                if words:
                    _say(caller, answer(_parse(line)))


def _parse(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _say(caller: socket.socket, document: dict[str, Any]) -> None:
    caller.setblocking(True)
    caller.settimeout(0.05)
    try:
        caller.sendall(json.dumps(document, separators=(",", ":")).encode() + b"\n")
    except (TimeoutError, ConnectionError):
        return  # the caller went away; its loss


def ask(path: Path, **request: Any) -> tuple[dict[str, Any], int]:
    """One request; returns the answer and the process's pid as this process sees it. Raises ProbeError."""
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    caller.settimeout(ANSWER_SECONDS)
    with caller:
        try:
            # Through a descriptor of the directory: a socket's path is limited to 107 bytes.
            directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                caller.connect(f"/proc/self/fd/{directory}/{path.name}")
            finally:
                os.close(directory)
            credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            caller.sendall(json.dumps(request).encode() + b"\n")
            with caller.makefile("rb") as answers:
                line = answers.readline()
        except (OSError, TimeoutError) as error:
            raise ProbeError(f"the probe process behind {path} does not answer: {error}") from error
    if not line:
        raise ProbeError(f"the probe process behind {path} ended without an answer")
    pid: int = struct.unpack("3i", credentials)[0]
    return json.loads(line), pid
