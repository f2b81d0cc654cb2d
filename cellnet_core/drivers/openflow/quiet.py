"""Keeps the gateway's kernel from answering on its physical ports, beside the pipeline.

With a userspace datapath the kernel sees every frame of a physical port too; without this it answers ARP with
the wrong MAC and takes a BGP SYN past the tables. A netdev ingress hook that drops everything stops it; Open
vSwitch still receives, since its packet sockets tap before that hook.
"""

from __future__ import annotations

import re
from typing import Final

from cellnet_core.drivers.openflow import command
from cellnet_core.model.site import Site
from cellnet_core.openflow import ports

_TABLE: Final = "cellnet-quiet"
_CHAIN: Final = re.compile(r"chain \S+ \{\n(.*?)\n\s*\}\n", re.DOTALL)
_HOOK: Final = re.compile(
    r'type filter hook ingress device(?:s = \{)? "([^"]+)"(?: \})? priority \S+; policy drop;'
)


def physical_ports(site: Site) -> tuple[str, ...]:
    """Every port that carries frames of others, the switch's ends of veth pairs included."""
    ends = (ports.at_switch(site, name) for name, _ in ports.l3_ports(site))
    cables = tuple(end for end in ends if end.startswith(ports.CABLE_PREFIX))
    return (*(port.interface for port in site.wan), *site.lan.interfaces, *cables)


async def ensure(site: Site) -> tuple[str, ...]:
    """Install the drop where it is missing. Returns what changed."""
    if site.ovs.datapath_type == "system":
        return ()  # the kernel's datapath takes frames after this hook, and its stack never sees them
    listed = await command.run(["nft", "list", "table", "netdev", _TABLE], ok=(0, 1))
    wanted = physical_ports(site)
    if listed.status == 0 and dropping(listed.output) == set(wanted):
        return ()
    await command.run(["nft", "-f", "-"], stdin=render(wanted))
    return (f"kernel kept quiet on {', '.join(wanted)}",)


def render(ports: tuple[str, ...]) -> str:
    """The whole table for `nft -f`: replaced in one transaction, so that nothing slips through between."""
    chains = "".join(
        f'  chain port-{index} {{ type filter hook ingress device "{port}" priority -500; policy drop; }}\n'
        for index, port in enumerate(ports)
    )
    name = f"table netdev {_TABLE}"
    return f"add {name}\ndelete {name}\n{name} {{\n{chains}}}\n"


def dropping(listing: str) -> set[str]:
    """The ports on which a table as listed by nft drops everything.

    The text, not JSON: nft 1.0.6 leaves the device out of the latter. A chain with a rule in it counts for
    nothing, since the rule may accept.
    """
    found: set[str] = set()
    for body in _CHAIN.findall(listing):
        lines = body.strip().splitlines()
        if len(lines) == 1 and (hook := _HOOK.fullmatch(lines[0].strip())):
            found.add(hook[1])
    return found
