"""Captures for tests: a ring as long as each lab lives, more that a test asks for; kept of what failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simulator.captures import Capture, Ring, messages, slicing
from simulator.captures.errors import CaptureError
from simulator.captures.keeping import RING, words
from simulator.client import LabClient
from simulator.errors import LabError

MOST_MESSAGES = 20
TOLD = messages.CHANGES | {"OPEN", "ERROR"}
"""Without keepalives, echoes and questions, which say nothing in a report."""


class Captures:
    """The `capture` fixture: captures of one test, ended with it. `always` is that of its lab."""

    def __init__(self, client: LabClient, always: Capture | None, since_s: float) -> None:
        self._client = client
        self._always = always
        self._since_s = since_s
        self._made: list[Capture] = []

    def __call__(
        self,
        *what: str,
        node: str | None = None,
        expression: str | None = None,
        ring: Ring | None = RING,
        snaplen: int = 262144,
    ) -> Capture:
        """Capture links ("main-east-1", "wan" for all of them), "bgp", "openflow", from now on.

        `node`: only what it sees; `expression`: a pcap-filter(7); `ring=None`: without a bound. Raises
        CaptureError.
        """
        chosen = words(self._client.show(), what)
        capture = Capture(self._client, chosen, node, expression=expression, ring=ring, snaplen=snaplen)
        capture.start()
        self._made.append(capture)
        return capture

    def stop(self) -> None:
        """End what this test started, so that every packet is in its file."""
        for capture in self._made:
            try:
                capture.stop()
            except LabError:
                continue  # the lab is gone; what was written is there

    def told(self) -> str:
        """The last messages that changed something since the test began, and where the packets are."""
        lines: list[str] = []
        for capture in self._all():
            try:
                frames = (frame for frame in capture.frames() if frame.t >= self._since_s)
                seen = [one for one in messages.read(frames) if one.kind in TOLD]
            except CaptureError as error:
                lines.append(str(error))
                continue
            more = len(seen) - MOST_MESSAGES
            lines += [f"({more} messages before)"] if more > 0 else []
            lines += [f"{one.t - self._since_s:+9.3f} s  {one.what}" for one in seen[-MOST_MESSAGES:]]
            lines += [f"packets: {path}" for path in capture.files]
        return "\n".join(lines)

    def save(self, directory: Path) -> Sequence[Path]:
        """Write what was captured since the test began, a file for each capture. Raises OSError."""
        saved = []
        for capture in self._all():
            files = capture.files
            if files:
                directory.mkdir(parents=True, exist_ok=True)
                target = directory / f"{files[0].parent.name}.pcapng"
                if slicing.cut(files, self._since_s, target):
                    saved.append(target)
        return saved

    def _all(self) -> list[Capture]:
        return [*([] if self._always is None else [self._always]), *self._made]
