"""Keeps the gateway's kernel from answering on its physical ports, beside the pipeline.

With a userspace datapath the kernel sees every frame of a physical port too; without this it answers ARP with
the wrong MAC and takes a BGP SYN past the tables. A netdev ingress hook that drops everything stops it; Open
vSwitch still receives, since its packet sockets tap before that hook.
"""

from __future__ import annotations

import json
from typing import Any, Final

from cellnet_core.drivers.openflow import command
from cellnet_core.model.site import Site

_TABLE: Final = "cellnet-quiet"


def physical_ports(site: Site) -> tuple[str, ...]:
    """Every port that carries frames of others."""
    return (*(port.interface for port in site.wan), *site.lan.interfaces)


async def ensure(site: Site) -> tuple[str, ...]:
    """Install the drop where it is missing. Returns what changed."""
    if site.ovs.datapath_type != "netdev":
        return ()  # the kernel's datapath takes frames after this hook, and its stack never sees them
    listed = await command.run(["nft", "-j", "list", "table", "netdev", _TABLE], ok=(0, 1))
    wanted = physical_ports(site)
    if listed.status == 0 and dropping(json.loads(listed.output)) == set(wanted):
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


def dropping(document: Any) -> set[str]:
    """The ports on which a table as listed by `nft -j` drops everything."""
    rules = {each["rule"]["chain"] for each in document["nftables"] if "rule" in each}
    chains = [each["chain"] for each in document["nftables"] if "chain" in each]
    return {
        chain["dev"]
        for chain in chains
        if chain.get("policy") == "drop" and chain.get("hook") == "ingress" and chain["name"] not in rules
        if isinstance(chain.get("dev"), str)
    }
