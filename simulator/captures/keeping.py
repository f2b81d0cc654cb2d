"""Captures as long as a lab, in bounded space: the newest packets are there when something went wrong."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.captures.points import WHATS
from simulator.captures.session import Capture, Lab, Ring
from simulator.view import LabView
from topologies.model import LinkKind

RING = Ring(limit=16 << 20, files=4)
"""The newest 16 MiB: some 100,000 messages of BGP and OpenFlow."""
WAN = "wan"
"""Stands for all WAN links."""
ALWAYS = (*WHATS, WAN)


def read(text: str) -> tuple[str, ...]:
    """The words of an option: "bgp,openflow", "wan", names of links; "always" for the first three, "none"."""
    if text == "none":
        return ()
    return ALWAYS if text == "always" else tuple(word for word in text.split(",") if word)


def words(view: LabView, what: Iterable[str]) -> tuple[str, ...]:
    """What is captured, with the names of links where `wan` stands for them."""
    links = [link.name for link in view.links if link.kind is LinkKind.WAN]
    return tuple(name for word in what for name in (links if word == WAN else [word]))


def keep(lab: Lab, what: Iterable[str], ring: Ring = RING) -> Capture:
    """Start a capture that ends with the lab. Raises CaptureError, LabError."""
    capture = Capture(lab, words(lab.show(), what), ring=ring)
    capture.start()
    return capture
