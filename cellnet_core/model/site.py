"""The site file: what an agent is told about the machine it runs on.

Written by the operator (or by a lab) as JSON or YAML, read once at start. It names interfaces, sockets and
addresses of one gateway; it holds no intent. Addresses are strings with a prefix length ("172.16.0.1/30").
"""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


class Value(BaseModel):
    """A frozen value; unknown fields are errors, so that a typing mistake is never silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bfd(Value):
    """BFD timers of a WAN port, in milliseconds (RFC 5880 section 4.1; Open vSwitch `bfd:min_tx` ...)."""

    min_tx_ms: int = Field(10, ge=1)
    min_rx_ms: int = Field(10, ge=1)
    multiplier: int = Field(3, ge=1)


class Peer(Value):
    """A provider's router at the far end of a WAN port: the gateway speaks BGP and BFD with it, not with the
    gateway of another cell."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """What paths by this router are said to go "via"."""
    asn: int = Field(ge=1, le=4_294_967_295)
    addresses: tuple[Interface, ...]
    """Of its end of the link, one per family, each in the subnet of one of the port's own addresses."""
    mac: str | None = None
    """None: the kernel's neighbour table tells. BFD begins once the MAC is known."""
    passive: bool = False
    """True: this end waits for the router's TCP connection. False: it calls, and the router must wait
    ("passive"), because two ends that both call end each other's sessions."""


class WanPort(Value):
    """A physical WAN port and the switch-internal port that carries its addresses."""

    interface: str
    l3_port: str
    mac: str
    """MAC of `l3_port`: what the neighbour sends routed packets to."""
    addresses: tuple[Interface, ...]
    bfd: Bfd | None = Bfd()
    """None switches BFD off: liveness is then carrier only."""
    peer: Peer | None = None
    """None: the far end is the gateway of another cell, and the manager knows it."""

    @model_validator(mode="after")
    def _check_peer(self) -> WanPort:
        if self.peer is None:
            return self
        own = {address.network for address in self.addresses}
        for address in self.peer.addresses:
            if address.network not in own:
                raise ValueError(
                    f"peer {self.peer.name} has {address}, in no subnet of {self.interface} "
                    f"({', '.join(map(str, self.addresses))}); give it an address of the same link"
                )
        if self.bfd is not None and not any(address.version == 4 for address in self.peer.addresses):
            raise ValueError(
                f"BFD with the router {self.peer.name} needs IPv4 at both ends of {self.interface}, because "
                "Open vSwitch sends BFD in IPv4 only; add the addresses or write bfd: null"
            )
        return self


class Lan(Value):
    """The inside of the cell, seen from its gateway."""

    interfaces: tuple[str, ...]
    """Physical ports towards the hosts; they join the integration bridge."""
    l3_port: str
    router_mac: str
    """MAC of `l3_port`; hosts send routed packets to it, and so does the gateway's own kernel."""
    addresses: tuple[Interface, ...]
    """The gateway's addresses inside the cell, one per family, with the LAN's prefix length."""
    health_addresses: tuple[Interface, ...]
    """Addresses that answer health checks from other cells, one per family; inside the cell's prefixes."""
    routing_table: int | None = Field(None, ge=1, le=252)
    """The kernel's routing table for what this machine itself sends from `addresses` and `health_addresses`.
    None: its main one, whose default route then leads to other cells: for a machine or a network namespace
    that is a gateway and nothing else."""


class OpenVSwitch(Value):
    """Where this gateway's own Open vSwitch is."""

    run_directory: str
    """Holds `db.sock`, the bridges' `.mgmt` sockets and ovs-vswitchd's pid file (OVS_RUNDIR)."""
    datapath_type: Literal["netdev", "dummy", "system"] = "netdev"
    """netdev: userspace, internal ports are taps. dummy: the same for a user who may not open /dev/net/tun;
    ovs-vswitchd then runs with --enable-dummy, and each internal port is a veth pair that boot makes.
    system: the kernel's datapath."""
    datapath_id: int
    bridge: str = "br-phy"
    integration_bridge: str = "br-int"


class Controller(Value):
    """The OpenFlow controller process of this gateway."""

    target: str
    """What the switch connects to, such as "tcp:192.168.254.2:6653"."""
    socket: str
    """Path of the unix socket on which the controller takes this agent's requests."""


class Speaker(Value):
    """The BGP speaker process of this gateway."""

    directory: str
    """Private directory of the speaker: configuration, sockets, read-back files."""


class Site(Value):
    """Everything an agent knows before it has talked to anybody."""

    cell: str
    gateway: str
    kind: Literal["main", "sub"]
    uuid: UUID
    asn: int = Field(ge=1, le=4_294_967_295)
    router_id: str
    prefixes: tuple[Network, ...]
    """What the cell announces: its own prefixes."""
    manager_url: str
    """Base URL of the manager on the management network, such as "http://100.64.0.1:9790"."""
    manager_ca: str | None = None
    """File of certificates (PEM) to trust for an https manager_url; None: those that the machine trusts."""
    enrolment_file: str | None = None
    """File with the one-time token of `cellnet agent enrol`; with it the agent shows who it is, and wants the
    manager to do so. None: it does neither, unless it has enrolled before."""
    state_directory: str
    """Last known good intent and identifiers; survives restarts of the agent."""
    journal: str | None = None
    """File that takes the agent's journal as JSON lines; None keeps none."""
    wan: tuple[WanPort, ...]
    lan: Lan
    ovs: OpenVSwitch
    controller: Controller
    speaker: Speaker
