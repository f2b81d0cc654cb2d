"""What is sent where: flows between nodes of a lab, and what each node has to do of it. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Literal

from topologies.model import Host, Link, LinkKind, Port, Topology

DEFAULT_RATE = 1000
"""Packets a second of each flow: outages are then known to 1 ms."""
FASTEST_RATE = 5000
FIRST_PORT = 42000
MOST_PORTS = 1000
"""Flows of a session use the ports from FIRST_PORT on; so many of them are looked at on the way."""
PAYLOAD_BYTES = 64
Transport = Literal["udp", "tcp", "message"]
"""udp: packets. tcp: messages one way over a long-lived connection. message: each one is answered."""
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp", "message")

_CONTROL_NETS = tuple(
    (f"198.18.{n // 64}.{n % 64 * 4 + 1}", f"198.18.{n // 64}.{n % 64 * 4 + 2}") for n in range(512)
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of one family. `rate` is packets (or messages) a second, `size` their payload bytes.

    A control flow runs beside the WAN and shows what the harness itself loses.
    """

    name: str
    sender: str
    receiver: str
    source: str
    destination: str
    port: int
    rate: int = DEFAULT_RATE
    size: int = PAYLOAD_BYTES
    control: bool = False
    transport: Transport = "udp"

    @property
    def streams(self) -> bool:
        """Over a connection: nothing is lost while it lasts, but it may stall."""
        return self.transport != "udp"

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.destination else 4

    @property
    def interval_ns(self) -> int:
        """Nanoseconds between two packets."""
        return 1_000_000_000 // self.rate


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """The work of one node's process. Flows are numbered by their place in the session's list.

    `socket` is the path of its control socket.
    """

    run: int
    node: str
    socket: str
    sends: dict[str, Flow]
    receives: dict[str, Flow]


class ProbeError(Exception):
    """A probe that cannot be, or that did not run. Exit status 2 when it was asked for wrongly."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def between(
    topology: Topology,
    a: str,
    b: str,
    rate: int = DEFAULT_RATE,
    transports: Sequence[Transport] = ("udp",),
) -> tuple[Flow, ...]:
    """Both directions and both families between the first hosts of two cells. Raises ProbeError."""
    unknown = [one for one in transports if one not in TRANSPORTS]
    if unknown or not transports:
        raise ProbeError(f"transport {', '.join(unknown) or 'none'}: choose of {', '.join(TRANSPORTS)}", 2)
    if a == b:
        raise ProbeError(f"--to {b}: a probe needs two different cells", 2)
    if not 1 <= rate <= FASTEST_RATE:
        raise ProbeError(f"--rate {rate}: choose 1 to {FASTEST_RATE} packets a second", 2)
    first, second = _first_host(topology, a), _first_host(topology, b)
    flows: list[Flow] = []
    pairs = [
        (transport, sender, receiver, source, destination)
        for transport in dict.fromkeys(transports)
        for sender, receiver in ((first, second), (second, first))
        for source in sender.addresses
        for destination in receiver.addresses
        if source.version == destination.version
    ]
    for transport, sender, receiver, source, destination in pairs:
        kind = "" if transport == "udp" else f"-{transport}"
        flows.append(
            Flow(
                name=f"{sender.cell}-{receiver.cell}-v{source.version}{kind}",
                sender=sender.name,
                receiver=receiver.name,
                source=str(source.ip),
                destination=str(destination.ip),
                port=FIRST_PORT + len(flows),
                rate=rate,
                transport=transport,
            )
        )
    return tuple(flows)


def _first_host(topology: Topology, cell_name: str) -> Host:
    names = [cell.name for cell in topology.cells]
    if cell_name not in names:
        raise ProbeError(f"there is no cell {cell_name!r} in this lab; cells: {', '.join(names)}", 2)
    hosts = topology.cell(cell_name).hosts
    if not hosts:
        raise ProbeError(
            f"cell {cell_name!r} has no host to probe from: start the lab with --set hosts=1 or more", 2
        )
    return hosts[0]


def control_link(a: str, b: str, taken: Iterable[str]) -> Link:
    """A cable of the probe's own between two nodes, past everything that is probed.

    Named and addressed (198.18.0.0/15, RFC 2544) so that it collides with none of the link names `taken`.
    """
    used = set(taken)
    number = next(n for n in range(len(_CONTROL_NETS)) if f"probe-control-{n}" not in used)
    ends = zip((a, b), _CONTROL_NETS[number], (1, 2), strict=True)
    port_a, port_b = (
        Port(
            node=node,
            name=f"probe{number}",
            mac=f"02:cd:00:{number >> 8:02x}:{number & 0xFF:02x}:{end:02x}",
            addresses=(_interface(f"{address}/30"),),
        )
        for node, address, end in ends
    )
    return Link(name=f"probe-control-{number}", kind=LinkKind.CONTROL, a=port_a, b=port_b)


def over(link: Link, rate: int, first_port: int) -> tuple[Flow, ...]:
    """Both directions over a control link."""
    pairs = ((link.a, link.b), (link.b, link.a))
    return tuple(
        Flow(
            name=f"control-{sender.node}-{receiver.node}",
            sender=sender.node,
            receiver=receiver.node,
            source=str(sender.addresses[0].ip),
            destination=str(receiver.addresses[0].ip),
            port=first_port + index,
            rate=rate,
            control=True,
        )
        for index, (sender, receiver) in enumerate(pairs)
    )


def specs(flows: tuple[Flow, ...], run: int, socket_of: dict[str, str]) -> tuple[NodeSpec, ...]:
    """What each node has to do, by name of node. `socket_of` has every node's control socket."""
    numbered = {str(number): flow for number, flow in enumerate(flows)}
    nodes = sorted({node for flow in flows for node in (flow.sender, flow.receiver)})
    return tuple(
        NodeSpec(
            run=run,
            node=node,
            socket=socket_of[node],
            sends={key: flow for key, flow in numbered.items() if flow.sender == node},
            receives={key: flow for key, flow in numbered.items() if flow.receiver == node},
        )
        for node in nodes
    )


def _interface(text: str) -> IPv4Interface | IPv6Interface:
    return ip_interface(text)
