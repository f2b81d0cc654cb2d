"""Which ports of gateways lost carrier or BFD, and which of those losses no fault explains. Pure.

Two witnesses: the switch's own log (exact, but Open vSwitch keeps silent after some twenty lines a minute)
and the agents' journal (a few ms later). A loss that both tell is one loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from topologies.model import LinkKind, Topology

from .machine import FalseAlarm
from .outcomes import Struck
from .values import Event

SAME = 0.2
"""Seconds within which two witnesses tell of the same loss."""
SWITCH_SETTLES = 5.0
"""Seconds after a switch was stopped or killed in which BFD may go down anywhere beside it."""
STALLED = ("Control Detection Time Expired", "Neighbor Signaled Session Down")
"""Diagnostics of RFC 5880 section 4.1 that a switch without processor time causes, here or at the far end."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A port that went down. `t` is monotonic seconds; `diagnostic` "" when only the agent told."""

    t: float
    node: str
    interface: str
    what: Literal["carrier", "BFD"]
    diagnostic: str = ""


def losses(events: Iterable[Event]) -> tuple[Loss, ...]:
    """Every loss of carrier or BFD on any gateway, in order of time."""
    found: list[Loss] = []
    known: dict[tuple[str, str], tuple[bool, bool]] = {}
    for event in sorted(events, key=lambda event: event.t):
        node, interface = event.source.partition("/")[2], str(event.detail.get("interface", ""))
        if event.kind == "bfd" and event.source.startswith("switch/"):
            if event.detail.get("was") == "up":
                loss = Loss(event.t, node, interface, "BFD", str(event.detail.get("diagnostic", "")))
                found = [one for one in found if not _same(one, loss)] + [loss]
        elif event.kind == "port" and event.source.startswith("agent/"):
            carrier, bfd = event.detail.get("link_up") is True, event.detail.get("bfd") == "up"
            had_carrier, had_bfd = known.get((node, interface), (True, True))
            known[(node, interface)] = carrier, bfd
            if event.detail.get("link_up") is False and had_carrier:
                found.append(Loss(event.t, node, interface, "carrier"))
            told = Loss(event.t, node, interface, "BFD")
            if carrier and had_bfd and not bfd and not any(_same(one, told) for one in found):
                found.append(told)
    return tuple(found)


def _same(one: Loss, other: Loss) -> bool:
    alike = (one.node, one.interface, one.what) == (other.node, other.interface, other.what)
    return alike and abs(one.t - other.t) < SAME


def false_alarms(
    events: Iterable[Event], faults: Sequence[Struck], topology: Topology
) -> tuple[FalseAlarm, ...]:
    """BFD sessions that went down although nothing was broken there: a switch got no processor time.

    A BFD session that somebody took down on purpose is none.
    """
    return tuple(
        FalseAlarm(loss.t, loss.node, loss.interface)
        for loss in losses(events)
        if loss.what == "BFD"
        and (not loss.diagnostic or loss.diagnostic in STALLED)
        and not any(_explains(struck, loss, topology) for struck in faults)
    )


def _explains(struck: Struck, loss: Loss, topology: Topology) -> bool:
    if loss.t < struck.injected:
        return False
    if (loss.node, loss.interface) in hit(struck.fault, topology):
        return True
    stopped = str(struck.fault.get("service", "")).partition("@")[0] in ("switch", "ovsdb")
    return stopped and loss.t - (struck.cleared or struck.injected) <= SWITCH_SETTLES


def hit(fault: Mapping[str, Any], topology: Topology) -> frozenset[tuple[str, str]]:
    """The ports, (node, interface), whose liveness a fault may take: both ends of what it breaks."""
    nodes = {name for name in _texts(fault) if any(router.name == name for router in topology.routers)}
    role, _, node = str(fault.get("service", "")).partition("@")
    if role == "router":
        nodes.add(node)
    links = {
        link
        for link in topology.links
        if link.name in _texts(fault) or (link.kind is LinkKind.WAN and nodes & {link.a.node, link.b.node})
    }
    return frozenset((end.node, end.name) for link in links for end in (link.a, link.b))


def names_link(fault: Mapping[str, Any]) -> bool:
    """Whether the fault breaks links, by itself or by one that comes and goes within it."""
    parts = [
        one for value in fault.values() for one in (value if isinstance(value, list | tuple) else [value])
    ]
    return "link" in fault or any(names_link(part) for part in parts if isinstance(part, Mapping))


def _texts(value: Any) -> set[str]:
    """Every text in a fault, however deep: a flap names the fault that comes and goes within itself."""
    if isinstance(value, str):
        return {value}
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return {text for part in parts for text in _texts(part)}
