"""A provider's router on FRR: zebra, bfdd and bgpd, their configuration and their command lines.

Pure but for `prepare_users`. Golden files pin the texts; the daemons' own parsers (`bgpd -C`, `bfdd -C`)
check them in the tests. Each daemon gets a file of its own, so that no vtysh has to load one after the start.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from simulator import namespaces
from simulator.routers.plans import HOLD_TIME, Customer, Neighbor, Plan, longest
from simulator.services import Notified, ServiceSpec
from topologies.model import Network

DAEMONS = "/usr/lib/frr"
_USERS = Path("/run/frr-users")


def render_bfdd(plan: Plan) -> str:
    """bfdd.conf: the timers that bgpd's sessions ask for by name, and the sessions themselves.

    What only bgpd asks for ends with the BGP session, and the next begins BFD anew: that comes up a second
    later, takes some of its first packets for late, and ends the BGP session again, now and then for half a
    minute.
    """
    lines = [
        f"hostname {plan.router.name}",
        "bfd",
        " profile cellnet",
        f"  detect-multiplier {plan.bfd_multiplier}",
        f"  receive-interval {plan.bfd_ms}",
        f"  transmit-interval {plan.bfd_ms}",
        " exit",
    ]
    for neighbor in plan.neighbors:
        lines += [
            f" peer {neighbor.peer_v4} local-address {neighbor.local_v4} interface {neighbor.interface}",
            "  profile cellnet",
            " exit",
        ]
    return "\n".join([*lines, "exit", ""])


def render_bgpd(plan: Plan) -> str:
    """bgpd.conf."""
    router = plan.router
    own = {neighbor.customer for neighbor in plan.neighbors if neighbor.customer is not None}
    lines = [f"hostname {router.name}", "log stdout informational"]
    for customer in plan.customers:
        lines += _lists(customer)
        if customer in own:
            lines += _route_map(f"from-{customer.cell}", [customer], f"only-{customer.cell}")
    if any(neighbor.customer is None for neighbor in plan.neighbors):
        lines += _route_map("from-provider", plan.customers, None)
    lines += ["route-map to-everybody permit 10", "exit"]
    lines += [
        f"router bgp {router.asn}",
        f" bgp router-id {router.router_id}",
        " no bgp default ipv4-unicast",
        " bgp fast-external-failover",
        f" timers bgp {HOLD_TIME // 3} {HOLD_TIME}",
    ]
    for neighbor in plan.neighbors:
        lines += _session(neighbor)
    for family in ("ipv4", "ipv6"):
        lines.append(f" address-family {family} unicast")
        for neighbor in plan.neighbors:
            importing = "from-provider" if neighbor.customer is None else f"from-{neighbor.customer.cell}"
            lines += [
                f"  neighbor {neighbor.peer_v4} activate",
                f"  neighbor {neighbor.peer_v4} route-map {importing} in",
                f"  neighbor {neighbor.peer_v4} route-map to-everybody out",
            ]
        lines.append(" exit-address-family")
    return "\n".join([*lines, "exit", ""])


def service(node: str, directory: str) -> ServiceSpec:
    """All three daemons on that node, as one service: when one ends, all do."""
    return ServiceSpec(
        "router",
        node,
        f"router {node}",
        (sys.executable, "-X", "frozen_modules=on", "-m", "simulator.routers.frr_process", directory),
        Notified(),
        data_plane=True,
    )


def bfdd_file(directory: str) -> str:
    """Path of bfdd.conf."""
    return f"{directory}/bfdd.conf"


def bgpd_file(directory: str) -> str:
    """Path of bgpd.conf."""
    return f"{directory}/bgpd.conf"


def command(daemon: str, directory: str) -> tuple[str, ...]:
    """The command line of a daemon that stays in the foreground. `vtysh --vty_socket DIRECTORY` asks them."""
    files = {"bfdd": bfdd_file(directory), "bgpd": bgpd_file(directory)}
    return (
        f"{DAEMONS}/{daemon}",
        *("-f", files.get(daemon, "/dev/null")),
        *("-i", f"{directory}/{daemon}.pid"),
        *("-z", zebra_socket(directory)),
        *("--vty_socket", directory),
        *("--log", "stdout"),
        *("--bfdctl", f"{directory}/bfdd.sock") * (daemon == "bfdd"),
    )


def zebra_socket(directory: str) -> str:
    """Path of the socket on which zebra serves the other two."""
    return f"{directory}/zserv"


def check_command(daemon: str, file: str) -> tuple[str, ...]:
    """What has a daemon read a configuration and say what is wrong with it."""
    return (f"{DAEMONS}/{daemon}", "-C", "-f", file)


def prepare_users() -> None:
    """Let zebra and bfdd have the user they insist on. Once in a sandbox, before the first of them starts.

    Inside, only user 0 exists, so frr becomes another name of it, in copies of the two files.
    """
    _USERS.mkdir()
    for name, pattern, entry in (
        ("passwd", r"^frr:.*$", "frr:x:0:0::/:/bin/sh"),
        ("group", r"^(frr|frrvty):.*$", r"\1:x:0:"),
    ):
        here = Path("/etc", name)
        copy = _USERS / name
        copy.write_text(re.sub(pattern, entry, here.read_text(encoding="utf-8"), flags=re.MULTILINE))
        namespaces.mount(str(copy), here, flags=namespaces.MS_BIND)


def _kind(prefix: Network) -> str:
    return "ip" if prefix.version == 4 else "ipv6"


def _lists(customer: Customer) -> list[str]:
    cell, asn = customer.cell, customer.asn
    return [
        f"bgp as-path access-list only-{cell} permit ^{asn}( {asn})*$",
        f"bgp as-path access-list by-{cell} permit (^| ){asn}$",
        *(
            f"{_kind(prefix)} prefix-list of-{cell} permit {prefix} le {longest(prefix)}"
            for prefix in customer.prefixes
        ),
    ]


def _route_map(name: str, customers: Iterable[Customer], as_path: str | None) -> list[str]:
    """Permits what these cells own, originated by them; what a route map does not name is refused."""
    lines: list[str] = []
    number = 0
    for customer in customers:
        for prefix in customer.prefixes:
            number += 10
            kind = _kind(prefix)
            lines += [
                f"route-map {name} permit {number}",
                f" match {kind} address prefix-list of-{customer.cell}",
                f" match as-path {as_path or f'by-{customer.cell}'}",
                "exit",
            ]
    return lines


def _session(neighbor: Neighbor) -> list[str]:
    peer = f" neighbor {neighbor.peer_v4}"
    what = "another provider" if neighbor.customer is None else f"cell {neighbor.customer.cell}"
    return [
        f"{peer} remote-as {neighbor.asn}",
        f"{peer} description {what}",
        *([f"{peer} passive"] if neighbor.waits else []),
        f"{peer} timers connect 1",
        f"{peer} advertisement-interval 0",
        f"{peer} graceful-restart-helper",
        f"{peer} bfd",
        f"{peer} bfd profile cellnet",
    ]
