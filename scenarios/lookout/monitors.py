"""Open vSwitch's own flow monitors, one a gateway: started, read, and started again when the switch was.

`ovs-ofctl monitor BRIDGE watch:` lists the flows that are there and then tells of every one that comes, goes
or changes, whoever did it (OpenFlow 1.3 with the flow monitor extension, Open vSwitch 3.0 and later).
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from scenarios.lookout.values import Switch

AGAIN_SECONDS = 0.2
"""A switch that is being started anew is asked so often."""
_KEPT = 400
_REPLY = "FLOW_MONITOR reply"


@dataclass(slots=True)
class Monitor:
    """The flow monitor of one switch."""

    switch: Switch
    heard: int = 0
    """Replies so far; the first one comes at once, with the flows that are there."""
    complaint: str = ""
    """What ovs-ofctl said when it ended last."""
    _process: subprocess.Popen[bytes] | None = None
    _rest: bytes = b""
    _again: float = 0.0
    _last: str = ""

    def start(self) -> None:
        """Ask the switch."""
        self._process = subprocess.Popen(
            ["ovs-ofctl", "-O", "OpenFlow13", "--names", "monitor", f"unix:{self.switch.bridge}", "watch:"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._rest = b""

    def lines(self) -> list[str]:
        """What it said since it was asked last; never waits. Starts it again if it ended."""
        process = self._process
        if process is None:
            if time.monotonic() >= self._again:
                self.start()
            return []
        assert process.stdout is not None
        chunks = [self._rest]
        ended = False
        while True:
            try:
                data = os.read(process.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                break
            if not data:
                ended = True
                break
            chunks.append(data)
        *whole, self._rest = b"".join(chunks).split(b"\n")
        found = [line.decode(errors="replace") for line in whole]
        if found:
            self._last = found[-1]
            self.heard += sum(_REPLY in line for line in found)
        if ended:
            self.complaint = self._last[-_KEPT:]
            self.stop()
        return found

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            self._again = time.monotonic() + AGAIN_SECONDS
