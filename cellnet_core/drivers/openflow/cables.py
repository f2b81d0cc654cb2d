"""Ports that carry addresses where /dev/net/tun may not be opened: veth pairs instead of taps.

One end has the port's name, MAC and addresses, as a tap would; the other is an ordinary port of the switch.
The pairs are the kernel's, so they and their addresses outlive a killed switch.
"""

from __future__ import annotations

from typing import Final

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from cellnet_core.drivers.contract import DriverUnavailableError
from cellnet_core.drivers.openflow import command
from cellnet_core.model.site import Site
from cellnet_core.openflow import ports

_LONGEST_NAME: Final = 15  # IFNAMSIZ - 1


async def ensure(site: Site) -> tuple[str, ...]:
    """Make the pairs that are missing. Returns what changed; raises DriverUnavailableError."""
    if site.ovs.datapath_type != "dummy":
        return ()
    async with AsyncIPRoute() as netlink:
        there = {link.get("ifname") async for link in await netlink.get_links()}
        changed: list[str] = []
        for name, mac in ports.l3_ports(site):
            far = ports.at_switch(site, name)
            if len(far) > _LONGEST_NAME:
                raise DriverUnavailableError(
                    f"{far} is longer than {_LONGEST_NAME} characters: shorten l3_port {name}"
                )
            if {name, far} <= there:
                continue
            try:
                await netlink.link("add", ifname=name, kind="veth", address=mac, peer={"ifname": far})
            except NetlinkError as error:
                raise DriverUnavailableError(f"no veth pair {name} - {far}: {error}") from error
            # The switch reads frames as they are: a checksum left to hardware would never be made.
            await command.run(["ethtool", "-K", name, "tx", "off"])
            changed.append(f"veth pair {name} - {far}")
        return tuple(changed)
