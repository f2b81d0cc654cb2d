"""The lab's network as a Mininet network, with nodes and links that are made faster. The one door to mininet.

Mininet 2.3 gives a node an interactive shell (25 ms) and makes a link with programs (`ip`, `ifconfig`). Here
a node is a namespace with one sleeping process and a link is a veth pair created directly in its two
namespaces by netlink. Mininet's `stop` and clean-up are never used: they are slow and act on the whole
machine. Link methods block for milliseconds: call them from a thread, one at a time.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from mininet.link import Intf
from mininet.link import Link as MininetLink
from mininet.net import Mininet
from mininet.node import Node
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from simulator import namespaces
from simulator.context import SEGMENT_NODE, FaultTargetError
from simulator.sandbox import NAMESPACES
from topologies.model import Link, Port

BRIDGE = "mgmt"
_SYSCTLS = {
    # Addresses are usable at once and come from the topology alone.
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
}

StartHolder = Callable[[int], int]
"""Starts a process that only holds a network namespace (given as a descriptor); returns its pid."""


class NamespaceNode(Node):  # type: ignore[misc]  # mininet ships no types
    """A Mininet node without a shell: a namespace, a process that holds it, a socket inside."""

    isSetup = True  # noqa: N815  # nothing to look for: no program of Mininet's is used

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802, ARG002  # Mininet's name
        """Make the namespace, or take the sandbox's own for a node that is not in one."""
        if self.inNamespace:
            self.namespace = namespaces.create(NAMESPACES / self.name)
            self.pid = self.params["start_holder"](self.namespace)
        else:
            self.namespace = namespaces.current()
            self.pid = os.getpid()
        self.handle = namespaces.Handle(self.namespace)
        with namespaces.inside(self.namespace):
            for name, value in _SYSCTLS.items():
                Path("/proc/sys", name).write_text(value, encoding="ascii")
        self.handle.set_up("lo", up=True)

    def cleanup(self) -> None:
        """Let go of the namespace; the kernel ends it with its last process."""
        if not self.inNamespace or self.pid is None:
            return
        os.kill(self.pid, 9)
        self.pid = None
        self.handle.close()
        os.close(self.namespace)
        namespaces.unbind(NAMESPACES / self.name)


class BareIntf(Intf):  # type: ignore[misc]  # Mininet has no types
    """An interface that is configured by netlink when its link is made, not by programs."""

    def config(self, **_params: Any) -> dict[str, Any]:
        """Nothing is left to do."""
        return {}

    def delete(self) -> None:
        """Forget it. One end takes the other with it, so the link deletes."""
        self.node.delIntf(self)
        self.link = None


class VethLink(MininetLink):  # type: ignore[misc]  # Mininet has no types
    """A veth pair whose ends are born in their namespaces."""

    @classmethod
    def makeIntfPair(  # noqa: N802  # Mininet's signature
        cls,
        intfname1: str,
        intfname2: str,
        addr1: str | None = None,
        addr2: str | None = None,
        node1: NamespaceNode | None = None,
        node2: NamespaceNode | None = None,
        deleteIntfs: bool = True,  # noqa: N803, ARG003  # Mininet's name, and not ours to use
    ) -> None:
        """One netlink request for both ends."""
        assert node1 is not None
        assert node2 is not None
        with IPRoute() as netlink:
            netlink.link(
                "add",
                ifname=intfname1,
                kind="veth",
                address=addr1,
                net_ns_fd=node1.namespace,
                peer={"ifname": intfname2, "address": addr2, "net_ns_fd": node2.namespace},
            )

    def delete(self) -> None:
        """Delete one end, and with it the other."""
        with namespaces.inside(self.intf1.node.namespace), IPRoute() as netlink:
            netlink.link("del", index=socket.if_nametoindex(self.intf1.name))
        self.intf1.delete()
        self.intf2.delete()


class Network:
    """The lab's nodes and links. Node methods belong to the event loop's thread, link methods to any one."""

    def __init__(self, start_holder: StartHolder) -> None:
        # Mininet would check for root and write machine-wide limits (fs.file-max, kernel.pty.max) first.
        Mininet.inited = True
        self._net = Mininet(host=NamespaceNode, link=VethLink, intf=BareIntf, controller=None, build=False)
        self._start_holder = start_holder
        self._links: dict[str, tuple[Link, VethLink]] = {}
        segment = self._net.addHost(SEGMENT_NODE, inNamespace=False)
        with IPRoute() as netlink:
            netlink.link("add", ifname=BRIDGE, kind="bridge", br_stp_state=0)
        segment.handle.set_up(BRIDGE, up=True)
        self._bridge_index = socket.if_nametoindex(BRIDGE)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names, the management segment's too, in order of creation."""
        return tuple(node.name for node in self._net.hosts)

    @property
    def links(self) -> Mapping[str, Link]:
        """What is there now, by name."""
        return {name: link for name, (link, _) in self._links.items()}

    def namespace(self, node: str) -> int:
        """Open descriptor of the node's network namespace. Raises FaultTargetError."""
        return int(self._node(node).namespace)

    def pid(self, node: str) -> int:
        """The process that holds the node's namespace. Raises FaultTargetError."""
        return int(self._node(node).pid)

    def interfaces(self, node: str) -> tuple[str, ...]:
        """Names of the interfaces that links gave to the node. Raises FaultTargetError."""
        return tuple(sorted(self._node(node).nameToIntf))

    def set_interface(self, node: str, interface: str, *, up: bool) -> None:
        """Administratively up or down. Raises FaultTargetError."""
        try:
            self._node(node).handle.set_up(interface, up=up)
        except OSError as error:
            raise FaultTargetError(f"node {node} has no interface {interface!r}: {error}") from error

    def add_node(self, name: str) -> None:
        """Add an empty node. Raises FaultTargetError for a name that is taken."""
        if name in self._net:
            raise FaultTargetError(f"there is a node {name!r} already")
        self._net.addHost(name, start_holder=self._start_holder)

    def remove_node(self, name: str) -> None:
        """Take a node away that has no links any more. Raises FaultTargetError."""
        self._net.delHost(self._node(name))

    def links_of(self, node: str) -> tuple[str, ...]:
        """Names of the links with an end on the node."""
        return tuple(name for name, (link, _) in self._links.items() if node in (link.a.node, link.b.node))

    def add_link(self, link: Link) -> None:
        """Lay a cable, give its ends their MACs and addresses and set them up. Raises FaultTargetError."""
        if link.name in self._links:
            raise FaultTargetError(f"there is a link {link.name!r} already")
        try:
            cable = self._net.addLink(
                self._node(link.a.node),
                self._node(link.b.node),
                intfName1=link.a.name,
                intfName2=link.b.name,
                addr1=_interface_mac(link.a),
                addr2=_interface_mac(link.b),
            )
        except (NetlinkError, ValueError) as error:
            raise FaultTargetError(f"link {link.name!r} cannot be laid: {error}") from error
        try:
            for port in (link.a, link.b):
                self._configure(port)
        except (NetlinkError, OSError) as error:
            self._net.delLink(cable)
            raise FaultTargetError(f"link {link.name!r} cannot be configured: {error}") from error
        self._links[link.name] = (link, cable)

    def remove_link(self, name: str) -> None:
        """Take a cable away. Raises FaultTargetError."""
        if name not in self._links:
            raise FaultTargetError(f"there is no link {name!r}; links: {', '.join(sorted(self._links))}")
        self._net.delLink(self._links[name][1])
        del self._links[name]

    def write_settings(self, node: str, settings: Mapping[str, str]) -> None:
        """Write settings of the node's kernel, by their paths below /proc/sys. Raises FaultTargetError."""
        with namespaces.inside(self.namespace(node)):
            for name, value in settings.items():
                Path("/proc/sys", name).write_text(value, encoding="ascii")

    def add_default_routes(self, node: str, gateways: tuple[str, ...]) -> None:
        """Point a host at its gateway, one address per family."""
        with namespaces.inside(self.namespace(node)), IPRoute() as netlink:
            for gateway in gateways:
                netlink.route("add", dst="::/0" if ":" in gateway else "0.0.0.0/0", gateway=gateway)

    def _configure(self, port: Port) -> None:
        node = self._node(port.node)
        if port.node == SEGMENT_NODE:
            with IPRoute() as netlink:
                netlink.link("set", index=socket.if_nametoindex(port.name), master=self._bridge_index)
        node.handle.transmit_checksums_off(port.name)
        node.handle.set_up(port.name, up=True)
        if port.addresses and port.l3_port is None:
            with namespaces.inside(node.namespace), IPRoute() as netlink:
                index = socket.if_nametoindex(port.name)
                for address in port.addresses:
                    extra = (
                        {"broadcast": str(address.network.broadcast_address)}
                        if isinstance(address, IPv4Interface) and address.network.prefixlen < 31
                        else {}
                    )
                    netlink.addr(
                        "add",
                        index=index,
                        address=str(address.ip),
                        prefixlen=address.network.prefixlen,
                        **extra,
                    )

    def _node(self, name: str) -> NamespaceNode:
        if name not in self._net:
            raise FaultTargetError(f"there is no node {name!r}; nodes: {', '.join(self.nodes)}")
        node: NamespaceNode = self._net[name]
        return node


def start_sleeper(namespace: int) -> int:
    """A StartHolder: a `sleep` that never ends, in a session of its own."""
    with namespaces.inside(namespace):
        holder = subprocess.Popen(
            ["sleep", "infinity"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            start_new_session=True,
        )
    holder.returncode = 0  # the lab's reaper collects it; Popen must not wait for it too
    return holder.pid


def _interface_mac(port: Port) -> str:
    """The MAC of the bare interface: a switch port's own, or the one that carries the addresses."""
    return port.link_mac or port.mac
