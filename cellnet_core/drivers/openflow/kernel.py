"""The gateway's kernel: links, addresses, neighbours, routes and settings that the speaker needs.

What is wanted is a pure function of the site (`wanted`); `ensure` compares it with the kernel of the network
namespace it runs in and touches only what is missing. It must run in the gateway's namespace, as its root.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path
from typing import Any, Final

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from cellnet_core.drivers.contract import DriverUnavailableError
from cellnet_core.drivers.openflow import quiet
from cellnet_core.model.site import Interface, Site
from cellnet_core.openflow import ports

_GATEWAYS: Final = {4: "169.254.0.1", 6: "fe80::1"}
"""Next hops of the kernel's default routes. Nobody has them: their MAC is the router's own, by a permanent
entry, so that whatever the kernel sends enters the pipeline like a host's packet."""
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_PERMANENT: Final = 0x80  # NUD_PERMANENT
_USABLE: Final = 0x02 | 0x04 | 0x08 | 0x10 | 0x80  # reachable, stale, delay, probe, permanent
_ONLINK: Final = 4  # RTNH_F_ONLINK
_MAIN_TABLE: Final = 254  # RT_TABLE_MAIN
_PRIORITY: Final = 5200
"""Of our routing rules: before the main table (32766)."""
_NODAD: Final = 2  # IFA_F_NODAD
_SYSCTL: Final = Path("/proc/sys/net")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the kernel shall have. Settings are paths below /proc/sys/net."""

    before: Mapping[str, str]
    """Settings that do not belong to the internal ports."""
    settings: Mapping[str, str]
    """Settings of the internal ports; to be made before these are up."""
    up: tuple[str, ...]
    first_up: tuple[str, ...]
    """Cables to others: brought up if they never were. One that somebody took down stays down: neither a
    restart of the agent nor its audit undoes an operator's (or a fault's) will."""
    addresses: tuple[tuple[str, Interface], ...]
    default_port: str
    router_mac: str
    table: int | None
    """Routing table of the default way; None: the main one, which then must have no other."""
    from_: Mapping[int, tuple[str, ...]]
    """IP version to the addresses whose packets look into that table."""
    sources: Mapping[int, str]
    """IP version to the source address of what the kernel sends by its default route."""


def wanted(site: Site) -> Wanted:
    """What the site asks of the kernel."""
    bare = quiet.physical_ports(site)
    cables = (*(port.interface for port in site.wan), *site.lan.interfaces)
    internal = tuple(name for name, _ in ports.l3_ports(site))
    lan = site.lan.l3_port
    before = {
        "ipv4/conf/all/rp_filter": "0",
        "ipv4/conf/all/arp_ignore": "1",
        "ipv4/conf/all/arp_announce": "2",
        "ipv4/conf/all/send_redirects": "0",
        "ipv4/conf/all/accept_redirects": "0",
        # The speaker must not fail because a link address is not there yet or just went with its port.
        "ipv4/ip_nonlocal_bind": "1",
        "ipv6/ip_nonlocal_bind": "1",
        "ipv4/tcp_syn_retries": "2",  # a path that was silent is called again within seconds
        # IPv6 has no forwarding by single interface; base flows let nothing but BGP reach the other ports.
        "ipv6/conf/all/forwarding": "1",
        **{f"ipv6/conf/{port}/disable_ipv6": "1" for port in bare},
    }
    settings = {f"ipv4/conf/{lan}/forwarding": "1"}
    for port in internal:
        settings |= {
            f"ipv4/conf/{port}/rp_filter": "0",
            f"ipv4/conf/{port}/send_redirects": "0",
            f"ipv6/conf/{port}/accept_ra": "0",
            f"ipv6/conf/{port}/accept_redirects": "0",
            f"ipv6/conf/{port}/accept_dad": "0",  # also the link-local address counts at once
            f"ipv6/conf/{port}/dad_transmits": "0",
        }
    addresses = [(port.l3_port, address) for port in site.wan for address in port.addresses]
    addresses += [(lan, address) for address in site.lan.addresses]
    addresses += [(lan, ip_interface(f"{each.ip}")) for each in site.lan.health_addresses]
    return Wanted(
        before=before,
        settings=settings,
        up=(*(port for port in bare if port not in cables), *internal),
        first_up=cables,
        addresses=tuple(addresses),
        default_port=lan,
        router_mac=site.lan.router_mac.lower(),
        table=site.lan.routing_table,
        from_={version: tuple(own) for version, own in _own_addresses(site).items()},
        sources={address.version: str(address.ip) for address in reversed(site.lan.addresses)},
    )


def _own_addresses(site: Site) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {4: [], 6: []}
    for each in (*site.lan.addresses, *site.lan.health_addresses):
        found[each.version].append(str(each.ip))
    return found


def ensure_settings(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Write the settings that differ. Returns what changed; raises DriverUnavailableError."""
    changed: list[str] = []
    for name, value in settings.items():
        path = _SYSCTL / name
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
                changed.append(f"setting {name} = {value}")
        except FileNotFoundError as error:
            port = name.split("/")[2]
            raise DriverUnavailableError(
                f"no interface {port}: check the site file's names, and that ovs-vswitchd runs"
            ) from error
        except PermissionError as error:
            raise DriverUnavailableError(
                f"{path} cannot be written: run as root of the gateway's namespace"
            ) from error
    return tuple(changed)


def missing_links(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the names that the kernel has no interface of."""
    there = {name for _, name in socket.if_nameindex()}
    return tuple(name for name in names if name not in there)


async def router_macs(site: Site) -> dict[str, str]:
    """MAC of the provider's router at each WAN port, where the kernel has resolved it."""
    peers = {port.l3_port: port for port in site.wan if port.peer is not None}
    indexes = {index: name for index, name in socket.if_nameindex() if name in peers}
    if not indexes:
        return {}
    found: dict[str, str] = {}
    async with AsyncIPRoute() as netlink:
        async for entry in await netlink.get_neighbours(family=socket.AF_INET):
            port = peers.get(indexes.get(entry["ifindex"], ""))
            mac = entry.get("lladdr")
            if port is None or port.peer is None or not mac or not entry["state"] & _USABLE:
                continue
            if any(entry.get("dst") == str(address.ip) for address in port.peer.addresses):
                found[port.interface] = mac
    return found


async def ensure(want: Wanted) -> tuple[str, ...]:
    """Bring links up, and add addresses, the neighbours and routes of the default way that are missing.

    Returns what changed. Raises DriverUnavailableError if the kernel refuses.
    """
    try:
        async with AsyncIPRoute() as netlink:
            links = {link.get("ifname"): link async for link in await netlink.get_links()}
            return (
                *await _links(netlink, links, want),
                *await _addresses(netlink, links, want),
                *await _default_way(netlink, links[want.default_port]["index"], want),
            )
    except NetlinkError as error:
        raise DriverUnavailableError(
            f"the kernel refused: {error}; run as root of the gateway's namespace"
        ) from error
    except KeyError as error:
        raise DriverUnavailableError(f"interface {error} went away meanwhile: boot again") from error


async def _links(netlink: Any, links: Mapping[str, Any], want: Wanted) -> list[str]:
    changed: list[str] = []
    for name in (*want.first_up, *want.up):
        was_up = name in want.first_up and links[name].get("carrier_up_count")
        if links[name]["state"] != "up" and not was_up:
            await netlink.link("set", index=links[name]["index"], state="up")
            changed.append(f"link {name} up")
    return changed


async def _addresses(netlink: Any, links: Mapping[str, Any], want: Wanted) -> list[str]:
    there = {
        (each["index"], str(ip_interface(each.get("address"))), each["prefixlen"])
        async for each in await netlink.get_addr()
    }
    changed: list[str] = []
    for name, address in want.addresses:
        index, length = links[name]["index"], address.network.prefixlen
        if (index, str(ip_interface(str(address.ip))), length) not in there:
            # Without duplicate address detection it counts at once, for the routes below too.
            flags = {"flags": _NODAD} if address.version == 6 else {}
            await netlink.addr("add", index=index, address=str(address.ip), prefixlen=length, **flags)
            changed.append(f"address {address} on {name}")
    return changed


async def _default_way(netlink: Any, index: int, want: Wanted) -> list[str]:
    neighbours = {
        each.get("dst"): (each.get("lladdr"), each["state"])
        async for each in await netlink.get_neighbours(ifindex=index)
    }
    routes = {
        (int(each["family"]), each.get("gateway"), each.get("oif"), each.get("prefsrc"))
        for version in want.sources
        async for each in await netlink.get_default_routes(
            family=_FAMILIES[version], table=want.table or _MAIN_TABLE
        )
    }
    if want.table is None:
        _refuse_others(routes, index)
    changed: list[str] = []
    for version, source in want.sources.items():
        gateway, family = _GATEWAYS[version], _FAMILIES[version]
        if neighbours.get(gateway) != (want.router_mac, _PERMANENT):
            await netlink.neigh(
                "replace", ifindex=index, dst=gateway, lladdr=want.router_mac, state=_PERMANENT
            )
            changed.append(f"neighbour {gateway} on {want.default_port}")
        if (int(family), gateway, index, source) not in routes:
            # onlink is for IPv4 only: fe80::1 is on the link in any case
            flags = {"flags": _ONLINK} if version == 4 else {}
            await netlink.route(
                "replace",
                family=family,
                dst="default",
                gateway=gateway,
                oif=index,
                prefsrc=source,
                table=want.table or _MAIN_TABLE,
                **flags,
            )
            changed.append(f"default route of IPv{version} by {want.default_port}")
        if want.table is not None:
            changed += await _rules(netlink, version, want.table, want.from_[version])
    return changed


def _refuse_others(routes: set[tuple[int, str | None, int | None, str | None]], index: int) -> None:
    """The machine's own way to the world is not ours to replace."""
    if any(port is not None and port != index for _, _, port, _ in routes):
        raise DriverUnavailableError(
            "this machine has a default route of its own, which is left alone: set lan.routing_table in the "
            "site file, such as 52, or run the gateway in a network namespace of its own"
        )


async def _rules(netlink: Any, version: int, table: int, addresses: tuple[str, ...]) -> list[str]:
    """Have packets from these addresses look into the table."""
    family, length = _FAMILIES[version], 32 if version == 4 else 128
    there = {
        (each.get("src"), each.get("table"))
        async for each in await netlink.get_rules(family=family)
        if each.get("src_len") == length
    }
    changed = []
    for address in addresses:
        if (address, table) not in there:
            await netlink.rule(
                "add", family=family, src=address, src_len=length, table=table, priority=_PRIORITY
            )
            changed.append(f"rule for packets from {address}")
    return changed
