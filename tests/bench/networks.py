"""The networks that cellnet is measured against: FRR, BIRD and a hand-built Open vSwitch group.

Each is built on the nodes and links of a lab without services, so that namespaces, cables, faults and probes
are the same as cellnet's own. A router here is the gateway node itself: addresses on its bare interfaces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface

from simulator.client import LabClient
from tests.bench.settled import settled
from topologies.model import Gateway, Host, Link, LinkKind, Port, Topology

READY_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Timers:
    """BFD timers; None leaves the vendor's defaults."""

    interval_ms: int = 10
    multiplier: int = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One router: its gateway node, what it is joined to, and the far end's address on each path."""

    gateway: Gateway
    asn: int
    peer_asn: int
    lan: Port
    hosts: tuple[Host, ...]
    wan: tuple[tuple[Port, Port], ...]  # own end, far end


def v4(port: Port) -> IPv4Interface:
    """The port's IPv4 address with its prefix length."""
    return next(address for address in port.addresses if isinstance(address, IPv4Interface))


def sides(topology: Topology) -> tuple[Side, Side]:
    """Both routers of a two-cell topology."""
    main, east = topology.cells[0], topology.cells[1]
    links = topology.wan_between(main.name, east.name)

    def ends(gateway: Gateway) -> Iterable[tuple[Port, Port]]:
        for link in links:
            yield (link.a, link.b) if link.a.node == gateway.name else (link.b, link.a)

    result = []
    for cell, other in ((main, east), (east, main)):
        gateway = cell.gateways[0]
        lan = next(_end(link, gateway.name) for link in topology.links_of(gateway.name, LinkKind.LAN))
        result.append(Side(gateway, cell.asn, other.asn, lan, cell.hosts, tuple(ends(gateway))))
    return result[0], result[1]


def _end(link: Link, node: str) -> Port:
    return link.a if link.a.node == node else link.b


# --- plain routers: what FRR and BIRD share ----------------------------------------------------------


def _kernel_router(lab: LabClient, side: Side) -> None:
    """Addresses on bare interfaces, forwarding on; the kernel forwards, the daemon fills its table."""
    node = side.gateway.name
    address = next(a for a in side.gateway.lan_addresses if isinstance(a, IPv4Interface))
    lines = [f"address add {address} dev {side.lan.name}", f"link set {side.lan.name} up"]
    for own, _ in side.wan:
        lines += [f"address add {v4(own)} dev {own.name}", f"link set {own.name} up"]
    _must(lab, node, ["ip", "-batch", "-"], "\n".join(lines) + "\n")
    for setting in ("net.ipv4.ip_forward=1", "net.ipv4.fib_multipath_hash_policy=1"):
        _must(lab, node, ["sysctl", "-qw", setting])


def _must(lab: LabClient, node: str, argv: list[str], stdin: str | None = None) -> str:
    done = lab.exec(node, argv, timeout=20.0, input=stdin)
    if done.returncode != 0:
        raise RuntimeError(f"{node}: {' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()}")
    return str(done.stdout)


def _until(condition: Callable[[], bool], what: str, timeout: float = READY_TIMEOUT) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(0.1)


# --- BIRD --------------------------------------------------------------------------------------------


def render_bird(side: Side, timers: Timers | None) -> str:
    """bird.conf of one router; kernel ECMP over both paths (`merge paths`), BFD on each session."""
    bfd = ""
    if timers:
        bfd = f'interface "wan*" {{ interval {timers.interval_ms} ms; multiplier {timers.multiplier}; }};'
    sessions = "\n".join(
        f"protocol bgp path{n} {{ local {v4(own).ip} as {side.asn}; neighbor {v4(far).ip} as {side.peer_asn};"
        f" bfd on; connect delay time 1; error wait time 1, 2;"
        f' ipv4 {{ import all; export where proto = "lan"; next hop self; }}; }}'
        for n, (own, far) in enumerate(side.wan, 1)
    )
    return f"""router id {side.gateway.router_id};
protocol device {{ scan time 1; }}
protocol direct lan {{ ipv4; interface "{side.lan.name}"; }}
protocol kernel {{ merge paths on; ipv4 {{ export where source = RTS_BGP; }}; }}
protocol bfd {{ {bfd} }}
{sessions}
"""


def start_bird(lab: LabClient, topology: Topology, timers: Timers | None) -> None:
    """Two BIRD 2 routers, ready to forward between the cells."""
    for side in sides(topology):
        node = side.gateway.name
        _kernel_router(lab, side)
        _must(lab, node, ["sh", "-c", f"cat > /run/{node}.conf"], render_bird(side, timers))
        lab.spawn(node, ["bird", "-f", "-c", f"/run/{node}.conf", "-s", f"/run/{node}.ctl"], "bird")
    _until_routed(lab, topology)


# --- FRR ---------------------------------------------------------------------------------------------

FRR_SETUP = """
set -e
mkdir -p /run/frr-{node} /run/etc
if [ ! -e /run/etc/ready ]; then
  # zebra and bfdd insist on the user frr; inside the sandbox only user 0 exists, so frr becomes a name of it.
  sed 's/^frr:.*/frr:x:0:0::\\/:\\/bin\\/sh/' /etc/passwd > /run/etc/passwd
  sed 's/^frr:.*/frr:x:0:/; s/^frrvty:.*/frrvty:x:0:/' /etc/group > /run/etc/group
  mount --bind /run/etc/passwd /etc/passwd
  mount --bind /run/etc/group /etc/group
  mountpoint -q /var/tmp/frr || { mkdir -p /var/tmp/frr; mount -t tmpfs frr /var/tmp/frr; }
  touch /run/etc/ready
fi
"""


def render_frr(side: Side, timers: Timers | None) -> str:
    """What vtysh is given: both sessions with BFD, ECMP over both."""
    lines = ["ip nht resolve-via-default"]
    if timers:
        lines += [
            "bfd",
            " profile fast",
            f"  detect-multiplier {timers.multiplier}",
            f"  receive-interval {timers.interval_ms}",
            f"  transmit-interval {timers.interval_ms}",
            "exit",
            "exit",
        ]
    lines += [
        f"router bgp {side.asn}",
        f" bgp router-id {side.gateway.router_id}",
        " no bgp ebgp-requires-policy",
        " timers bgp 3 9",
    ]
    for _, far in side.wan:
        lines += [f" neighbor {v4(far).ip} remote-as {side.peer_asn}", f" neighbor {v4(far).ip} bfd"]
        lines.append(f" neighbor {v4(far).ip} timers connect 1")  # the way back is not what is measured
        if timers:
            lines.append(f" neighbor {v4(far).ip} bfd profile fast")
    network = next(a for a in side.gateway.lan_addresses if isinstance(a, IPv4Interface)).network
    lines += [" address-family ipv4 unicast", f"  network {network}", "  maximum-paths 2", " exit", "exit"]
    return "\n".join(lines) + "\n"


def start_frr(lab: LabClient, topology: Topology, timers: Timers | None) -> None:
    """Two FRR routers (zebra, bgpd, bfdd), ready to forward between the cells."""
    for side in sides(topology):
        node = side.gateway.name
        _kernel_router(lab, side)
        _must(lab, node, ["sh", "-c", FRR_SETUP.replace("{node}", node)])
        run = f"/run/frr-{node}"
        for daemon, extra in (("zebra", []), ("bfdd", ["--bfdctl", f"{run}/bfdd.sock"]), ("bgpd", [])):
            common = [
                "-i",
                f"{run}/{daemon}.pid",
                "-z",
                f"{run}/zserv",
                "--vty_socket",
                run,
                "-f",
                "/dev/null",
            ]
            lab.spawn(node, [f"/usr/lib/frr/{daemon}", *common, *extra], daemon)
            _until(
                lambda daemon=daemon, run=run, node=node: (
                    lab.exec(  # type: ignore[misc]
                        node, ["test", "-S", f"{run}/{daemon}.vty"], timeout=5.0
                    ).returncode
                    == 0
                ),
                f"{daemon} on {node}",
            )
        _must(lab, node, ["sh", "-c", f"cat > {run}/frr.conf"], render_frr(side, timers))
        _must(lab, node, ["vtysh", "--vty_socket", run, "-f", f"{run}/frr.conf"])
    _until_routed(lab, topology)


def _until_routed(lab: LabClient, topology: Topology) -> None:
    _until(routed(lab, topology), "ECMP routes on both routers")


def routed(lab: LabClient, topology: Topology) -> Callable[[], bool]:
    """Whether both routers use every path to the other's LAN: so many next hops in the kernel's table."""
    near, far = sides(topology)

    def ready() -> bool:
        for side, other in ((near, far), (far, near)):
            network = next(a for a in other.gateway.lan_addresses if isinstance(a, IPv4Interface)).network
            shown = lab.exec(
                side.gateway.name, ["ip", "-4", "route", "show", str(network)], timeout=5.0
            ).stdout
            if not all(own.name in shown for own, _ in side.wan):
                return False
        return True

    return ready


# --- Open vSwitch by hand ----------------------------------------------------------------------------


def start_ovs(lab: LabClient, topology: Topology, timers: Timers | None) -> None:
    """Two switches with a fast-failover group over both paths, as an expert would type it."""
    use = timers or Timers()
    near, far = sides(topology)
    for side, other in ((near, far), (far, near)):
        node = side.gateway.name
        run = f"/run/ovs-{node}"
        _must(
            lab,
            node,
            [
                "sh",
                "-c",
                f"mkdir -p {run}; ovsdb-tool create {run}/conf.db /usr/share/openvswitch/vswitch.ovsschema",
            ],
        )
        lab.spawn(
            node,
            ["ovsdb-server", f"{run}/conf.db", f"--remote=punix:{run}/db.sock", f"--unixctl={run}/ovsdb.ctl"],
            "ovsdb",
        )
        _until(
            lambda run=run, node=node: (
                lab.exec(  # type: ignore[misc]
                    node, ["test", "-S", f"{run}/db.sock"], timeout=5.0
                ).returncode
                == 0
            ),
            f"ovsdb-server on {node}",
        )
        database = f"--db=unix:{run}/db.sock"
        _must(lab, node, ["ovs-vsctl", database, "--no-wait", "init"])
        env = {"OVS_RUNDIR": run}
        lab.spawn(
            node, ["ovs-vswitchd", f"unix:{run}/db.sock", f"--unixctl={run}/v.ctl"], "vswitchd", env=env
        )
        argv = ["ovs-vsctl", "--timeout=10", database, "add-br", "br0", "--", "set", "bridge", "br0"]
        argv += ["datapath_type=netdev", "fail-mode=secure"]
        argv += ["--", "add-port", "br0", side.lan.name]
        for own, _ in side.wan:
            argv += ["--", "add-port", "br0", own.name, "--", "set", "interface", own.name, "bfd:enable=true"]
            argv += [
                f"bfd:min_tx={use.interval_ms}",
                f"bfd:min_rx={use.interval_ms}",
                f"bfd:mult={use.multiplier}",
            ]
        _must(lab, node, argv)
        buckets = [
            f"bucket=watch_port:{own.name},actions=set_field:{own.mac}->eth_src,set_field:{end.mac}->eth_dst,"
            f"output:{own.name}"
            for own, end in side.wan
        ]
        bridge = f"unix:{run}/br0.mgmt"
        group = ",".join(["group_id=1", "type=ff", *buckets])
        _must(lab, node, ["ovs-ofctl", "-O", "OpenFlow13", "add-group", bridge, group])
        network = next(a for a in other.gateway.lan_addresses if isinstance(a, IPv4Interface)).network
        flows = [f"ip,nw_dst={network},actions=dec_ttl,group:1"]
        for host in side.hosts:
            address = next(a for a in host.addresses if isinstance(a, IPv4Interface)).ip
            flows.append(
                f"ip,nw_dst={address},actions=dec_ttl,set_field:{side.gateway.router_mac}->eth_src,"
                f"set_field:{host.mac}->eth_dst,output:{side.lan.name}"
            )
        _must(lab, node, ["ovs-ofctl", "-O", "OpenFlow13", "add-flows", bridge, "-"], "\n".join(flows) + "\n")
        via = next(a for a in side.gateway.lan_addresses if isinstance(a, IPv4Interface)).ip
        for host in side.hosts:
            entry = ["ip", "neigh", "replace", str(via), "lladdr", side.gateway.router_mac, "dev", "eth0"]
            _must(lab, host.name, [*entry, "nud", "permanent"])

    _until(ovs_ready(lab, topology), "BFD on both paths")


def ovs_ready(lab: LabClient, topology: Topology) -> Callable[[], bool]:
    """Whether every path is live at both switches, with the timers that were asked for."""

    def ready() -> bool:
        return all(
            settled(
                _must(
                    lab,
                    side.gateway.name,
                    ["ovs-appctl", "-t", f"/run/ovs-{side.gateway.name}/v.ctl", "bfd/show"],
                ),
                len(side.wan),
            )
            for side in sides(topology)
        )

    return ready


def bird_ready(lab: LabClient, topology: Topology) -> Callable[[], bool]:
    """Whether both routers have both sessions, watched by BFD, and a route to the other's LAN."""
    return _watched(
        lab,
        topology,
        lambda node: ["birdc", "-s", f"/run/{node}.ctl", "show bfd sessions"],
        "Up",
        lambda node: ["birdc", "-s", f"/run/{node}.ctl", "show protocols"],
        "Established",
    )


def frr_ready(lab: LabClient, topology: Topology) -> Callable[[], bool]:
    """Whether both routers have both sessions, watched by BFD, and a route to the other's LAN.

    Not that both paths are in the kernel's table: FRR 8.4 does not put the second next hop back after a flap.
    """
    return _watched(
        lab,
        topology,
        lambda node: ["vtysh", "--vty_socket", f"/run/frr-{node}", "-c", "show bfd peers"],
        "Status: up",
        lambda node: ["vtysh", "--vty_socket", f"/run/frr-{node}", "-c", "show bgp neighbors"],
        "BGP state = Established",
    )


Show = Callable[[str], list[str]]


def _watched(
    lab: LabClient, topology: Topology, bfd: Show, up: str, bgp: Show, established: str
) -> Callable[[], bool]:
    def count(node: str, argv: list[str], word: str) -> int:
        return lab.exec(node, argv, timeout=5.0).stdout.count(word)

    def ready() -> bool:
        return all(
            count(side.gateway.name, bfd(side.gateway.name), up) == len(side.wan)
            and count(side.gateway.name, bgp(side.gateway.name), established) == len(side.wan)
            for side in sides(topology)
        )

    return ready


START: dict[str, Callable[[LabClient, Topology, Timers | None], None]] = {
    "bird": start_bird,
    "frr": start_frr,
    "ovs": start_ovs,
}

READY: dict[str, Callable[[LabClient, Topology], Callable[[], bool]]] = {
    "bird": bird_ready,
    "frr": frr_ready,
    "ovs": ovs_ready,
}
