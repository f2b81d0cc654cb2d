"""OpenFlow port numbers of a gateway: a pure function of the site.

Flows need numbers and base flows are written before the switch was ever asked, so the numbers are decided
here and requested from Open vSwitch (`ofport_request`), which honours them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cellnet_core.model.site import Site

PATCH_TO_INTEGRATION: Final = "to-int"
"""Patch port on the physical-side bridge; its peer on the integration bridge is `PATCH_TO_PHYSICAL`."""
PATCH_TO_PHYSICAL: Final = "to-phy"

_PATCH_NUMBER: Final = 1
_LAN_L3_NUMBER: Final = 2
_FIRST_WAN_NUMBER: Final = 10  # a physical WAN port is even, its l3 port the odd number after it


CABLE_PREFIX: Final = "sw-"


def at_switch(site: Site, l3_port: str) -> str:
    """The switch's end of a port that carries addresses: the port itself, or the far end of its veth pair."""
    return f"{CABLE_PREFIX}{l3_port}" if site.ovs.datapath_type == "dummy" else l3_port


def l3_ports(site: Site) -> tuple[tuple[str, str], ...]:
    """Every port that carries addresses, with its MAC: the WAN's in the site's order, then the LAN's."""
    return (*((port.l3_port, port.mac) for port in site.wan), (site.lan.l3_port, site.lan.router_mac))


@dataclass(frozen=True, slots=True)
class PortMap:
    """Names and numbers of the ports of the physical-side bridge."""

    numbers: Mapping[str, int]
    patch: int
    lan_l3: int

    def name(self, number: int) -> str:
        """The port's name; the number as text when it is none of ours."""
        for name, candidate in self.numbers.items():
            if candidate == number:
                return name
        return str(number)


def number(site: Site) -> PortMap:
    """The numbers of all ports of the site's physical-side bridge."""
    numbers = {PATCH_TO_INTEGRATION: _PATCH_NUMBER, site.lan.l3_port: _LAN_L3_NUMBER}
    for index, port in enumerate(site.wan):
        numbers[port.interface] = _FIRST_WAN_NUMBER + 2 * index
        numbers[port.l3_port] = _FIRST_WAN_NUMBER + 2 * index + 1
    return PortMap(numbers=numbers, patch=_PATCH_NUMBER, lan_l3=_LAN_L3_NUMBER)
