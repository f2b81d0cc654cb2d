"""A node's probe process: one thread that sends its flows, receives the others, and answers questions.

It sleeps until the next deadline and never spins. Records go to its file about four times a second, so memory
stays bounded however long it runs. It decides nothing: figures are made by whoever reads the file.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic_ns, process_time, sleep
from typing import Any

from sdnotify import SystemdNotifier

from simulator.probes import records
from simulator.probes.flows import NodeSpec
from simulator.probes.receiving import Receiver
from simulator.probes.sending import Paced, Sender
from simulator.probes.streams import Client, Server
from simulator.probes.wiring import Server as Answering

PRIORITY = 10
"""SCHED_FIFO priority, where this process may have one."""
DRAIN_NS = 5_000_000
LISTEN_NS = 20_000_000
WRITE_NS = 250_000_000
LINGER_NS = 200_000_000
"""After SIGTERM packets on their way are still received for so long."""
_PR_SET_TIMERSLACK = 29
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Status:
    """What a probe process says of itself; counts are since its start.

    `lateness` holds a histogram's items; `cpu_s` is since it began to send. `clock_ns` is when this was said:
    everything sent or received before is in the file. `sent`, `errors`, `skipped`, `received` and `drops` are
    by number of flow; `reconnects` and `retransmits` are there for flows over connections only.
    """

    node: str
    clock_ns: int
    phase: str  # waiting, sending, quiet
    realtime: bool
    cpu_s: float
    lateness: list[tuple[int, int]]
    sent: dict[str, int]
    errors: dict[str, int]
    skipped: dict[str, int]
    received: dict[str, int]
    drops: dict[str, int]
    reconnects: dict[str, int]
    retransmits: dict[str, int]


class Process:
    """The loop and its state."""

    def __init__(self, spec: NodeSpec, output: Path) -> None:
        self._spec = spec
        self._output = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._receivers = [
            (Server if flow.streams else Receiver)(spec.run, int(key), flow)
            for key, flow in spec.receives.items()
        ]
        self._senders: list[Paced] = [
            (Client if flow.streams else Sender)(spec.run, int(key), flow) for key, flow in spec.sends.items()
        ]
        self._clients = [sender for sender in self._senders if isinstance(sender, Client)]
        servers = [receiver for receiver in self._receivers if isinstance(receiver, Server)]
        self._streams: list[Client | Server] = [*self._clients, *servers]
        self._answering = Answering(Path(spec.socket))
        self._phase = "waiting"
        self._end: int | None = None
        self._listen = self._write_at = 0
        self._cpu_before = 0.0
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self) -> None:
        """Until told to finish."""
        wake_exactly()
        become_realtime()
        gc.freeze()
        gc.disable()  # nothing here makes cycles, and a collection is a pause
        SystemdNotifier().notify("READY=1")
        print("READY", flush=True)
        drain = monotonic_ns()
        while self._end is None or monotonic_ns() < self._end:
            due = self._send()
            now = monotonic_ns()
            if now >= drain:
                self._keep_house(now)
                drain = now + DRAIN_NS
            wait = min(due, drain) - monotonic_ns()
            if wait > 0:
                self._rest(wait / 1e9)
        self._drain()
        self._write()

    def _rest(self, seconds: float) -> None:
        """Sleep, unless a connection has something: when a message arrived nobody else writes down."""
        if not self._streams:
            sleep(seconds)
            return
        watched = [one for stream in self._streams for one in stream.sockets]
        if select.select(watched, (), (), seconds)[0]:
            for stream in self._streams:
                stream.drain()

    def _drain(self) -> None:
        for receiver in self._receivers:
            receiver.drain()
        for client in self._clients:
            client.drain()

    def _send(self) -> int:
        """Whatever is due; returns the next deadline (far away when nothing is to be sent)."""
        if self._phase != "sending":
            return _NEVER
        now = monotonic_ns()
        return min(
            (sender.fire() if sender.deadline <= now else sender.deadline for sender in self._senders),
            default=_NEVER,
        )

    def _keep_house(self, now: int) -> None:
        self._drain()
        if now >= self._listen:
            self._answering.poll(self._answer)
            self._listen = now + LISTEN_NS
        if now >= self._write_at:
            self._write()
            self._write_at = now + WRITE_NS

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        operation = request.get("op")
        if operation == "start" and self._phase == "waiting":
            for sender in self._senders:
                sender.start(int(request["at_ns"]))
            self._phase = "sending"
            self._cpu_before = process_time()
        elif operation == "quiesce":
            self._phase = "quiet"
        elif operation == "finish":
            self._phase = "quiet"
            self._end = monotonic_ns()
        self._drain()
        self._write()
        return asdict(self.status())

    def status(self) -> Status:
        """How things are."""
        lateness = [sender.lateness for sender in self._senders]
        merged: dict[int, int] = {}
        for histogram in lateness:
            for index, count in histogram.items():
                merged[index] = merged.get(index, 0) + count
        return Status(
            node=self._spec.node,
            clock_ns=monotonic_ns(),
            phase=self._phase,
            realtime=os.sched_getscheduler(0) == os.SCHED_FIFO,
            cpu_s=round(process_time() - self._cpu_before, 4),
            lateness=sorted(merged.items()),
            sent={str(sender.number): sender.next for sender in self._senders},
            errors={str(sender.number): sender.errors for sender in self._senders},
            skipped={str(sender.number): sender.skipped for sender in self._senders},
            received={str(one.number): one.received for one in (*self._receivers, *self._clients)},
            drops={str(receiver.number): receiver.drops for receiver in self._receivers},
            reconnects={str(client.number): client.reconnects for client in self._clients},
            retransmits={str(stream.number): stream.retransmits for stream in self._streams},
        )

    def _write(self) -> None:
        blocks = (
            [records.encode_sent(sender.number, sender.times) for sender in self._senders if sender.times]
            + [
                records.encode_received(receiver.number, receiver.sequence, receiver.times)
                for receiver in self._receivers
                if receiver.times
            ]
            + [
                records.encode_received(client.number, client.sequence, client.arrivals)
                for client in self._clients
                if client.arrivals
            ]
        )
        data = b"".join(blocks)
        while data:
            data = data[os.write(self._output, data) :]
        for sender in self._senders:
            del sender.times[:]
        for receiver in self._receivers:
            del receiver.sequence[:]
            del receiver.times[:]
        for client in self._clients:
            del client.sequence[:]
            del client.arrivals[:]

    def _terminate(self, _signal: int, _frame: object) -> None:
        self._phase = "quiet"
        self._end = monotonic_ns() + LINGER_NS


def become_realtime() -> bool:
    """SCHED_FIFO, where the inherited limit (RLIMIT_RTPRIO) allows it; False where it does not."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except PermissionError:
        return False
    return True


def wake_exactly() -> None:
    """Ask for timers without the usual 50 us of slack (prctl(2)); without, it is only later."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
