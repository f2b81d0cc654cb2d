"""The process that looks at the gateways' WAN ports and notes by which of them each flow's packets came.

One process for all gateways of a lab, at ordinary priority: it may be late, because all times are those that
the sender wrote into the packets. A probe packet is found plain, and inside of VXLAN.
"""

from __future__ import annotations

import select
import signal
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic_ns, sleep
from typing import Any

from simulator.captures.bpf import Program
from simulator.captures.pcapng import Direction
from simulator.captures.points import Point
from simulator.captures.tap import Tap
from simulator.probes.flows import FIRST_PORT, MOST_PORTS
from simulator.probes.packets import BODY, HEADER, MAGIC, SHORTEST
from simulator.probes.paths import Recording
from simulator.probes.wiring import Server

PACE_SECONDS = 0.02
VXLAN = 4789
_ETHERNET, _VLAN = 14, b"\x81\x00"
_UDP, _TCP = 17, 6
_SNAPLEN = 192


@dataclass(frozen=True, slots=True)
class Port:
    """A WAN port of a gateway; `pid`, inside the sandbox, holds the gateway's namespace."""

    node: str
    device: str
    pid: int


@dataclass(frozen=True, slots=True)
class WatchedFlow:
    """A flow, by its number and its destination's port (answers to it go elsewhere), and the gateways where
    it leaves the sender's cell and where it arrives in the receiver's."""

    number: int
    port: int
    left: tuple[str, ...]
    arrived: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """What to look for: packets of that run, at these ports. `socket` is the path of the control socket."""

    run: int
    socket: str
    flows: tuple[WatchedFlow, ...]
    ports: tuple[Port, ...]


def program(low: int, high: int) -> Program:
    """Packets of IPv4 and IPv6 to a port from `low` to `high`, and VXLAN. Coarse: the reader looks closer."""
    return (
        (40, 0, 0, 12),
        (21, 0, 3, 0x0800),
        (177, 0, 0, 14),
        (72, 0, 0, 16),
        (5, 0, 0, 2),
        (21, 0, 5, 0x86DD),
        (40, 0, 0, 56),
        (21, 2, 0, VXLAN),
        (53, 0, 2, low),
        (37, 1, 0, high),
        (6, 0, 0, _SNAPLEN),
        (6, 0, 0, 0),
    )


def probe_packet(frame: bytes, run: int) -> tuple[int, int, int] | None:
    """Number of the flow, port of the destination and send time (nanoseconds) of the probe packet in an
    Ethernet frame, if it is one of that run. Of several messages in a TCP segment the first one counts."""
    try:
        port, payload = _payload(frame)
    except (struct.error, IndexError):
        return None  # too short to be one
    if len(payload) < SHORTEST:
        return None
    magic, of_run, flow, _ = HEADER.unpack_from(payload)
    if magic != MAGIC or of_run != run:
        return None
    _, sent = BODY.unpack_from(payload, HEADER.size)
    return flow, port, sent


def _payload(frame: bytes) -> tuple[int, bytes]:
    """Destination port and what UDP or TCP carries, also inside of VXLAN; nothing for anything else."""
    at = _ETHERNET + (4 if frame[12:14] == _VLAN else 0)
    version = frame[at] >> 4
    if version == 4:
        protocol, at = frame[at + 9], at + 4 * (frame[at] & 0xF)
    elif version == 6:
        protocol, at = frame[at + 6], at + 40
    else:
        return 0, b""
    (port,) = struct.unpack_from("!H", frame, at + 2)
    if protocol == _TCP:
        return port, frame[at + 4 * (frame[at + 12] >> 4) :]
    if protocol == _UDP:
        return _payload(frame[at + 16 :]) if port == VXLAN else (port, frame[at + 8 :])
    return 0, b""


class Watcher:
    """Taps, a recording, and a socket on which it is asked for it."""

    def __init__(self, spec: WatchSpec) -> None:
        self._run = spec.run
        self._flows = {flow.number: flow for flow in spec.flows}
        filtered = program(FIRST_PORT, FIRST_PORT + MOST_PORTS - 1)
        self._taps = [
            Tap(Point(port.node, port.device, port.pid, "", "", filtered), number, _SNAPLEN)
            for number, port in enumerate(spec.ports)
        ]
        self._recording = Recording()
        self._server = Server(Path(spec.socket))
        self._ended = False
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self) -> None:
        """Until told to finish."""
        poll = select.poll()
        for tap in self._taps:
            poll.register(tap, select.POLLIN)
        print("READY", flush=True)
        while not self._ended:
            poll.poll(1000 * PACE_SECONDS)
            self._look()
            self._server.poll(self._answer)
            sleep(PACE_SECONDS)  # one waking for many packets: nothing here depends on when they are read
        for tap in self._taps:
            tap.close()

    def _look(self) -> None:
        arrived = []
        for number, tap in enumerate(self._taps):
            tap.look_again()
            arrived += [(packet, number) for packet in tap.drain()]
        for packet, number in sorted(arrived, key=lambda pair: pair[0].time_ns):
            found = probe_packet(packet.data, self._run)
            if found is not None:
                self._note(*found, self._taps[number].point, outgoing=packet.direction is Direction.OUT)

    def _note(self, number: int, port: int, sent: int, point: Point, *, outgoing: bool) -> None:
        flow = self._flows.get(number)
        if flow is not None and flow.port == port and point.node in (flow.left if outgoing else flow.arrived):
            self._recording.seen(number, "left" if outgoing else "arrived", point.node, point.device, sent)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self._look()
        if request.get("op") == "finish":
            self._ended = True
        now = monotonic_ns()
        dropped = sum(tap.statistics(now).dropped for tap in self._taps)
        runs = [asdict(run) for run in self._recording.all()]
        return {
            "clock_ns": now, "runs": runs, "dropped": dropped, "left_out": self._recording.left_out
        }  # fmt: skip

    def _terminate(self, _signal: int, _frame: object) -> None:
        self._ended = True
