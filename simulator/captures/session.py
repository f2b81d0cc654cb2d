"""A capture in a lab from Python: started, stopped, read; and the same streamed to a descriptor.

Needs nothing of the lab but its client. The files are in the lab's run directory, captures/NAME/.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Protocol

from simulator import codec
from simulator.captures import frames, messages, outputs, points
from simulator.captures.errors import CaptureError
from simulator.captures.frames import Frame, Seen
from simulator.captures.messages import Message
from simulator.captures.process import Spec
from simulator.view import LabView

INSIDE = Path("/run/lab")
"""The lab's run directory as its nodes see it."""
START_SECONDS = 15.0
END_SECONDS = 5.0
_POLL_SECONDS = 0.01


class Lab(Protocol):
    """What a capture needs of a lab (`simulator.client.LabClient` has it)."""

    @property
    def name(self) -> str: ...
    @property
    def run_directory(self) -> Path: ...
    def show(self) -> LabView: ...
    def spawn(self, node: str, argv: Sequence[str], name: str) -> str: ...
    def stop(self, process: str) -> int: ...
    def wait(self, process: str, timeout: float) -> int: ...
    def enter(self, node: str, argv: Sequence[str]) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Ring:
    """Keep the newest packets only: `limit` bytes in all, in that many files."""

    limit: int = 64 << 20
    files: int = 8

    def __post_init__(self) -> None:
        if self.files < 2 or self.limit // self.files < 1 << 16:
            raise CaptureError("a ring has at least 2 files, of at least 64 KiB each", 2)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to capture: words (links, "bgp", "openflow"), on one node or on all, narrowed by a filter."""

    what: tuple[str, ...]
    node: str | None = None
    expression: str | None = None
    snaplen: int = 262144


class Capture:
    """Packets from `start` to `stop`; a context manager. Not for several threads at once."""

    def __init__(
        self,
        lab: Lab,
        what: str | Sequence[str],
        node: str | None = None,
        *,
        expression: str | None = None,
        ring: Ring | None = None,
        snaplen: int = 262144,
    ) -> None:
        """`what`: a link, "bgp", "openflow", or several of them; `node`: only what that node sees.

        `expression` is a pcap-filter(7); `ring` bounds the space of a capture that runs all the time.
        """
        self._lab = lab
        self._wanted = Wanted((what,) if isinstance(what, str) else tuple(what), node, expression, snaplen)
        self._ring = ring
        self._directory: Path | None = None
        self._process: str | None = None
        self._ended = False

    def __enter__(self) -> Capture:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, seconds: float = 0.0) -> None:
        """Return when packets are captured; `seconds` ends it by itself. Raises CaptureError, LabError."""
        if self._directory is not None:
            raise CaptureError("a capture is started once: make another one", 2)
        spec = select(self._lab, self._wanted)
        self._directory = directory = self._claim()
        ring = self._ring or Ring()
        spec = replace(
            spec,
            directory=str(INSIDE / "captures" / directory.name),
            limit=ring.limit if self._ring else 0,
            files=ring.files,
            seconds=seconds,
        )
        (directory / "spec.json").write_text(json.dumps(codec.to_document(spec)), encoding="utf-8")
        argv = [*_PROGRAM, f"{spec.directory}/spec.json"]
        self._process = self._lab.spawn(spec.points[0].node, argv, f"capture-{directory.name}")
        self._await_beginning(directory)

    def wait(self, timeout: float) -> Path:
        """Return when a capture of so many `seconds` has ended. Raises LabTimeoutError, CaptureError."""
        self._lab.wait(self._running(), timeout)
        return self.stop()

    def stop(self) -> Path:
        """End it; all packets that passed until now are in. Called again, it says the same.

        Returns the file, or the directory if there are several. Raises CaptureError if it had failed.
        """
        process = self._running()
        if not self._ended and self._lab.stop(process) != 0:
            raise CaptureError(f"the capture failed: {self._log()}")
        self._ended = True
        files = self.files
        return files[0] if len(files) == 1 else files[0].parent

    @property
    def files(self) -> tuple[Path, ...]:
        """What is there, oldest first. Each is a whole pcapng file."""
        return outputs.files_in(self._directory) if self._directory else ()

    def frames(self) -> Iterator[Frame]:
        """What was captured so far."""
        return frames.read(self.files)

    def packets(self) -> Iterator[Any]:
        """The same as scapy packets; `sniffed_on` is "node:interface", `direction` 1 (in) or 2 (out).

        `time` is that of the lab's timeline: CLOCK_MONOTONIC seconds.
        """
        # Half a second that few need. The layers are imported to be known to scapy.
        from scapy.layers import inet, inet6, l2  # noqa: F401  # to load them is to teach scapy the layers

        for frame in self.frames():
            packet = l2.Ether(frame.data)
            packet.time = frame.t
            packet.wirelen = frame.length
            packet.sniffed_on = frame.interface
            packet.direction = int(frame.direction)
            yield packet

    def messages(self) -> Iterator[Message]:
        """The BGP and OpenFlow messages so far."""
        return messages.read(self.frames())

    def interfaces(self) -> tuple[str, ...]:
        """Where it looked: "node:interface"."""
        return tuple(seen.interface.name for seen in self._totals())

    def doubts(self) -> tuple[str, ...]:
        """Why the capture may lack packets that were there; empty: it has them all."""
        if not self._ended:
            return ("the capture is still running",)
        found = []
        if self.files and self.files[0] != outputs.path_of(self.files[0].parent, 1):
            found.append("the ring was too small: the oldest packets are gone")
        for seen in self._totals():
            if seen.counted.dropped:
                found.append(f"{seen.interface.name}: {seen.counted.dropped} packets found no room")
            if seen.counted.comment:
                found.append(f"{seen.interface.name}: {seen.counted.comment}")
        return tuple(found)

    # --- inside ----------------------------------------------------------------------------------

    def _totals(self) -> tuple[Seen, ...]:
        return frames.totals(self.files[-1]) if self.files else ()

    def _running(self) -> str:
        if self._process is None:
            raise CaptureError("the capture has not been started", 2)
        return self._process

    def _claim(self) -> Path:
        """A directory of its own: what is captured, with a number if that is taken."""
        base = self._lab.run_directory / "captures"
        base.mkdir(exist_ok=True)
        name = "-".join((*self._wanted.what, *filter(None, [self._wanted.node])))[:80]
        number = 1
        while True:
            directory = base / (name if number == 1 else f"{name}.{number}")
            try:
                directory.mkdir()
            except FileExistsError:
                number += 1
            else:
                return directory

    def _await_beginning(self, directory: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        beginning = outputs.path_of(directory, 1)
        while not beginning.exists():
            process = self._running()
            view = next(view for view in self._lab.show().processes if view.id == process)
            if view.returncode is not None and not beginning.exists():
                raise CaptureError(f"the capture did not start: {self._log()}")
            if time.monotonic() > deadline:
                self._lab.stop(process)
                raise CaptureError(f"the capture did not start in {START_SECONDS:g} s: {self._log()}")
            time.sleep(_POLL_SECONDS)

    def _log(self) -> str:
        path = self._lab.run_directory / "logs" / f"run-{self._process}.log"
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        return text[-800:].strip() or f"see {path}"


_PROGRAM = (sys.executable, "-m", "simulator.captures")


def select(lab: Lab, wanted: Wanted) -> Spec:
    """The capture that is wanted, checked against the lab as it is. Raises CaptureError."""
    chosen = points.select(lab.show(), wanted.what, wanted.node, wanted.expression)
    return Spec(lab.name, chosen, snaplen=wanted.snaplen)


def stream(lab: Lab, spec: Spec, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a capture that writes to `output` (a file or a descriptor) and ends with its standard input.

    Close `stdin` of what is returned to end it; it ends too when this process dies or the reader leaves.
    """
    argv = lab.enter(spec.points[0].node, [*_PROGRAM, "-"])
    # A group of its own: Ctrl-C is for the caller, who ends the capture in order.
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=output, process_group=0)
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(codec.to_document(spec)).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError as error:
        process.wait(END_SECONDS)
        raise CaptureError("the capture did not start; see the message above") from error
    return process


def finish(process: subprocess.Popen[bytes]) -> int:
    """End a streamed capture; returns its exit status. Bounded: one that does not listen is killed."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
