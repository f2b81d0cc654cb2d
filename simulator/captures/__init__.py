"""Packets of a running lab: recorded to pcapng, streamed to the host, and judged.

Knows packet sockets, pcapng, and as much of TCP, BGP and OpenFlow as it takes to name messages. Must not know
what the messages are for, nor change anything in the lab: a capture only looks.
"""

from simulator.captures.errors import CaptureError
from simulator.captures.frames import Frame
from simulator.captures.points import WHATS
from simulator.captures.session import Capture, Ring

__all__ = ["WHATS", "Capture", "CaptureError", "Frame", "Ring"]
