"""One flow's sender: packets at absolute deadlines, and an honest account of how late it was."""

from __future__ import annotations

import socket
from array import array
from time import monotonic_ns

from simulator.probes.flows import Flow
from simulator.probes.histogram import Histogram
from simulator.probes.packets import BODY, BODY_AT, template

CATCH_UP_NS = 20_000_000
"""A sender that was held up sends at most this much of its schedule at once, and skips the rest: a longer
burst would overflow queues on the way, and the probe would make the loss that it reports."""


class Paced:
    """Calls `_send` for each packet that is due. Not started until `start`; `fire` is called whenever
    `deadline` has passed. What `_send` cannot hand to the kernel it counts in `errors`."""

    def __init__(self, run: int, number: int, flow: Flow) -> None:
        self.flow = flow
        self.number = number
        self.deadline = 0
        self.next = 0
        self.errors = 0
        self.skipped = 0
        self.lateness = Histogram()
        self.times: array[int] = array("q")
        """Send times not written down yet."""
        self._interval = flow.interval_ns
        self._packet = template(run, number, flow.size)

    def start(self, at: int) -> None:
        """The first packet leaves at that moment (nanoseconds of CLOCK_MONOTONIC)."""
        self.deadline = at

    def fire(self) -> int:
        """Send everything that is due; returns the next deadline."""
        now = monotonic_ns()
        late = now - self.deadline
        if late > CATCH_UP_NS:
            slots = (late - CATCH_UP_NS) // self._interval
            self.lateness.add(late // 1000)
            self.deadline += slots * self._interval
            self.skipped += slots
        while self.deadline <= now:
            sent_at = monotonic_ns()
            BODY.pack_into(self._packet, BODY_AT, self.next, sent_at)
            self._send()
            self.times.append(sent_at)
            self.lateness.add((sent_at - self.deadline) // 1000)
            self.next += 1
            self.deadline += self._interval
        return self.deadline

    def _send(self) -> None:
        """Hand `_packet` to the kernel."""
        raise NotImplementedError


class Sender(Paced):
    """Sends one flow of UDP packets."""

    def __init__(self, run: int, number: int, flow: Flow) -> None:
        super().__init__(run, number, flow)
        family = socket.AF_INET6 if flow.family == 6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind((flow.source, 0))
        self._socket.connect((flow.destination, flow.port))

    def _send(self) -> None:
        """A packet that this node's kernel refuses counts as sent (and so as lost): the user lost it too."""
        try:
            self._socket.send(self._packet)
        except ConnectionRefusedError:
            # An ICMP answer to an earlier packet; it is reported instead of sending, so send again.
            try:
                self._socket.send(self._packet)
            except OSError:
                self.errors += 1
        except OSError:
            self.errors += 1
